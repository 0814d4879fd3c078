package mirrordb

import (
	"context"

	"go.opentelemetry.io/otel"
)

// Lock keeps others from the file. Most of what follows expects it.
func (db *DB) Lock() { db.mu.Lock() }

// LockWithin is Lock for a reading, which need not wait once ctx has ended.
func (db *DB) LockWithin(ctx context.Context) error {
	ctx = OrBackground(ctx)
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

// TryLock is lock, if nobody has it.
func (db *DB) TryLock() bool { return db.mu.TryLock() }

// Unlock hands over what was reported once the Store can be used again: a
// handler may call it.
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

// UnlockSilently is unlock that leaves what is reported to the next one.
func (db *DB) UnlockSilently() { db.mu.Unlock() }
