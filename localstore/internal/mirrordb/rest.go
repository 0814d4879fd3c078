package mirrordb

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// restAfter is how long a Store that only looks at a mirror, or changes one on
// request, keeps it open when nobody asks, where an open file keeps its name: a
// page that nobody looks at must not keep a damaged mirror from being set aside.
const restAfter = 5 * time.Second

// restLater makes the Store close its file in a while, and at once where that
// is damaged. The next reading opens it again. The caller holds db.mu.
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
