package exporter

import (
	"testing"
	"time"
)

// TestASenderThatHidesLingers before an attempt that is due, and not otherwise; and
// its end does not wait for that.
func TestASenderThatHidesLingers(t *testing.T) {
	for name, test := range map[string]struct {
		opts    []Option
		erases  bool
		nothing bool // is due
		lingers bool
	}{
		"an id":                   {},
		"unlinkable":              {opts: []Option{Unlinkable()}, lingers: true},
		"unlinkable, nothing due": {opts: []Option{Unlinkable()}, nothing: true},
		"rotation":                {opts: []Option{WithRotation(time.Hour)}, lingers: true},
		"erased":                  {erases: true, lingers: true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			r := setup{clock: clock, opts: append(test.opts, WithForwarder(delta()), WithSubmitInterval(time.Hour))}.start(t)
			n := r.statistic("n")
			if test.erases {
				must(t, r.exporter.Erase(t.Context()))
				r.record()
			}
			n.Inc()
			r.record()
			if !test.nothing {
				clock.advance(3 * time.Hour)
			}
			s := r.exporter.sender
			must(t, r.exporter.Shutdown(t.Context())) // which cuts a wait short
			if goes := s.linger(); goes == test.lingers {
				t.Errorf("makes an attempt at once: %v", goes)
			}
			must(t, r.store.Close())
		})
	}
}
