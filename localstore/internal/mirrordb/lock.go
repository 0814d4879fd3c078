package mirrordb

import (
	"context"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"go.opentelemetry.io/otel"
)

// Lock keeps the other goroutines of this process from the file and from what is
// remembered of it. It comes first: the lock file, SQLite's locks and the
// ledger's lock are taken while it is held, never the other way round.
func (db *DB) Lock() { db.mu.Lock() }

// LockWithin is Lock for a reading, which stops waiting when ctx ends. The lock
// that then arrives late is given back at once.
func (db *DB) LockWithin(ctx context.Context) error {
	ctx = sqlitedb.OrBackground(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.mu.TryLock() {
		return nil
	}
	locked := make(chan struct{})
	go func() {
		db.Lock()
		close(locked)
	}()
	select {
	case <-locked:
		return nil
	case <-ctx.Done():
		go func() {
			<-locked
			db.Unlock()
		}()
		return ctx.Err()
	}
}

// TryLock takes the lock if nobody has it.
func (db *DB) TryLock() bool { return db.mu.TryLock() }

// Unlock gives the lock back, and then hands over what was reported: the handler may
// use the mirror.
func (db *DB) Unlock() {
	db.restLater()
	reports := db.reports
	db.reports = nil
	db.mu.Unlock()
	for _, err := range reports {
		if db.OnError != nil {
			db.OnError(err)
		} else {
			otel.Handle(err)
		}
	}
}

// UnlockSilently gives the lock back and leaves what was reported to the next
// Unlock.
func (db *DB) UnlockSilently() { db.mu.Unlock() }
