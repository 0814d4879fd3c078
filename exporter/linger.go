package exporter

import (
	"math/rand/v2"
	"time"
)

// linger waits at random for up to a check interval before an attempt, and reports
// whether to make it. The checks of a process that runs for long come at the same
// moment of each minute, and so would its submissions, under whatever ids. A process
// that has just begun does not wait: it may end before.
func (s *sender) linger() bool {
	c := &s.e.config
	if !c.unlinkable && c.rotation == 0 && !s.erased.Load() {
		return true
	}
	if due, err := s.e.store.Outbox().Due(s.ctx, s.request(false)); err != nil || !due {
		return true // nothing is sent
	}
	timer := time.NewTimer(rand.N(c.checkInterval)) //nolint:gosec // it spreads load, too
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stopped:
		return false
	}
}
