package mirrordb

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

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

// hasten tells the connection how long to wait.
func (s *DB) hasten() {
	if s.Conn != nil && !s.closed {
		s.Conn.WaitAtMost(s.Patience())
	}
}

// BusyLimit is how long a transaction waits for another process's. It may be
// asked without the lock.
func (s *DB) BusyLimit() time.Duration { return time.Duration(s.busy.Load()) }
