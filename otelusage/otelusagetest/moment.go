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

// Since returns what changed since the moment, in the form of [Values]: by how
// much a Statistic went up or down, the further runs of a Timer with their time
// and the further completions of a Sequence, and of a State the one it is in
// now. What stayed the same is left out.
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

// Isolate lets a test of package variables, which count on
// [otelusage.Default], run in any order with others: it begins that tracker anew,
// now and when the test ends, and returns the moment. Counts are 0 then, States
// initial, Timers idle and Sequences at their beginning. The process has one
// such tracker, so that a parallel test panics.
func Isolate(tb testing.TB) Moment {
	tb.Helper()
	tb.Setenv("OTELUSAGETEST_ISOLATED", tb.Name()) // refuses parallel tests
	peek.Restart(otelusage.Default())
	tb.Cleanup(func() { peek.Restart(otelusage.Default()) })
	return Now(otelusage.Default())
}
