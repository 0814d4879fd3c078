package otelusagetest

import (
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func TestTypedValues(t *testing.T) {
	tracker := New(t)
	n, _ := tracker.Statistic("n")
	n.With(attribute.String("via", "web")).Add(3)
	f, _ := tracker.FloatStatistic("f")
	f.Add(2.5)
	_, _ = tracker.State("s", "dark")
	d, _ := tracker.Timer("d")
	d.Record(t.Context(), time.Hour)
	d.Record(t.Context(), time.Hour)
	q, _ := tracker.Sequence("q", []string{"A"})
	q.Hit("A")
	if got := Count(t, tracker, "n{via=web}"); got != 3 {
		t.Errorf("n is %d", got)
	}
	if got := Float(t, tracker, "f"); got != 2.5 {
		t.Errorf("f is %v", got)
	}
	if got := State(t, tracker, "s"); got != "dark" {
		t.Errorf("s is %q", got)
	}
	if runs, total := Runs(t, tracker, "d"); runs != 2 || total != 2*time.Hour {
		t.Errorf("d has %d runs, %v", runs, total)
	}
	if got := Count(t, tracker, "q"); got != 1 {
		t.Errorf("q is %d", got)
	}
}

func TestWhatIsNotThereFailsTheTest(t *testing.T) {
	tb := &failing{TB: t}
	tracker := New(tb)
	_, _ = tracker.Statistic("n")
	Count(tb, tracker, "m")
	Float(tb, tracker, "n")
	Runs(tb, tracker, "n")
	State(tb, nil, "n")
	if len(tb.errors) != 4 || !strings.Contains(tb.errors[0], `no Statistic or Sequence "m" among n`) {
		t.Errorf("failures: %q", tb.errors)
	}
}
