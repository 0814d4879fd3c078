package otelusagetest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
)

// Count returns what a Statistic counted, or how often a Sequence was completed.
// The label is a name, or a name with attributes, as [Values] has it:
// "searches{via=web}". It fails tb if t has no such Statistic or Sequence. Float,
// Runs and State do so for their kinds.
func Count(tb testing.TB, t *otelusage.Tracker, label string) int64 {
	tb.Helper()
	return find(tb, t, label, "Statistic or Sequence", peek.Statistic, peek.Sequence).Count
}

// Float returns what a FloatStatistic counted.
func Float(tb testing.TB, t *otelusage.Tracker, label string) float64 {
	tb.Helper()
	return find(tb, t, label, "FloatStatistic", peek.FloatStatistic).Float
}

// Runs returns how many runs a Timer recorded, and their total time.
func Runs(tb testing.TB, t *otelusage.Tracker, label string) (runs int64, total time.Duration) {
	tb.Helper()
	m := find(tb, t, label, "Timer", peek.Timer)
	return m.Count, m.Total
}

// State returns which state a State is in, [otelusage.NoState] for none.
func State(tb testing.TB, t *otelusage.Tracker, name string) string {
	tb.Helper()
	return find(tb, t, name, "State", peek.State).State
}

func find(tb testing.TB, t *otelusage.Tracker, label, what string, kinds ...peek.Kind) peek.Measure {
	tb.Helper()
	measures := peek.Measures(t)
	m, ok := measures[label]
	if !ok || !slices.Contains(kinds, m.Kind) {
		tb.Errorf("otelusage: there is no %s %q among %s", what, label, strings.Join(slices.Sorted(maps.Keys(measures)), ", "))
		return peek.Measure{}
	}
	return m
}
