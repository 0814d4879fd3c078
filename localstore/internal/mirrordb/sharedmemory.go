package mirrordb

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// leaveLog gives a file whose header names a write-ahead log a rollback journal.
// Whoever has the file to itself needs no shared index; while others have it
// open with one it fails.
func (db *DB) leaveLog(path string) error {
	db.NoLog = true
	conn, err := sqlitedb.Open(path, false, db.Patience())
	if err != nil {
		return err
	}
	var mode string
	if _, err = conn.Exec("PRAGMA locking_mode = EXCLUSIVE"); err == nil {
		err = conn.QueryRow("PRAGMA journal_mode = DELETE").Scan(&mode)
	}
	if err = errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("go without a write-ahead log: %w", err)
	}
	return nil
}

// mayHaveLog reports whether a file may be given a write-ahead log. It is tried
// on a file apart: on the mirror itself an attempt that fails would fail whoever
// writes to it meanwhile.
func (db *DB) mayHaveLog(path string) bool {
	if !db.NoLog {
		db.NoLog = !sqlitedb.MapsShared(filepath.Dir(path))
	}
	return !db.NoLog
}
