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

// Tx is a write transaction of a Store, and what it knows of the file.
type Tx struct {
	*sqlitedb.Conn
	Header
	Now         int64
	SeriesCount int64 // -1: not counted yet
}

// Adopt takes over what the file says. After a change by another process,
// remembered totals do not hold; after a change of epoch or a fold of
// former versions, rows may be gone.
func (s *DB) Adopt(h Header) {
	if s.last.Mirror != "" && (s.last.Mirror != h.Mirror || s.last.Erasures != h.Erasures) {
		// Another file, or this one erased or filled anew in place: it knows
		// neither what this process declared nor the rows that it remembers.
		s.hooks.Replaced()
		s.Forget()
	}
	folded := s.last.former != h.former
	s.identity, s.last = h.Identity, h
	if folded {
		s.Forget()
	}
	if h.DataVersion != s.dataVersion {
		s.dataVersion = h.DataVersion
		s.hooks.Changed()
	}
	if h.Epoch != s.epoch {
		s.epoch = h.Epoch
		s.Forget()
	}
}

// Forget drops all that is remembered of the file.
func (s *DB) Forget() {
	s.generation++
	s.hooks.Forgot()
}

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
	return h, s.refuseNews(h)
}

func (s *DB) newTransaction(h Header) *Tx {
	return &Tx{Conn: s.Conn, Header: h, Now: s.Now().UnixNano(), SeriesCount: -1}
}

// Briefly runs f, whose transactions wait for others no longer than brief. The
// caller holds s.mu.
func (s *DB) Briefly(f func() error) error {
	return s.waitingAtMost(sqlitedb.Brief, f)
}

// waitingAtMost runs f, which waits for other processes no longer than d, also
// where it connects anew.
func (s *DB) waitingAtMost(d time.Duration, f func() error) error {
	former := s.hurry
	s.hurry = d
	s.hasten()
	defer func() {
		s.hurry = former
		s.hasten()
	}()
	return f()
}

// Patience is how long the work under way waits for another process.
func (s *DB) Patience() time.Duration {
	if s.hurry > 0 {
		return min(s.hurry, s.BusyLimit())
	}
	return s.BusyLimit()
}

// BusyLimit is how long a transaction waits for another process's. It may be
// asked without the lock.
func (s *DB) BusyLimit() time.Duration { return time.Duration(s.busy.Load()) }

// SetBusyTimeout changes it, from the next transaction on.
func (s *DB) SetBusyTimeout(d time.Duration) {
	s.Lock()
	defer s.Unlock()
	s.busy.Store(int64(max(d, 0)))
	s.hasten()
}

// hasten tells the connection how long to wait.
func (s *DB) hasten() {
	if s.Conn != nil && !s.closed {
		s.Conn.WaitAtMost(s.Patience())
	}
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
