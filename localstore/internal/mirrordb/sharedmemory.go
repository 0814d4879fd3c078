package mirrordb

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// leaveLog switches a file from a write-ahead log to a rollback journal. A
// connection that has the file to itself needs no shared index; while others have
// it open with a log, it fails.
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

// mayHaveLog reports whether the file system allows a write-ahead log. It tries
// that on another file: a failed attempt on the mirror itself would make writes of
// other processes fail.
func (db *DB) mayHaveLog(path string) bool {
	if !db.NoLog {
		db.NoLog = !sqlitedb.MapsShared(filepath.Dir(path))
	}
	return !db.NoLog
}
