package exporter

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestASubmissionHasWhatWasCountedUntilThen, although the last recording is long
// ago when the time for it comes: the first one, and those after it.
func TestASubmissionHasWhatWasCountedUntilThen(t *testing.T) {
	for name, temporality := range map[string]metricdata.Temporality{
		"delta": metricdata.DeltaTemporality, "merged totals": metricdata.CumulativeTemporality,
	} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan *metricdata.ResourceMetrics, 10)
			recorder := &recordingForwarder{temporality: temporality, answer: func(_ context.Context, rm *metricdata.ResourceMetrics) error {
				sent <- rm
				return nil
			}}
			var forwarder sdkmetric.Exporter = merging{recorder}
			if temporality == metricdata.DeltaTemporality {
				forwarder = recorder
			}
			clock := newClock()
			store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"), localstore.WithClock(clock.now))
			must(t, err)
			exp, err := New(store, WithForwarder(forwarder), WithSubmitInterval(submitEvery), WithCheckInterval(time.Millisecond),
				WithRecordInterval(24*time.Hour), WithResource(resource.Empty()), WithErrorHandler(func(err error) { t.Error(err) }))
			must(t, err)
			provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(NewReader(exp)))
			tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
			must(t, err)
			n, err := tracker.Statistic("n")
			must(t, err)
			for i := range 3 {
				n.Add(4)
				n.Add(1)
				clock.advance(submitEvery + time.Minute)
				want := 5.0
				if temporality == metricdata.CumulativeTemporality {
					want *= float64(i + 1)
				}
				select {
				case rm := <-sent:
					if got := received([]*metricdata.ResourceMetrics{rm})[" n"]; got != want {
						t.Errorf("submission %d says %v, want %v", i+1, got, want)
					}
				case <-time.After(30 * time.Second):
					t.Fatal("nothing is submitted")
				}
				exp.sender.turn <- struct{}{} // once the answer is written down
				<-exp.sender.turn
			}
			must(t, provider.Shutdown(t.Context()))
			must(t, store.Close())
			if len(sent) != 0 {
				t.Errorf("%d submissions more", len(sent))
			}
		})
	}
}

// TestNeverCheckLeavesItToSubmit: whatever is due, and whatever asks for a look.
func TestNeverCheckLeavesItToSubmit(t *testing.T) {
	forwarder := delta()
	clock := newClock()
	store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"), localstore.WithClock(clock.now))
	must(t, err)
	exp, err := New(store, WithForwarder(forwarder), WithSubmitInterval(submitEvery), WithCheckInterval(time.Millisecond),
		WithCheckInterval(NeverCheck), WithErrorHandler(func(err error) { t.Error(err) }))
	must(t, err)
	reader := NewReader(exp)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
	must(t, err)
	n, err := tracker.Statistic("n")
	must(t, err)
	n.Add(5)
	clock.advance(2 * submitEvery)
	must(t, reader.Record(t.Context()))
	<-exp.sender.done // there is nobody who could look
	if got := len(forwarder.requests()); got != 0 {
		t.Errorf("%d requests before Submit", got)
	}
	must(t, exp.Submit(t.Context()))
	must(t, provider.Shutdown(t.Context()))
	must(t, store.Close())
	if got := received(forwarder.requests())[" n"]; got != 5 {
		t.Errorf("sent %v, want 5", got)
	}
}
