package mirrordb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/warm"
)

// usable reports why the mirror cannot be written, and reopens the file at the path
// if another one is there: what a process wrote to a file that was set aside or
// deleted would be lost.
func (db *DB) usable() error {
	if db.closed {
		return ErrClosed
	}
	if db.ReadOnly {
		return ErrReadOnly
	}
	if db.Conn != nil {
		file, err := os.Stat(db.asked)
		if err == nil && os.SameFile(file, db.file) {
			if db.IsNoted() {
				db.Leave()
			} else if db.leaveIfCut(file); db.Conn != nil {
				return db.hooks.Opened(false)
			}
		} else {
			db.Conn.Abandon()
			db.Conn = nil
			db.noticeSetAside()
		}
	} else if place.OpenKeepsName { // others may have set aside what this process closed for them
		db.noticeSetAside()
	}
	if err := db.Open(); err != nil {
		return fmt.Errorf("reopen mirror: %w", err)
	}
	db.cache = 0
	return db.hooks.Opened(true)
}

// Durability is what a commit survives.
type Durability int

const (
	// Relaxed commits survive the death of the process.
	Relaxed Durability = iota

	// Durable commits survive a power failure, and so do those before them.
	Durable
)

// Update runs f in a transaction. f may run more than once. On any error nothing of
// it is in the file, unless the error is a [sqlitedb.CommitError]. What was
// remembered is then dropped, because f may have remembered rows that were rolled
// back. It waits for another process until ctx ends; a transaction that has begun
// is not cut short. The caller holds db.mu.
func (db *DB) Update(ctx context.Context, lasting Durability, f func(*Tx) error) error {
	return db.Until(ctx, func() error {
		return db.Again(func() error { return db.updateOnce(lasting, f) })
	})
}

func (db *DB) updateOnce(lasting Durability, f func(*Tx) error) error {
	if err := db.usable(); err != nil {
		return err
	}
	var committed func()
	commit := func() error {
		return db.Conn.Immediate(func() (err error) { committed, err = db.within(lasting, f); return err })
	}
	var err error
	if lasting == Durable {
		err = db.Conn.Durable(commit)
	} else {
		err = commit()
	}
	if err != nil {
		db.Forget()
		return db.named(db.diagnose(err))
	}
	db.recorded = true
	db.Conn.Wrote(db.path)
	committed()
	return nil
}

// within runs f in the transaction that has begun, after what each transaction
// does first.
func (db *DB) within(lasting Durability, f func(*Tx) error) (committed func(), err error) {
	if err := warm.Retire(db.path, lasting == Durable); err != nil {
		return nil, err
	}
	h, err := db.checkedHeader()
	if err != nil {
		return nil, err
	}
	db.Adopt(h)
	tx := db.newTransaction(h)
	if err := db.followDecision(tx); err != nil {
		return nil, fmt.Errorf("follow decision: %w", err)
	}
	db.Adopt(tx.Header)
	if committed, err = db.hooks.Begin(tx); err != nil {
		return nil, err
	}
	return committed, f(tx)
}

// checkedHeader reads the header of a file that this program understands.
func (db *DB) checkedHeader() (h Header, err error) {
	if h, err = db.ReadHeader(); err != nil {
		return h, err
	}
	if h.Version > schema.Version {
		return h, fmt.Errorf("%w: schema %d, this program knows %d", schema.ErrNewer, h.Version, schema.Version)
	}
	if db.ReadOnly || db.Existing { // what somebody wants to erase is not refused
		return h, nil
	}
	return h, db.accepted.RefuseNews(db.Conn, h.DataVersion)
}

// SetBusyTimeout changes it, from the next transaction on.
func (db *DB) SetBusyTimeout(d time.Duration) {
	db.Lock()
	defer db.Unlock()
	db.busy.Store(int64(max(d, 0)))
	db.hasten()
}

// View runs f, which only reads, on one state of the file: it does not see what
// other processes commit meanwhile. f may run more than once. Queries and waits for
// other processes end with ctx, and nothing that is absurdly long is loaded. The
// caller holds db.mu.
func (db *DB) View(ctx context.Context, f func(*Tx) error) error {
	return db.Until(ctx, func() error {
		return db.Again(func() error { return db.viewOnce(f) })
	})
}

func (db *DB) viewOnce(f func(*Tx) error) error {
	if db.closed {
		return ErrClosed
	}
	ready := db.usable
	if db.ReadOnly {
		ready = db.follow
	}
	if err := ready(); err != nil {
		return err
	}
	err := db.viewState(f, false)
	if errors.Is(err, errDecided) {
		// At worst the next transaction does it: nothing is sent meanwhile.
		if err := db.updateOnce(Relaxed, func(*Tx) error { return nil }); db.Conn == nil {
			return err
		}
		err = db.viewState(f, true)
	}
	return db.named(db.diagnose(err))
}

// Look is View for a caller that does not hold the lock.
func (db *DB) Look(ctx context.Context, f func(*Tx) error) error {
	if err := db.LockWithin(ctx); err != nil {
		return err
	}
	defer db.Unlock()
	return db.View(ctx, f)
}

// CopyTo writes what the file holds at one moment into an empty file.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	return db.Until(ctx, func() error {
		return db.Again(func() error {
			err := db.viewOnce(func(*Tx) error { return nil }) // connects
			if err != nil {
				return err
			}
			return db.limited(func() error {
				return db.named(db.diagnose(db.Conn.CopyTo(path)))
			})
		})
	})
}

// errDecided is returned when the mirror does not say yet what the decision file
// says.
var errDecided = errors.New("localstore: mirror is to follow the decision")

// viewState runs f on one state of the file; followed says that the mirror is
// not to be brought in line with the decision file before.
func (db *DB) viewState(f func(*Tx) error, followed bool) error {
	return db.limited(func() error {
		return db.Conn.Snapshot(func() error {
			h, err := db.checkedHeader()
			if err != nil {
				return err
			}
			if h.Mode != h.Stored && !db.ReadOnly && !followed {
				return errDecided
			}
			db.Adopt(h)
			return f(db.newTransaction(h))
		})
	})
}

// limited runs f under a limit on the length of what it loads.
func (db *DB) limited(f func() error) error {
	if !db.ReadOnly { // whose connection has the limit for good
		conn := db.Conn
		conn.Limit(sqlitedb.MaxLoaded)
		defer conn.Limit(sqlitedb.Unlimited)
	}
	return f()
}

func (db *DB) newTransaction(h Header) *Tx {
	return &Tx{Conn: db.Conn, Header: h, Now: db.Now().UnixNano(), SeriesCount: -1}
}

// RenewIDs gives the installation an id, and its stream another one.
func (tx *Tx) RenewIDs(installation string) error {
	err := schema.RenewIDs(tx.Conn, installation, tx.Now)
	if err == nil {
		tx.Installation, tx.SealedUntil = installation, max(instant.StartOfDay(tx.Now), 1)
	}
	return err
}

// RememberInstallation is for after the commit of a change.
func (db *DB) RememberInstallation(id string) {
	db.identity.Installation, db.last.Installation = id, id
}

// WriteWaiting is a transaction for that alone, which does not wait for long.
func (db *DB) WriteWaiting() error {
	return db.Briefly(func() error { return db.Update(db.Context(), Relaxed, func(*Tx) error { return nil }) })
}
