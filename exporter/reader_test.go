package exporter

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Shutdown comes while recordings are made all the time, and counts too.
func TestShutdownDuringAnExportLosesNothing(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "usage.db")
		store, err := localstore.Open(path)
		must(t, err)
		exp, err := New(store, WithForwarder(delta()), WithRecordInterval(time.Microsecond), WithErrorHandler(func(err error) { t.Error(err) }))
		must(t, err)
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(NewReader(exp)))
		tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
		must(t, err)
		n, err := tracker.Statistic("n")
		must(t, err)
		var counting sync.WaitGroup
		for range 4 {
			counting.Go(func() {
				for range 10_000 {
					n.Inc()
				}
			})
		}
		counting.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, provider.Shutdown(ctx))
		must(t, store.Close())
		r := setup{path: path}.start(t)
		if got := r.statistic("n").Value(); got != 40_000 {
			t.Errorf("the mirror holds %d, want 40000", got)
		}
		r.end()
	}
}

func TestReaderBeforeItsProviderAndAfterIt(t *testing.T) {
	store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"))
	must(t, err)
	defer store.Close()
	exp, err := New(store)
	must(t, err)
	reader := NewReader(exp)
	must(t, reader.Record(t.Context()))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	must(t, provider.ForceFlush(t.Context()))
	must(t, provider.Shutdown(t.Context()))
	if err := reader.Record(t.Context()); !errors.Is(err, sdkmetric.ErrReaderShutdown) {
		t.Errorf("Record after Shutdown: %v, want ErrReaderShutdown", err)
	}
	if err := reader.Shutdown(t.Context()); !errors.Is(err, sdkmetric.ErrReaderShutdown) {
		t.Errorf("second Shutdown: %v, want ErrReaderShutdown", err)
	}
	if _, err := New(store); err != nil {
		t.Errorf("the store has no room for the next exporter: %v", err)
	}
}

// The application's own handler may call what reports to it.
func TestHandlersMayCallBack(t *testing.T) {
	var r *run
	called := make(chan struct{}, 100)
	r = setup{opts: []Option{WithScopes("app"), WithErrorHandler(func(error) {
		_ = r.exporter.ForceFlush(context.Background())
		_ = r.store.InstallationID()
		called <- struct{}{}
	})}}.start(t)
	counter, err := r.provider.Meter("app").Float64Counter("c")
	must(t, err)
	counter.Add(t.Context(), 1e308)
	counter.Add(t.Context(), 1e308) // infinite by now
	must(t, r.export())
	select {
	case <-called:
	default:
		t.Error("nothing was reported")
	}
	r.end()
}

// Views can give a histogram a boundary that no JSON number is.
func TestWhatCannotBeStoredHoldsNothingElseUp(t *testing.T) {
	forwarder := delta()
	inf := 1e308
	inf *= 10
	r := setup{
		opts: []Option{WithForwarder(forwarder), WithScopes("app")},
		sdk: []sdkmetric.Option{sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "h"},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: []float64{1, 2, inf}}}))},
	}.start(t)
	h, err := r.provider.Meter("app").Float64Histogram("h")
	must(t, err)
	h.Record(t.Context(), 1)
	boundaries := make([]float64, 60_000) // whose values would be too long to be read again
	for i := range boundaries {
		boundaries[i] = float64(i) + 0.123456789012345
	}
	wide, err := r.provider.Meter("app").Float64Histogram("wide", metric.WithExplicitBucketBoundaries(boundaries...))
	must(t, err)
	wide.Record(t.Context(), 1)
	r.statistic("n").Inc()
	r.record()
	if _, err := r.store.Snapshot(t.Context(), snapshot.Query{}); err != nil {
		t.Error(err)
	}
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 n": 1})
}

// A destination that takes few points at a time gets all of them.
func TestSmallRequestsBringEverything(t *testing.T) {
	if testing.Short() {
		t.Skip("submits hundreds of times")
	}
	for _, limit := range []int{1, 5, 30} {
		o := startOutbox(t)
		n := o.statistic("n")
		for i := range 60 {
			n.With(attributeOf(i)).Add(int64(i))
		}
		o.record()
		o.receiver.Limit(limit)
		for range 40 {
			_ = o.exporter.sender.submit(t.Context(), false)
			o.balanced()
			o.setup.clock.advance(2 * submitEvery)
		}
		for i := range 60 {
			o.arrived(t, "n"+attributeText(i), int64(i))
			if held := o.held(t, "n"+attributeText(i)); held != 0 {
				t.Errorf("at most %d points a request: %d of n%s still held", limit, held, attributeText(i))
			}
		}
		o.end()
	}
}

func attributeOf(i int) attribute.KeyValue { return attribute.String("i", fmt.Sprint(i)) }

func attributeText(i int) string { return fmt.Sprintf("{i=%d}", i) }
