package exporter

import (
	"context"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// silentForwarder is a network that swallows packets: no request ends before
// its context does.
type silentForwarder struct {
	sdkmetric.Exporter
	temporality metricdata.Temporality
	asked       chan struct{}
}

func (f *silentForwarder) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return f.temporality
}

func (f *silentForwarder) Export(ctx context.Context, _ *metricdata.ResourceMetrics) error {
	f.asked <- struct{}{}
	<-ctx.Done()
	return &outcome.Error{Class: outcome.Transient, Reason: "no answer", Err: ctx.Err()}
}

func (f *silentForwarder) Shutdown(context.Context) error { return nil }

// Of a program that runs each hour, or more often, behind a network that
// swallows packets, five of a hundred runs wait at their end, and each attempt
// is in the log.
func TestAttemptsCutOffByExitsBackOffAndCostFiveRunsOfAHundred(t *testing.T) {
	if testing.Short() {
		t.Skip("runs hundreds of times")
	}
	for _, temporality := range []metricdata.Temporality{metricdata.DeltaTemporality, metricdata.CumulativeTemporality} {
		for _, between := range []time.Duration{time.Minute, time.Hour} {
			t.Run(temporality.String()+" "+between.String(), func(t *testing.T) {
				t.Parallel() // most of it waits for the disk
				cutOffRuns(t, temporality, between)
			})
		}
	}
}

func cutOffRuns(t *testing.T, temporality metricdata.Temporality, between time.Duration) {
	f := &silentForwarder{temporality: temporality, asked: make(chan struct{}, 1)}
	s := setup{path: t.TempDir() + "/usage.db", clock: newClock(), opts: []Option{WithForwarder(f)}}
	waits, attempts := 0, int64(0)
	for i := range 100 {
		r := s.start(t)
		r.statistic("n").Inc()
		must(t, r.export())
		if i == 0 {
			s.clock.advance(DefaultSubmitInterval)
		}
		if wait, begun := shutDownDuringAttempt(t, r, f); begun {
			attempts++
			if wait > 0 {
				waits++
			}
		}
		r.end()
		s.clock.advance(between)
	}
	r := s.start(t)
	defer r.end()
	o := sending{run: r, setup: s}
	var logged int64
	o.query(t, `SELECT coalesce(sum(times), 0) FROM submission_log WHERE outcome = 'transient' AND reason LIKE 'the program ended%'`, &logged)
	if logged != attempts || attempts == 0 {
		t.Errorf("%d of %d attempts are in the log", logged, attempts)
	}
	if waits > 5 {
		t.Errorf("%d of 100 runs waited at their end", waits)
	}
	t.Logf("%d attempts, %d runs waited", attempts, waits)
}

// shutDownDuringAttempt ends r's sender while an attempt is under way, if one
// is due, and returns how long it would have waited.
func shutDownDuringAttempt(t *testing.T, r *run, f *silentForwarder) (wait time.Duration, begun bool) {
	t.Helper()
	s := r.exporter.sender
	ended := make(chan error, 1)
	go func() { ended <- s.submit(context.Background(), false) }()
	select {
	case <-f.asked:
	case err := <-ended:
		must(t, err)
		return 0, false
	}
	wait = s.patience()
	s.cancel()
	<-ended
	return wait, true
}
