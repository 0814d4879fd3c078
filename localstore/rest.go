package localstore

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
	if !place.OpenKeepsName || s.conn == nil || !s.readOnly && !s.existing {
		return
	}
	if s.isNoted() {
		s.rest()
		return
	}
	if s.held.resting != nil {
		s.held.resting.Stop()
	}
	s.held.resting = time.AfterFunc(restAfter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rest()
	})
}

func (s *DB) rest() {
	switch {
	case s.conn == nil || s.closed:
		return
	case s.readOnly:
		_ = s.leaveReader(s.conn, s.file) // nothing was written
	default:
		s.release(s.conn)
	}
	s.conn = nil
}
