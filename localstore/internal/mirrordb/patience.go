package mirrordb

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// Briefly runs f, whose transactions wait for other processes no longer than
// [sqlitedb.Brief]. The caller holds db.mu.
func (db *DB) Briefly(f func() error) error {
	return db.WaitingAtMost(sqlitedb.Brief, f)
}

// WaitingAtMost runs f, which waits for other processes no longer than d, also
// where it connects anew.
func (db *DB) WaitingAtMost(d time.Duration, f func() error) error {
	former := db.hurry
	db.hurry = d
	db.hasten()
	defer func() {
		db.hurry = former
		db.hasten()
	}()
	return f()
}

// Patience is how long the work under way waits for another process.
func (db *DB) Patience() time.Duration {
	if db.hurry > 0 {
		return min(db.hurry, db.BusyLimit())
	}
	return db.BusyLimit()
}

// hasten tells the connection how long to wait for other processes.
func (db *DB) hasten() {
	if db.Conn != nil && !db.closed {
		db.Conn.WaitAtMost(db.Patience())
	}
}

// BusyLimit is how long a transaction waits for another process's. It may be
// asked without the lock.
func (db *DB) BusyLimit() time.Duration { return time.Duration(db.busy.Load()) }
