package localstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"
)

// transaction is a write transaction of a Store, and what it knows of the file.
type transaction struct {
	*connection
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
		return ErrClosed
	}
	if s.readOnly {
		return ErrReadOnly
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
			s.conn.abandon()
			s.conn = nil
			s.noticeSetAside()
		}
	} else if openKeepsName { // others may have set aside what this process closed for them
		s.noticeSetAside()
	}
	if err := s.open(); err != nil {
		return fmt.Errorf("reopen mirror: %w", err)
	}
	return s.hooks.opened(true)
}

// write runs f in a transaction. On any error nothing of it is in the file,
// unless the error is a commitError; what was remembered is dropped, because f
// may have remembered rows that were rolled back. The caller holds s.mu.
func (s *DB) write(f func(*transaction) error) error {
	return s.transact(f, func(run func() error) error { return run() })
}

// writeDurably is write with a commit that is on the disk when it returns.
func (s *DB) writeDurably(f func(*transaction) error) error {
	return s.transact(f, func(run func() error) error { return s.conn.durable(run) })
}

// writeUntil is writeDurably for what a person waits for: it waits for another
// process until ctx ends. What has begun is not cut short.
func (s *DB) writeUntil(ctx context.Context, f func(*transaction) error) error {
	return s.until(ctx, func() error { return s.writeDurably(f) })
}

func (s *DB) transact(f func(*transaction) error, mode func(func() error) error) error {
	return s.again(func() error { return s.transactOnce(f, mode) })
}

func (s *DB) transactOnce(f func(*transaction) error, mode func(func() error) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	var committed func()
	err := mode(func() error {
		return s.conn.immediate(func() error {
			h, err := s.readHeader()
			if err != nil {
				return err
			}
			if h.version > schemaVersion {
				return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewerSchema, h.version, schemaVersion)
			}
			if err := s.refuseNews(h); err != nil {
				return err
			}
			s.adopt(h)
			tx := &transaction{connection: s.conn, header: h, now: s.now().UnixNano(), seriesCount: -1}
			if err := s.followDecision(tx); err != nil {
				return fmt.Errorf("follow decision: %w", err)
			}
			s.adopt(tx.header)
			if committed, err = s.hooks.begin(tx); err != nil {
				return err
			}
			return f(tx)
		})
	})
	if err != nil {
		s.forget()
		return s.named(s.diagnose(err))
	}
	s.recorded = true
	s.conn.wrote(s.path)
	committed()
	return nil
}

// brief is how long work waits for another process that can as well be done
// another time.
const brief = 250 * time.Millisecond

// briefly runs f, whose transactions wait for others no longer than brief. The
// caller holds s.mu.
func (s *DB) briefly(f func() error) error {
	return s.waitingAtMost(brief, f)
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
		return min(s.hurry, s.busyTimeout())
	}
	return s.busyTimeout()
}

// busyTimeout is how long a transaction waits for another process's. It may be
// asked without the lock.
func (s *DB) busyTimeout() time.Duration { return time.Duration(s.busy.Load()) }

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
		s.conn.waitAtMost(s.patience())
	}
}

// look runs f on the write connection, outside a transaction of its own.
func (s *DB) look(f func(header) error) error {
	return s.again(func() error { return s.lookOnce(f) })
}

func (s *DB) lookOnce(f func(header) error) error {
	if s.closed {
		return ErrClosed
	}
	ready := s.usable
	if s.readOnly {
		ready = s.follow
	}
	if err := ready(); err != nil {
		return err
	}
	h, err := s.readHeader()
	if err != nil {
		return s.named(s.diagnose(err))
	}
	if h.version > schemaVersion {
		return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewerSchema, h.version, schemaVersion)
	}
	if err := s.refuseNews(h); err != nil {
		return s.named(s.diagnose(err))
	}
	if h.mode != h.stored && !s.readOnly {
		// At worst the next transaction does it: nothing is sent meanwhile.
		if s.transactOnce(func(*transaction) error { return nil }, func(run func() error) error { return run() }) == nil {
			h = s.last
		}
	}
	s.adopt(h)
	return s.named(s.diagnose(f(h)))
}

// findOrInsert returns the row that find selects by the first keys of args, or
// the one that insert makes with all of them.
func (tx *transaction) findOrInsert(find string, keys int, insert string, args ...any) (int64, error) {
	id, err := tx.find(find, args[:keys]...)
	if err != nil || id != 0 {
		return id, err
	}
	return tx.insert(insert, args...)
}

// affected runs a statement and returns how many rows it changed.
func (tx *transaction) affected(query string, args ...any) (int64, error) {
	result, err := tx.result(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert runs a statement and returns the row it made.
func (tx *transaction) insert(query string, args ...any) (int64, error) {
	result, err := tx.result(query, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (tx *transaction) result(query string, args ...any) (sql.Result, error) {
	stmt, err := tx.prepared(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(background, args...)
}

// list returns the first column of all rows.
func (c *connection) list(query string, args ...any) (ids []int64, err error) {
	err = c.each(query, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, args...)
	return ids, err
}
