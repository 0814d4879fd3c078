package otelusagetest

import (
	"maps"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Of a package under test.
var (
	searches = otelusage.NewStatistic("isolated.searches")
	mode     = otelusage.NewState("isolated.mode", "dark")
	work     = otelusage.NewTimer("isolated.work")
	trip     = otelusage.NewSequence("isolated.trip", []string{"A", "B"})
)

// TestPackageVariablesInAnyOrder: each finds what it would find alone.
func TestPackageVariablesInAnyOrder(t *testing.T) {
	for range 2 {
		t.Run("", func(t *testing.T) {
			before := Isolate(t)
			if changed := before.Since(); len(changed) != 0 {
				t.Errorf("changed before anything happened: %v", changed)
			}
			if trip.Hit("B") { // left half-way by the other one
				t.Error("the sequence was not at its beginning")
			}
			trip.Hit("A")
			searches.With(attribute.String("via", "web")).Add(3)
			mode.Set("light")
			work.Record(t.Context(), time.Minute)
			if work.Elapsed() != 0 {
				t.Error("the timer was not idle")
			}
			work.Start() // and left running
			want := map[string]string{"isolated.searches{via=web}": "3", "isolated.mode": "light", "isolated.work": "1 run, 1 minute"}
			if got := before.Since(); !maps.Equal(got, want) {
				t.Errorf("Since() = %v\nwant      %v", got, want)
			}
			if n := mode.Changes(); n != 1 {
				t.Errorf("%d changes", n)
			}
		})
	}
	if State(t, otelusage.Default(), "isolated.mode") != "dark" || work.Elapsed() != 0 || work.Count() != 0 || searches.Sum() != 0 {
		t.Errorf("left behind: %v", Values(otelusage.Default()))
	}
}

func TestIsolateRefusesParallelTests(t *testing.T) {
	t.Run("", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("it did not panic")
			}
		}()
		Isolate(t)
	})
}

func TestSinceTellsDifferences(t *testing.T) {
	tracker := New(t)
	n, _ := tracker.Statistic("n")
	f, _ := tracker.FloatStatistic("f")
	s, _ := tracker.State("s", otelusage.NoState)
	d, _ := tracker.Timer("d")
	q, _ := tracker.Sequence("q", []string{"A"})
	n.Add(5)
	f.Add(1.5)
	s.Set("on")
	d.Record(t.Context(), time.Hour)
	q.Hit("A")
	before := Now(tracker)
	n.Add(-7)
	f.Add(0.25)
	s.Clear()
	d.Record(t.Context(), time.Second)
	q.Hit("A")
	want := map[string]string{"n": "-7", "f": "0.25", "s": "no state", "d": "1 run, 1 second", "q": "1"}
	if got := before.Since(); !maps.Equal(got, want) {
		t.Errorf("Since() = %v\nwant      %v", got, want)
	}
	if got := (Moment{}).Since(); len(got) != 0 {
		t.Errorf("of no tracker: %v", got)
	}
}
