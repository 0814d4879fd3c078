package outbox

import (
	"testing"
	"time"
)

func TestBackoffHasFullJitterUpToTheInterval(t *testing.T) {
	m := newMirror(t)
	for _, tt := range []struct {
		failures int64
		interval time.Duration
		random   float64
		want     time.Duration
	}{
		{0, time.Hour, 1, 10 * time.Second},
		{0, time.Hour, 0, time.Second},
		{1, time.Hour, 1, 20 * time.Second},
		{3, time.Hour, 0.25, 20 * time.Second},
		{8, time.Hour, 1, 2560 * time.Second},
		{9, time.Hour, 1, time.Hour},
		{1 << 40, time.Hour, 0.5, 30 * time.Minute},
		{0, 5 * time.Second, 1, 5 * time.Second},
		{5, 0, 1, time.Second},
		{1000, 1 << 62, 1, 24 * time.Hour},
	} {
		m.random = tt.random
		if got := m.outbox.backoff(tt.failures, tt.interval); got != tt.want {
			t.Errorf("backoff after %d of %v at %g = %v, want %v", tt.failures, tt.interval, tt.random, got, tt.want)
		}
	}
}
