package exporter

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// watched is an application whose exporter looks every millisecond, with a
// gauge of its own.
type watched struct {
	clock    *clock
	store    *localstore.Store
	exporter *Exporter
	reader   *Reader
	provider *sdkmetric.MeterProvider
}

func newWatched(t *testing.T, f sdkmetric.Exporter, handle func(error), gauge metric.Float64Callback) *watched {
	t.Helper()
	a := &watched{clock: newClock()}
	var err error
	a.store, err = localstore.Open(filepath.Join(t.TempDir(), "usage.db"), localstore.WithClock(a.clock.now))
	must(t, err)
	a.exporter, err = New(a.store, WithForwarder(f), WithSubmitInterval(submitEvery), WithCheckInterval(time.Millisecond),
		WithScopes("app"), WithRecordInterval(24*time.Hour), WithResource(resource.Empty()), WithErrorHandler(handle))
	must(t, err)
	a.reader = NewReader(a.exporter)
	a.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(a.reader))
	if gauge != nil {
		_, err = a.provider.Meter("app").Float64ObservableGauge("x", metric.WithFloat64Callback(gauge))
		must(t, err)
	}
	tracker, err := otelusage.New(otelusage.WithMeterProvider(a.provider), otelusage.WithLedger(a.store))
	must(t, err)
	n, err := tracker.Statistic("n")
	must(t, err)
	n.Add(1)
	return a
}

// returns fails the test where something is waited for that does not come.
func returns(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not return", what)
	}
}

// TestACallbackDelaysNoShutdownOfTheExporter: the application's callback is called
// before a submission, and takes its time, or shuts the exporter down itself.
func TestACallbackDelaysNoShutdownOfTheExporter(t *testing.T) {
	entered, release := make(chan struct{}, 10), make(chan struct{})
	a := newWatched(t, delta(), func(err error) { t.Error(err) }, func(context.Context, metric.Float64Observer) error {
		entered <- struct{}{}
		<-release
		return nil
	})
	a.clock.advance(2 * submitEvery)
	<-entered
	returns(t, "Shutdown", func() { must(t, a.exporter.Shutdown(t.Context())) })
	close(release)
	returns(t, "the reader's Shutdown", func() { _ = a.provider.Shutdown(t.Context()) })
	must(t, a.store.Close())
	if n := len(entered); n != 1 {
		t.Errorf("the callback was called %d times more, want once, by the reader's Shutdown", n)
	}
}

// TestAnErrorHandlerMayShutDown, wherever an error is met.
func TestAnErrorHandlerMayShutDown(t *testing.T) {
	failing := &recordingForwarder{temporality: metricdata.DeltaTemporality,
		answer: func(context.Context, *metricdata.ResourceMetrics) error { return errors.New("no") }}
	for name, test := range map[string]struct {
		forwarder sdkmetric.Exporter
		gauge     metric.Float64Callback
		meet      func(*watched)
	}{
		"in a submission": {failing, nil, func(a *watched) { a.clock.advance(2 * submitEvery) }},
		"in the recording before one": {delta(), func(context.Context, metric.Float64Observer) error { return errors.New("no") },
			func(a *watched) { a.clock.advance(2 * submitEvery) }},
		"in what is recorded": {delta(), func(_ context.Context, o metric.Float64Observer) error { o.Observe(math.NaN()); return nil },
			func(a *watched) { _ = a.reader.ForceFlush(context.Background()) }},
		"after an erasure": {delta(), func(_ context.Context, o metric.Float64Observer) error { o.Observe(math.NaN()); return nil },
			func(a *watched) { _ = a.reader.Erase(context.Background()) }},
	} {
		t.Run(name, func(t *testing.T) {
			app, called := make(chan *watched, 1), make(chan struct{}, 10)
			a := newWatched(t, test.forwarder, func(error) {
				select {
				case a := <-app:
					_ = a.provider.Shutdown(context.Background())
					called <- struct{}{}
				default:
				}
			}, test.gauge)
			app <- a
			returns(t, "what meets the error", func() { test.meet(a) })
			returns(t, "the handler", func() { <-called })
			must(t, a.store.Close())
		})
	}
}
