package mirrordb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/google/uuid"
)

// create puts a fresh mirror where there is no file, or an empty one.
func (db *DB) create() error {
	if err := place.MakeDirectory(filepath.Dir(db.path)); err != nil {
		return err
	}
	return sqlitedb.WithLockFileUnless(db.path+LockSuffix, max(db.Patience(), making), db.isMade, func() error {
		switch file, err := db.Locate(); {
		case errors.Is(err, fs.ErrNotExist):
			db.lost = db.lost || db.last.Mirror == "" && place.WasDamaged(db.path)
		case err != nil || file.Size() > 0:
			db.lost = false
			return err // another process was first
		case db.last.Mirror != "":
			db.inherits = true // ours, cut to nothing
			db.Report(errors.New("mirror was cut to nothing, a fresh one is begun"))
		}
		return db.place()
	})
}

// making is how long a mirror that another process is making is waited for. Nobody
// holds that lock for longer than it takes: on an idle machine milliseconds.
const making = 5 * time.Second

// isMade reports whether there is a mirror now.
func (db *DB) isMade() bool {
	file, err := db.Locate()
	return err == nil && file.Size() > 0
}

const (
	LockSuffix  = ".lock"
	FreshSuffix = ".new"
)

// place writes a mirror under another name and renames it into place once it is on the
// disk, so that nobody sees half of one, also after a power failure. That is the one
// thing which is waited for: what makes a mirror fail leaves none. An empty file that
// nobody has open becomes the mirror itself. The caller holds the lock file.
func (db *DB) place() error {
	db.removeNote() // of the former one
	if blank, err := db.isBlank(); err != nil {
		return err
	} else if blank {
		return db.build(db.path)
	}
	fresh := db.path + FreshSuffix
	if file, err := os.Lstat(fresh); err == nil && !file.Mode().IsRegular() {
		return fmt.Errorf("make %s: it is %s", fresh, place.Irregular(file.Mode()))
	}
	content, err := schema.Fresh(db.newMirror, db.mayHaveLog(fresh))
	if err != nil {
		return err
	}
	if err = place.WriteWhole(fresh, content); err != nil {
		err = place.WriteWhole(fresh, content) // one write may fail on a sound disk
	}
	if err != nil {
		return errors.Join(err, place.RemoveAll(fresh))
	}
	// The files beside a mirror that was deleted without them: processes that
	// have it open go on with them, the fresh one must not.
	if err := place.RemoveBeside(db.path); err != nil {
		return errors.Join(err, place.RemoveAll(fresh))
	}
	if err := place.Rename(fresh, db.path); err != nil {
		return errors.Join(err, place.RemoveAll(fresh))
	}
	return nil
}

// build makes an empty file a mirror, without a write-ahead log where that turns out
// not to work.
func (db *DB) build(path string) error {
	if err := place.Create(path); err != nil {
		return err
	}
	err := db.fill(path)
	if sqlitedb.NoSharedMemory(err) {
		if err = db.leaveLog(path); err == nil {
			err = db.fill(path)
		}
	}
	return err
}

func (db *DB) fill(path string) error {
	conn, err := sqlitedb.Open(path, false, db.Patience())
	if err != nil {
		return err
	}
	if err = db.setUp(conn, path); err == nil {
		err = schema.Migrate(conn, db.newMirror)
	}
	return errors.Join(err, conn.Close())
}

// newMirror returns the row of a fresh mirror. The decision still applies if it is
// known. If it is not, nothing is sent until somebody decides: what was read from a
// damaged file may be older than the last decision. The installation keeps its id
// when its file was set aside as damaged, and gets a new one when the file was
// deleted.
func (db *DB) newMirror() []any {
	installation := uuid.NewString()
	switch {
	case db.InstallationID != "":
		installation = db.InstallationID
	case db.inherits && db.last.Installation != "":
		installation = db.last.Installation
	}
	h := db.last
	h.Decide(db.decision.Read(db.path, db.asked))
	if db.lost {
		h = db.afterLoss(h)
	}
	return []any{uuid.NewString(), installation, db.Now().UnixNano(), int64(h.Mode), h.ModeSince, h.RequireConsent, h.Erasures}
}

// setUp chooses a write-ahead log where the file system allows one. Without
// it, a commit that is not synchronised could damage the file.
func (db *DB) setUp(c *sqlitedb.Conn, path string) error {
	mode, err := c.JournalMode()
	if err == nil && mode != "wal" && db.mayHaveLog(path) {
		mode, err = c.WriteAhead(db.Patience())
	}
	if err != nil {
		return fmt.Errorf("set journal mode: %w", err)
	}
	return c.Relax(mode)
}
