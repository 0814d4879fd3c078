package exporter

import (
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// A Statistic that becomes a FloatStatistic in the same version is one stream
// to a receiver: what waits of both arrives, in batches of their own.
func TestANumberTypeThatChangedArrivesInTwoBatches(t *testing.T) {
	f := delta()
	x := setup{path: filepath.Join(t.TempDir(), "usage.db"), clock: newClock(), version: "dev", opts: []Option{WithForwarder(f), WithSubmitInterval(time.Hour)}}
	r := x.start(t)
	r.statistic("amount").Add(5)
	r.record()
	r.end()
	x.clock.advance(time.Minute)
	r = x.start(t)
	amount, err := r.tracker.FloatStatistic("amount")
	must(t, err)
	amount.Add(2.5)
	r.record()
	r.submit()
	if got := usage(received(f.requests()))["dev amount"]; got != 7.5 {
		t.Errorf("received %g", got)
	}
	for _, rm := range f.requests() {
		if n := metricsNamed(rm, "amount"); n > 1 {
			t.Errorf("%d metrics of one stream in one request", n)
		}
	}
	r.end()
}

func metricsNamed(rm *metricdata.ResourceMetrics, name string) (n int) {
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if m.Name == name {
				n++
			}
		}
	}
	return n
}
