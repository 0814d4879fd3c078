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
// is damaged. The next reading opens it again. The caller holds s.mu.
func (s *DB) restLater() {
	if !place.OpenKeepsName || s.Conn == nil || !s.ReadOnly && !s.Existing {
		return
	}
	if s.IsNoted() {
		s.Rest()
		return
	}
	if s.held.resting != nil {
		s.held.resting.Stop()
	}
	s.held.resting = time.AfterFunc(restAfter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Rest()
	})
}

func (s *DB) Rest() {
	switch {
	case s.Conn == nil || s.closed:
		return
	case s.ReadOnly:
		_ = s.leaveReader(s.Conn, s.file) // nothing was written
	default:
		s.release(s.Conn)
	}
	s.Conn = nil
}

// IsResting reports whether the file will be closed in a while.
func (s *DB) IsResting() bool { return s.held.resting != nil }

// Close closes the file for good. The caller holds mu.
func (s *DB) Close() error {
	s.closed = true
	if s.held.resting != nil {
		s.held.resting.Stop()
	}
	switch {
	case s.Conn == nil:
		return nil
	case s.ReadOnly:
		return s.leaveReader(s.Conn, s.file)
	}
	return s.Conn.Close()
}
