package mirrordb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// usable reports why the Store cannot write, and follows the file: a process
// that went on writing to one that was set aside or deleted would be lost.
func (s *DB) usable() error {
	if s.closed {
		return ErrClosed
	}
	if s.ReadOnly {
		return ErrReadOnly
	}
	if s.Conn != nil {
		file, err := os.Stat(s.asked)
		if err == nil && os.SameFile(file, s.file) {
			if s.IsNoted() {
				s.Leave()
			} else if s.leaveIfCut(file); s.Conn != nil {
				return s.hooks.Opened(false)
			}
		} else {
			s.Conn.Abandon()
			s.Conn = nil
			s.noticeSetAside()
		}
	} else if place.OpenKeepsName { // others may have set aside what this process closed for them
		s.noticeSetAside()
	}
	if err := s.Open(); err != nil {
		return fmt.Errorf("reopen mirror: %w", err)
	}
	return s.hooks.Opened(true)
}

// Durability is what a commit survives.
type Durability int

const (
	// Relaxed commits survive the death of the process.
	Relaxed Durability = iota

	// Durable commits survive a power failure, and so do those before them.
	Durable
)

// Update runs f in a transaction. On any error nothing of it is in the file,
// unless the error is a commitError; what was remembered is dropped, because f
// may have remembered rows that were rolled back. It waits for another process
// until ctx ends; what has begun is not cut short. The caller holds s.mu.
func (s *DB) Update(ctx context.Context, lasting Durability, f func(*Tx) error) error {
	return s.Until(ctx, func() error {
		return s.Again(func() error { return s.updateOnce(lasting, f) })
	})
}

func (s *DB) updateOnce(lasting Durability, f func(*Tx) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	var committed func()
	commit := func() error {
		return s.Conn.Immediate(func() (err error) { committed, err = s.within(f); return err })
	}
	var err error
	if lasting == Durable {
		err = s.Conn.Durable(commit)
	} else {
		err = commit()
	}
	if err != nil {
		s.Forget()
		return s.named(s.diagnose(err))
	}
	s.recorded = true
	s.Conn.Wrote(s.path)
	committed()
	return nil
}

// within runs f in the transaction that has begun, after what each transaction
// does first.
func (s *DB) within(f func(*Tx) error) (committed func(), err error) {
	h, err := s.checkedHeader()
	if err != nil {
		return nil, err
	}
	s.Adopt(h)
	tx := s.newTransaction(h)
	if err := s.followDecision(tx); err != nil {
		return nil, fmt.Errorf("follow decision: %w", err)
	}
	s.Adopt(tx.Header)
	if committed, err = s.hooks.Begin(tx); err != nil {
		return nil, err
	}
	return committed, f(tx)
}

// checkedHeader reads the header of a file that this program understands.
func (s *DB) checkedHeader() (h Header, err error) {
	if h, err = s.ReadHeader(); err != nil {
		return h, err
	}
	if h.Version > schema.Version {
		return h, fmt.Errorf("%w: schema %d, this program knows %d", schema.ErrNewer, h.Version, schema.Version)
	}
	if s.ReadOnly || s.Existing { // what somebody wants to erase is not refused
		return h, nil
	}
	return h, s.accepted.RefuseNews(s.Conn, h.DataVersion)
}

// SetBusyTimeout changes it, from the next transaction on.
func (s *DB) SetBusyTimeout(d time.Duration) {
	s.Lock()
	defer s.Unlock()
	s.busy.Store(int64(max(d, 0)))
	s.hasten()
}

// View runs f, which reads, on one state of the file: what other processes
// commit meanwhile stays out of sight. Queries and waits for other processes end
// with ctx, and nothing that is absurdly long is loaded. The caller holds s.mu.
func (s *DB) View(ctx context.Context, f func(*Tx) error) error {
	return s.Until(ctx, func() error {
		return s.Again(func() error { return s.viewOnce(f) })
	})
}

func (s *DB) viewOnce(f func(*Tx) error) error {
	if s.closed {
		return ErrClosed
	}
	ready := s.usable
	if s.ReadOnly {
		ready = s.follow
	}
	if err := ready(); err != nil {
		return err
	}
	err := s.viewState(f, false)
	if errors.Is(err, errDecided) {
		// At worst the next transaction does it: nothing is sent meanwhile.
		if err := s.updateOnce(Relaxed, func(*Tx) error { return nil }); s.Conn == nil {
			return err
		}
		err = s.viewState(f, true)
	}
	return s.named(s.diagnose(err))
}

// Look is view for who does not hold the lock.
func (s *DB) Look(ctx context.Context, f func(*Tx) error) error {
	if err := s.LockWithin(ctx); err != nil {
		return err
	}
	defer s.Unlock()
	return s.View(ctx, f)
}

// CopyTo writes what the file holds at one moment into an empty file.
func (s *DB) CopyTo(ctx context.Context, path string) error {
	err := s.View(ctx, func(*Tx) error { return nil }) // connects
	if err != nil {
		return err
	}
	return s.Until(ctx, func() error {
		return s.limited(func() error {
			err := s.Conn.CopyTo(path)
			return s.named(s.diagnose(err))
		})
	})
}

// errDecided is met where the decision file says what the mirror does not yet.
var errDecided = errors.New("localstore: mirror is to follow the decision")

// viewState runs f on one state of the file; followed says that the mirror is
// not to be brought in line with the decision file before.
func (s *DB) viewState(f func(*Tx) error, followed bool) error {
	return s.limited(func() error {
		return s.Conn.Snapshot(func() error {
			h, err := s.checkedHeader()
			if err != nil {
				return err
			}
			if h.Mode != h.stored && !s.ReadOnly && !followed {
				return errDecided
			}
			s.Adopt(h)
			return f(s.newTransaction(h))
		})
	})
}

// limited runs f, which loads nothing that is absurdly long.
func (s *DB) limited(f func() error) error {
	if !s.ReadOnly { // whose connection has the limit for good
		conn := s.Conn
		conn.Limit(sqlitedb.MaxLoaded)
		defer conn.Limit(sqlitedb.Unlimited)
	}
	return f()
}

func (s *DB) newTransaction(h Header) *Tx {
	return &Tx{Conn: s.Conn, Header: h, Now: s.Now().UnixNano(), SeriesCount: -1}
}

func (s *DB) SetInstallationID(id string) error {
	err := s.Update(s.Context(), Relaxed, func(tx *Tx) error {
		return tx.Run(schema.ReplaceInstallation, id)
	})
	if err != nil {
		return fmt.Errorf("set installation id: %w", err)
	}
	s.identity.Installation, s.last.Installation = id, id
	return nil
}
