package localstore

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// wrongClocks lie outside what nanoseconds since 1970 can say, or at its edges.
var wrongClocks = []time.Time{
	{},
	time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(1969, 12, 31, 23, 59, 0, 0, time.UTC),
	time.Unix(0, 0),
	time.Date(2261, 12, 31, 23, 59, 59, 999999999, time.UTC),
	time.Unix(0, math.MaxInt64),
	time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC),
}

// Receivers drop a point that starts before its stream does or is not newer
// than the last, and what says no time at all.
func TestIntervalsCanBeToldWhateverTheClock(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of mirrors")
	}
	for _, wrong := range wrongClocks {
		t.Run(fmt.Sprint(wrong.Year()), func(t *testing.T) {
			_, c := fresh(t)
			right := c.now()
			for i, first := range []time.Time{wrong, right} { // which clock made the mirror
				c.set(first)
				s := open(t, newPath(t), c)
				w, n := newWriter(t, s), statistic(version("1"), "n")
				var start, end int64
				for j, now := range []time.Time{first, wrong, wrong.Add(time.Hour), right, wrong, right} {
					c.set(now)
					record(t, w, add(n, 5))
					if j == 1 {
						attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{Verdict: outbox.Transient, RetryAfter: time.Hour}))
					}
					part := submit(t, s)[0]
					from, to := part.Start.UnixNano(), part.End.UnixNano()
					if from <= 0 || from < start || from != end && end != 0 || to <= from {
						t.Errorf("mirror %d, batch %d: interval %d to %d after %d to %d", i, j, from, to, start, end)
					}
					start, end = from, to
				}
				var out bytes.Buffer
				if err := s.WriteJSON(&out); err != nil {
					t.Errorf("export: %v", err)
				}
				if _, err := s.Snapshot(t.Context(), snapshot.Query{Days: true, History: true, Since: wrong}); err != nil {
					t.Errorf("snapshot: %v", err)
				}
			}
		})
	}
}

// However far off a clock is, the time between submissions passes by it.
func TestIntervalsPassWhateverTheClock(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of mirrors")
	}
	for _, wrong := range wrongClocks {
		s, c := fresh(t)
		c.set(wrong)
		w, n := newWriter(t, s), statistic(version("1"), "n")
		for range 3 {
			record(t, w, add(n, 1))
			submit(t, s)
			record(t, w, add(n, 1))
			c.add(2 * interval)
			if due(t, s, outbox.Delta) == nil {
				t.Errorf("in %d nothing is due after twice the interval", wrong.Year())
			}
			execute(t, s, `UPDATE mirror SET lease_token = NULL`)
		}
	}
}

// Former versions wrote what such a clock overflowed to.
func TestTimesOfTheFileThatCannotBeAreMended(t *testing.T) {
	for _, at := range []int64{math.MinInt64, -1, 0, instant.LastEnd + 1, math.MaxInt64} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			s, _ := fresh(t)
			w, n := newWriter(t, s), statistic(version("1"), "n")
			execute(t, s, `UPDATE mirror SET created_at = ?1, sealed_until = ?1, mode_since = ?1, recorded_day = ?1, waited_at = ?1`, at)
			execute(t, s, `INSERT INTO forwarders (kind, accepted_at, retry_at) VALUES ('delta', ?1, ?1)`, at)
			end := int64(0)
			for range 3 {
				record(t, w, add(n, 1))
				if due(t, s, outbox.Delta) == nil {
					t.Fatal("not due")
				}
				execute(t, s, `UPDATE mirror SET lease_token = NULL`)
				part := submit(t, s)[0]
				if from, to := part.Start.UnixNano(), part.End.UnixNano(); from <= 0 || from < end || to <= from {
					t.Errorf("interval %d to %d after %d", from, to, end)
				} else {
					end = to
				}
				execute(t, s, `UPDATE forwarders SET accepted_at = ?1, retry_at = ?1`, at)
			}
			for _, p := range attemptWith(t, s, request(outbox.Cumulative), always(accepted)) {
				if from, to := p.Start.UnixNano(), p.End.UnixNano(); from <= 0 || to <= from {
					t.Errorf("totals from %d to %d", from, to)
				}
			}
		})
	}
}

func TestTotalsOfAMirrorMadeAheadOfTimeGetNewer(t *testing.T) {
	c := newClock()
	right := c.now()
	c.set(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC))
	s := open(t, newPath(t), c)
	c.set(right)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	var last time.Time
	for range 3 {
		record(t, w, add(n, 1))
		part := attemptWith(t, s, request(outbox.Cumulative), always(accepted))[0]
		if !part.End.After(last) || !part.End.After(part.Start) {
			t.Errorf("totals from %v to %v after %v", part.Start, part.End, last)
		}
		last = part.End
	}
}
