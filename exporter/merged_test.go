package exporter

import (
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// merging is a forwarder whose destination knows one version at a time.
type merging struct{ *recordingForwarder }

func (merging) MergeResources() bool { return true }

func last(t *testing.T, f *recordingForwarder) []*metricdata.ResourceMetrics {
	t.Helper()
	got := f.requests()
	if len(got) == 0 {
		t.Fatal("nothing was sent")
	}
	return got[len(got)-1:]
}

func TestMergedTotalsSpanVersionsAttributesAndSilence(t *testing.T) {
	forwarder := merging{&recordingForwarder{temporality: metricdata.CumulativeTemporality}}
	path, clock := filepath.Join(t.TempDir(), "usage.db"), newClock()
	for i, version := range []string{"1.0.0", "1.1.0"} {
		r := setup{path: path, clock: clock, version: version, opts: []Option{WithForwarder(forwarder)}}.start(t)
		r.statistic("untouched")
		n := r.statistic("n")
		n.Add(3)
		n.With(attribute.String("via", "web")).Add(4)
		play, err := r.tracker.Timer("play")
		must(t, err)
		play.Record(t.Context(), 90*time.Second)
		trip, err := r.tracker.Sequence("trip", []string{"A", "B"})
		must(t, err)
		trip.AdvanceTo("B")
		r.state("mode", "on")
		r.state("never", otelusage.NoState)
		r.record()
		clock.advance(2 * time.Hour)
		r.submit()
		r.submit() // nothing new
		if got := len(forwarder.requests()); got != i+1 {
			t.Errorf("%d requests, want %d", got, i+1)
		}
		r.end()
		times := float64(i + 1)
		want := map[string]float64{version + " n": 7 * times, version + " untouched": 0, version + " play": times,
			version + " trip": times, version + " otelusage.submissions": times}
		diff(t, received(last(t, forwarder.recordingForwarder)), want)
		names := make(map[string]string)
		for _, sm := range last(t, forwarder.recordingForwarder)[0].ScopeMetrics {
			for _, m := range sm.Metrics {
				names[m.Name] = "there"
				if g, ok := m.Data.(metricdata.Gauge[int64]); ok {
					v, _ := g.DataPoints[0].Attributes.Value(otelusage.StateKey)
					names[m.Name] = v.AsString()
				}
			}
		}
		if names["mode"] != "on" || names["untouched"] != "there" || len(names) != 7 {
			t.Errorf("sent %v", names)
		}
		if state, ok := names["never"]; !ok || state != "" {
			t.Errorf("a State without one was sent as %q, %v", state, ok)
		}
	}
}

// What was sent in a total stays in it when sending is switched off and on.
func TestTotalsThatWereSentDoNotFall(t *testing.T) {
	for name, forwarder := range map[string]requester{
		"merged":       merging{&recordingForwarder{temporality: metricdata.CumulativeTemporality}},
		"per resource": &recordingForwarder{temporality: metricdata.CumulativeTemporality},
	} {
		t.Run(name, func(t *testing.T) {
			r := setup{opts: []Option{WithForwarder(forwarder)}}.start(t)
			n := r.statistic("n")
			play, err := r.tracker.Timer("play")
			must(t, err)
			n.Add(100)
			play.Record(t.Context(), time.Second)
			r.record()
			r.submit()
			n.Add(20) // recorded with consent, and not sent when it is withdrawn
			r.record()
			must(t, r.store.Disable(t.Context()))
			n.Add(1000)
			play.Record(t.Context(), time.Second)
			r.record()
			must(t, r.store.Enable(t.Context()))
			r.record()
			n.Add(1)
			r.record()
			r.submit()
			got := received(forwarder.requests()[1:])
			if got["1.0.0 n"] != 101 || got["1.0.0 play"] != 1 {
				t.Errorf("sent %v, want n 101 and play 1", got)
			}
			r.end()
		})
	}
}

// Deltas, then totals, then deltas again on one mirror.
func TestSwappingForwardersLeavesNoGapAndNoDouble(t *testing.T) {
	deltas, totals := delta(), merging{&recordingForwarder{temporality: metricdata.CumulativeTemporality}}
	path, clock := filepath.Join(t.TempDir(), "usage.db"), newClock()
	for week, forwarder := range []requester{deltas, totals, deltas} {
		r := setup{path: path, clock: clock, opts: []Option{WithForwarder(forwarder)}}.start(t)
		for range 7 {
			r.statistic("n").Add(5)
			r.record()
			clock.advance(24 * time.Hour)
			r.submit()
		}
		if week == 1 {
			diff(t, map[string]float64{"n": received(last(t, totals.recordingForwarder))["1.0.0 n"]}, map[string]float64{"n": 70})
		}
		r.end()
	}
	diff(t, usage(received(deltas.requests())), map[string]float64{"1.0.0 n": 105})
}

// Heartbeats have no place in totals: they do not pile up waiting for deltas.
func TestHeartbeatsDoNotPileUpUnderTotals(t *testing.T) {
	if testing.Short() {
		t.Skip("records hundreds of times")
	}
	clock := newClock()
	r := setup{clock: clock, opts: []Option{WithForwarder(merging{&recordingForwarder{temporality: metricdata.CumulativeTemporality}})}}.start(t)
	n := r.statistic("n")
	for range 200 {
		n.Inc()
		must(t, r.export())
		r.submit()
		clock.advance(24 * time.Hour)
	}
	list, err := r.store.Balance(t.Context())
	must(t, err)
	if len(list) > 90 {
		t.Errorf("%d series after 200 days, want those of the last 60", len(list))
	}
	r.end()
}
