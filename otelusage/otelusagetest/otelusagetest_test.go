package otelusagetest

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"go.opentelemetry.io/otel/attribute"
)

func TestValuesShowEverySeries(t *testing.T) {
	tracker := New(t)
	searches, _ := tracker.Statistic("searches")
	searches.With(attribute.String("via", "web")).Add(3)
	both, _ := tracker.Statistic("both")
	both.Inc()
	both.With(attribute.Int("v", 1), attribute.String("a", "b")).Inc()
	_, _ = tracker.Statistic("untouched")
	gold, _ := tracker.FloatStatistic("gold")
	gold.Add(56.75)
	server, _ := tracker.State("server", "Metric")
	_, _ = tracker.State("never set", otelusage.NoState)
	playTime, _ := tracker.Timer("play_time")
	playTime.Record(t.Context(), time.Hour)
	playTime.Record(t.Context(), 2*time.Hour)
	playTime.With(attribute.Bool("night", true)).Record(t.Context(), time.Second)
	_, _ = tracker.Timer("idle")
	trip, _ := tracker.Sequence("round_trip", []string{"A"})
	for range 4 {
		trip.Hit("A")
	}
	server.Set("US Standard")
	want := map[string]string{
		"searches{via=web}": "3", "both": "1", "both{a=b,v=1}": "1", "untouched": "0", "gold": "56.75",
		"server": "US Standard", "never_set": "no state",
		"play_time": "2 runs, 3 hours", "play_time{night=true}": "1 run, 1 second", "idle": "0 runs, 0 seconds",
		"round_trip": "4",
	}
	if got := Values(tracker); !maps.Equal(got, want) {
		t.Errorf("Values() = %v\nwant       %v", got, want)
	}
	if len(Values(nil)) != 0 || len(Values(New(t))) != 0 {
		t.Error("an empty tracker has values")
	}
}

// failing is a testing.TB that keeps what it is told.
type failing struct {
	testing.TB
	errors  []string
	cleanup []func()
}

func (f *failing) Helper()          {}
func (f *failing) Cleanup(c func()) { f.cleanup = append(f.cleanup, c) }
func (f *failing) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func TestWhatGoesWrongFailsTheTest(t *testing.T) {
	tb := &failing{TB: t}
	tracker := New(tb)
	n, _ := tracker.Statistic("n", otelusage.Monotonic())
	if _, err := tracker.Timer("n"); err == nil || len(tb.errors) != 1 {
		t.Errorf("%v; %v", err, tb.errors)
	}
	n.Add(-1)
	if len(tb.errors) != 2 {
		t.Errorf("failures %v", tb.errors)
	}
	for _, c := range tb.cleanup {
		c()
	}
	if _, err := tracker.Statistic("late"); err == nil {
		t.Error("not closed")
	}
}
