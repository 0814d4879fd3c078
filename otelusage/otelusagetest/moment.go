package otelusagetest

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
)

// Moment is what a tracker held at some time.
type Moment struct {
	tracker  *otelusage.Tracker
	measures map[string]peek.Measure
}

// Now returns what t holds now, for [Moment.Since] to compare with.
func Now(t *otelusage.Tracker) Moment {
	return Moment{tracker: t, measures: peek.Measures(t)}
}

// Since returns what changed since the moment, in the form of [Values]: the
// difference of a Statistic, the additional runs of a Timer with their time, the
// additional completions of a Sequence, and the present state of a State.
// Unchanged values are left out.
func (m Moment) Since() map[string]string {
	changed := make(map[string]string)
	for label, now := range peek.Measures(m.tracker) {
		then, known := m.measures[label]
		if !known {
			then = peek.Measure{Kind: now.Kind}
		}
		if now == then {
			continue
		}
		now.Count -= then.Count
		now.Float -= then.Float
		now.Total -= then.Total
		changed[label] = peek.Text(now)
	}
	return changed
}

// Isolate lets tests of package variables, which count on [otelusage.Default],
// run in any order. It resets that tracker, now and when the test ends, and
// returns the moment: counts are 0, States initial, Timers idle and Sequences at
// their beginning. The process has only one such tracker, so Isolate panics in a
// parallel test.
func Isolate(tb testing.TB) Moment {
	tb.Helper()
	tb.Setenv("OTELUSAGETEST_ISOLATED", tb.Name()) // refuses parallel tests
	peek.Restart(otelusage.Default())
	tb.Cleanup(func() { peek.Restart(otelusage.Default()) })
	return Now(otelusage.Default())
}
