package mirrordb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// refuseForeign tells a file that is no database, and never was one, from a
// damaged mirror: it adds ErrNotMirror to the error that reading it met.
func (db *DB) refuseForeign(err error) error {
	if !sqlitedb.Unsound(err) {
		return err
	}
	file, statErr := os.Stat(db.path)
	known := statErr == nil && db.file != nil && os.SameFile(file, db.file)
	if ours, readErr := schema.WasMirror(db.path, known); ours || readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%w: %w", place.ErrNotMirror, err)
}

// named adds the sentinel error that a caller can test for.
func (db *DB) named(err error) error {
	switch {
	case sqlitedb.HasCode(err, sqlitedb.CodeBusy) && !errors.Is(err, ErrBusy):
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case sqlitedb.NoSharedMemory(err):
		return fmt.Errorf("the file system has no memory for a write-ahead log to share, which the application does without when it next runs: %w", err)
	case (sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) || !db.ReadOnly && sqlitedb.HasCode(err, sqlitedb.CodeReadOnly)) && !errors.Is(err, fs.ErrPermission):
		return db.cannotOpen(err)
	case (db.ReadOnly || db.Existing) && schema.IsDamage(err) && !errors.Is(err, place.ErrNotMirror) && !errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// cannotOpen adds the cause to SQLite's error: it has only one code for everything
// that keeps a file from being opened, and one for what keeps it from being
// written.
func (db *DB) cannotOpen(err error) error {
	if dir, openErr := os.Open(filepath.Dir(db.path)); errors.Is(openErr, syscall.EMFILE) || errors.Is(openErr, syscall.ENFILE) {
		return fmt.Errorf("%w: %w", openErr, err)
	} else if openErr == nil {
		_ = dir.Close() // nothing was written
	}
	switch reason := place.Denied(db.path, !db.ReadOnly); {
	case reason == nil:
		return err
	case errors.Is(reason, fs.ErrPermission):
		return fmt.Errorf("%w: %w", reason, err)
	default:
		return fmt.Errorf("%w: %w: %w", fs.ErrPermission, reason, err) // a read-only file system
	}
}

// diagnose recognizes damage that SQLite reports as another error. If a table or a
// column of a known schema is missing, as after a repair, no statement can run. A
// file whose header forbids writing is damaged; one whose permissions forbid it is
// not.
func (db *DB) diagnose(err error) error {
	if schema.TablesGone(err) && !errors.Is(err, python.ErrOriginal) {
		return fmt.Errorf("%w: %w", series.ErrUnreadable, err)
	}
	if db.ReadOnly || !sqlitedb.HasCode(err, sqlitedb.CodeReadOnly) {
		return err
	}
	const writeVersion, known = 18, 2 // where it stands, and the highest there is
	f, _, openErr := place.Open(db.path)
	if openErr != nil {
		return err
	}
	defer f.Close() // which drops this process's locks: nothing can be written in any case
	var b [1]byte
	if _, readErr := f.ReadAt(b[:], writeVersion); readErr == nil && b[0] > known {
		return fmt.Errorf("%w: %w", series.ErrUnreadable, err)
	}
	return err
}
