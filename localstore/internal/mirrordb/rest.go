package mirrordb

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// restAfter is how long a Store opened with ReadOnly or Existing keeps an unused
// file open where an open file keeps its name: a page that nobody looks at must not
// keep a damaged mirror from being set aside.
const restAfter = 5 * time.Second

// restLater lets the mirror's file be closed after a while, or at once if it is
// damaged. The next reading opens it again. The caller holds db.mu.
func (db *DB) restLater() {
	if !place.OpenKeepsName || db.Conn == nil || !db.ReadOnly && !db.Existing {
		return
	}
	if db.IsNoted() {
		db.Rest()
		return
	}
	if db.held.resting != nil {
		db.held.resting.Stop()
	}
	db.held.resting = time.AfterFunc(restAfter, func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		db.Rest()
	})
}

func (db *DB) Rest() {
	switch {
	case db.Conn == nil || db.closed:
		return
	case db.ReadOnly:
		_ = db.leaveReader(db.Conn, db.file) // nothing was written
	default:
		db.release(db.Conn)
	}
	db.Conn = nil
}

// IsResting reports whether the file will be closed in a while.
func (db *DB) IsResting() bool { return db.held.resting != nil }

// Close closes the file for good. The caller holds mu.
func (db *DB) Close() error {
	db.closed = true
	if db.held.resting != nil {
		db.held.resting.Stop()
	}
	switch {
	case db.Conn == nil:
		return nil
	case db.ReadOnly:
		return db.leaveReader(db.Conn, db.file)
	}
	return db.Conn.Close()
}
