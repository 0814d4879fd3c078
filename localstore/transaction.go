package localstore

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

// transaction is a write transaction of a Store, and what it knows of the file.
type transaction struct {
	*sqlitedb.Conn
	header
	now         int64
	seriesCount int64 // -1: not counted yet
}

// adopt takes over what the file says. After a change by another process,
// remembered totals do not hold; after a change of epoch or a fold of
// former versions, rows may be gone.
func (s *DB) adopt(h header) {
	if s.last.mirror != "" && (s.last.mirror != h.mirror || s.last.erasures != h.erasures) {
		// Another file, or this one erased or filled anew in place: it knows
		// neither what this process declared nor the rows that it remembers.
		s.hooks.replaced()
		s.forget()
	}
	folded := s.last.former != h.former
	s.identity, s.last = h.identity, h
	if folded {
		s.forget()
	}
	if h.dataVersion != s.dataVersion {
		s.dataVersion = h.dataVersion
		s.hooks.changed()
	}
	if h.epoch != s.epoch {
		s.epoch = h.epoch
		s.forget()
	}
}

// forget drops all that is remembered of the file.
func (s *DB) forget() {
	s.generation++
	s.hooks.forgot()
}

// usable reports why the Store cannot write, and follows the file: a process
// that went on writing to one that was set aside or deleted would be lost.
func (s *DB) usable() error {
	if s.closed {
		return errClosed
	}
	if s.readOnly {
		return errReadOnly
	}
	if s.conn != nil {
		file, err := os.Stat(s.asked)
		if err == nil && os.SameFile(file, s.file) {
			if s.isNoted() {
				s.leave()
			} else if s.leaveIfCut(file); s.conn != nil {
				return s.hooks.opened(false)
			}
		} else {
			s.conn.Abandon()
			s.conn = nil
			s.noticeSetAside()
		}
	} else if place.OpenKeepsName { // others may have set aside what this process closed for them
		s.noticeSetAside()
	}
	if err := s.open(); err != nil {
		return fmt.Errorf("reopen mirror: %w", err)
	}
	return s.hooks.opened(true)
}

// durability is what a commit survives.
type durability int

const (
	// relaxed commits survive the death of the process.
	relaxed durability = iota

	// durable commits survive a power failure, and so do those before them.
	durable
)

// update runs f in a transaction. On any error nothing of it is in the file,
// unless the error is a commitError; what was remembered is dropped, because f
// may have remembered rows that were rolled back. It waits for another process
// until ctx ends; what has begun is not cut short. The caller holds s.mu.
func (s *DB) update(ctx context.Context, lasting durability, f func(*transaction) error) error {
	return s.until(ctx, func() error {
		return s.again(func() error { return s.updateOnce(lasting, f) })
	})
}

func (s *DB) updateOnce(lasting durability, f func(*transaction) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	var committed func()
	commit := func() error {
		return s.conn.Immediate(func() (err error) { committed, err = s.within(f); return err })
	}
	var err error
	if lasting == durable {
		err = s.conn.Durable(commit)
	} else {
		err = commit()
	}
	if err != nil {
		s.forget()
		return s.named(s.diagnose(err))
	}
	s.recorded = true
	s.conn.Wrote(s.path)
	committed()
	return nil
}

// within runs f in the transaction that has begun, after what each transaction
// does first.
func (s *DB) within(f func(*transaction) error) (committed func(), err error) {
	h, err := s.checkedHeader()
	if err != nil {
		return nil, err
	}
	s.adopt(h)
	tx := s.newTransaction(h)
	if err := s.followDecision(tx); err != nil {
		return nil, fmt.Errorf("follow decision: %w", err)
	}
	s.adopt(tx.header)
	if committed, err = s.hooks.begin(tx); err != nil {
		return nil, err
	}
	return committed, f(tx)
}

// checkedHeader reads the header of a file that this program understands.
func (s *DB) checkedHeader() (h header, err error) {
	if h, err = s.readHeader(); err != nil {
		return h, err
	}
	if h.version > schema.Version {
		return h, fmt.Errorf("%w: schema %d, this program knows %d", schema.ErrNewer, h.version, schema.Version)
	}
	return h, s.refuseNews(h)
}

func (s *DB) newTransaction(h header) *transaction {
	return &transaction{Conn: s.conn, header: h, now: s.now().UnixNano(), seriesCount: -1}
}

// briefly runs f, whose transactions wait for others no longer than brief. The
// caller holds s.mu.
func (s *DB) briefly(f func() error) error {
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

// patience is how long the work under way waits for another process.
func (s *DB) patience() time.Duration {
	if s.hurry > 0 {
		return min(s.hurry, s.busyLimit())
	}
	return s.busyLimit()
}

// busyLimit is how long a transaction waits for another process's. It may be
// asked without the lock.
func (s *DB) busyLimit() time.Duration { return time.Duration(s.busy.Load()) }

// setBusyTimeout changes it, from the next transaction on.
func (s *DB) setBusyTimeout(d time.Duration) {
	s.lock()
	defer s.unlock()
	s.busy.Store(int64(max(d, 0)))
	s.hasten()
}

// hasten tells the connection how long to wait.
func (s *DB) hasten() {
	if s.conn != nil && !s.closed {
		s.conn.WaitAtMost(s.patience())
	}
}

// view runs f, which reads, on one state of the file: what other processes
// commit meanwhile stays out of sight. Queries and waits for other processes end
// with ctx, and nothing that is absurdly long is loaded. The caller holds s.mu.
func (s *DB) view(ctx context.Context, f func(*transaction) error) error {
	return s.until(ctx, func() error {
		return s.again(func() error { return s.viewOnce(f) })
	})
}

func (s *DB) viewOnce(f func(*transaction) error) error {
	if s.closed {
		return errClosed
	}
	ready := s.usable
	if s.readOnly {
		ready = s.follow
	}
	if err := ready(); err != nil {
		return err
	}
	err := s.viewState(f, false)
	if errors.Is(err, errDecided) {
		// At worst the next transaction does it: nothing is sent meanwhile.
		if err := s.updateOnce(relaxed, func(*transaction) error { return nil }); s.conn == nil {
			return err
		}
		err = s.viewState(f, true)
	}
	return s.named(s.diagnose(err))
}

// look is view for who does not hold the lock.
func (s *DB) look(ctx context.Context, f func(*transaction) error) error {
	if err := s.lockWithin(ctx); err != nil {
		return err
	}
	defer s.unlock()
	return s.view(ctx, f)
}

// copyTo writes what the file holds at one moment into an empty file.
func (s *DB) copyTo(ctx context.Context, path string) error {
	err := s.view(ctx, func(*transaction) error { return nil }) // connects
	if err != nil {
		return err
	}
	return s.until(ctx, func() error {
		return s.limited(func() error {
			err := s.conn.CopyTo(path)
			return s.named(s.diagnose(err))
		})
	})
}

// errDecided is met where the decision file says what the mirror does not yet.
var errDecided = errors.New("localstore: mirror is to follow the decision")

// viewState runs f on one state of the file; followed says that the mirror is
// not to be brought in line with the decision file before.
func (s *DB) viewState(f func(*transaction) error, followed bool) error {
	return s.limited(func() error {
		return s.conn.Snapshot(func() error {
			h, err := s.checkedHeader()
			if err != nil {
				return err
			}
			if h.mode != h.stored && !s.readOnly && !followed {
				return errDecided
			}
			s.adopt(h)
			return f(s.newTransaction(h))
		})
	})
}

// limited runs f, which loads nothing that is absurdly long.
func (s *DB) limited(f func() error) error {
	if !s.readOnly { // whose connection has the limit for good
		conn := s.conn
		conn.Limit(sqlitedb.MaxLoaded)
		defer conn.Limit(sqlitedb.Unlimited)
	}
	return f()
}
