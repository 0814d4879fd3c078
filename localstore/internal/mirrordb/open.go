package mirrordb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/warm"
)

// errMoved is returned when another process replaced the file that was being
// opened.
var errMoved = errors.New("localstore: mirror was replaced while it was opened")

// opens is how many attempts to open a file are made while others set it aside or
// make it.
const opens = 6

// Open connects, and sets a damaged file aside. While several processes do that,
// one may see the journal of another's fresh file beside the old one, and meet an
// error that does not occur at the next attempt.
func (db *DB) Open() error {
	until := time.Now().Add(db.Patience())
	doubted := false
	for try := 1; ; try++ {
		err := db.connect()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errMoved) && time.Now().Before(until):
		case try == opens:
			return db.named(err)
		case (schema.IsDamage(err) || errors.Is(err, place.ErrNotMirror) || sqlitedb.HasCode(err, sqlitedb.CodeBusy)) && db.makeWay():
		case sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) && db.makeWayForUnreadable():
		case schema.IsDamage(err) && db.Existing:
			return db.named(db.refuseForeign(err))
		case schema.IsDamage(err) && !doubted:
			doubted = true // one read may fail on a sound file
		case schema.IsDamage(err):
			if err := db.ReplaceDamaged(err); err != nil {
				return err
			}
		case sqlitedb.NoSharedMemory(err):
			if err := db.leaveLog(db.path); err != nil {
				return db.named(err)
			}
		case sqlitedb.HasCode(err, sqlitedb.CodeIO, sqlitedb.CodeCannotOpen):
			if _, statErr := os.Stat(db.path); statErr != nil {
				return err
			}
		default:
			return db.named(err)
		}
	}
}

func (db *DB) connect() error {
	file, err := db.Locate()
	if err == nil && db.IsNoted() {
		if err := db.heed(); err != nil {
			return err
		}
		file, err = db.Locate()
	}
	absent := errors.Is(err, fs.ErrNotExist) || err == nil && file.Size() == 0
	if absent && db.last.Mirror == "" && place.HasLog(db.path) { // SQLite removes one beside an empty file
		db.lost = true
	}
	switch {
	case absent && db.makeWay(), err == nil && db.makeWayForJournal():
		return db.connect()
	case absent && db.Existing && err == nil:
		return fmt.Errorf("%w: %w", place.ErrNotMirror, ErrEmpty)
	case absent && !db.Existing:
		if err := db.create(); err != nil {
			return err
		}
		file, err = db.Locate()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !db.Existing:
		return errMoved
	case err != nil:
		return err
	}
	os.SameFile(file, file) // on Windows the first comparison reads which file it is
	conn, err := sqlitedb.Open(db.path, false, db.Patience())
	if err == nil {
		conn.EndWith(db.ends)
		err = db.prepare(conn)
	}
	// What was opened is the file at the path only if that is the same still.
	if now, statErr := os.Stat(db.asked); statErr != nil || !os.SameFile(file, now) {
		if conn != nil {
			conn.Abandon()
		}
		db.Conn = nil
		return errors.Join(errMoved, err)
	}
	if conn == nil {
		return err
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	db.file = file
	return nil
}

// prepare checks what was opened, brings it up to date and adopts it.
func (db *DB) prepare(conn *sqlitedb.Conn) error {
	if err := schema.Check(conn); err != nil {
		return err
	}
	if !db.Existing {
		if err := schema.RefuseViews(conn, schema.ErrNoMirror); err != nil {
			return err
		}
	}
	if err := db.setUp(conn, db.path); err != nil {
		return err
	}
	version, err := schema.VersionOf(conn)
	if err != nil {
		return err
	}
	if version != schema.Version {
		if err := schema.Migrate(conn, db.newMirror); err != nil {
			return err
		}
	}
	db.dataVersion = 0
	if err := db.connectTo(conn); err != nil {
		return err
	}
	db.inherits, db.lost = false, false
	h := db.last
	if h.ErasePending {
		_ = db.FinishErase() // otherwise the next open does
	}
	if db.InstallationID == "" || db.InstallationID == h.Installation {
		return nil
	}
	err = conn.Immediate(func() error {
		return errors.Join(warm.Retire(db.path, false), schema.RenewIDs(conn, db.InstallationID, db.Now().UnixNano()))
	})
	if err != nil {
		db.Conn = nil
		return fmt.Errorf("set installation id: %w", err)
	}
	db.RememberInstallation(db.InstallationID)
	return nil
}

// OpenReadOnly opens a file without changing it. Another process may be putting
// one in its place.
func (db *DB) OpenReadOnly() error {
	for try := 1; ; try++ {
		file, err := db.Locate()
		if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, place.ErrNotMirror)) && db.makeWay() {
			file, err = db.Locate()
		}
		if err != nil {
			return err
		}
		if db.makeWayForJournal() {
			continue
		}
		os.SameFile(file, file) // on Windows the first comparison reads which file it is
		alone := !place.HasBeside(db.path)
		conn, err := db.connectReader()
		if err == nil {
			db.file, conn.Alone = file, alone
			return nil
		}
		if now, statErr := os.Stat(db.asked); try < opens && statErr == nil && !os.SameFile(file, now) {
			continue
		}
		if (schema.IsDamage(err) || errors.Is(err, place.ErrNotMirror)) && db.makeWay() || sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) && db.makeWayForUnreadable() {
			continue
		}
		return db.named(db.refuseForeign(err))
	}
}

// follow makes a read-only Store read what is at its path: the file it has open
// may have been deleted, or set aside for a fresh one.
func (db *DB) follow() error {
	file, err := os.Stat(db.asked)
	if err != nil {
		return err
	}
	if db.Conn != nil && os.SameFile(file, db.file) && !db.Conn.Immutable {
		return nil
	}
	if db.Conn != nil {
		_ = db.leaveReader(db.Conn, db.file) // read-only, it leaves the files of its successor alone
		db.Conn = nil
	}
	return db.OpenReadOnly()
}
