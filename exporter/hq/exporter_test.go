package hq

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func TestAsksForLifetimeValues(t *testing.T) {
	e := newExporter(t, Config{Host: "h"})
	for k := range sdkmetric.InstrumentKindGauge + 1 {
		if got := e.Temporality(k); got != metricdata.CumulativeTemporality {
			t.Errorf("temporality of %v is %v", k, got)
		}
	}
	if _, ok := e.Aggregation(sdkmetric.InstrumentKindHistogram).(sdkmetric.AggregationExplicitBucketHistogram); !ok {
		t.Errorf("histograms are %v", e.Aggregation(sdkmetric.InstrumentKindHistogram))
	}
	if !e.MergeResources() {
		t.Error("resources are not merged")
	}
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDefaultTransportIsNeverUsed(t *testing.T) {
	transport, client := http.DefaultTransport, http.DefaultClient
	defer func() { http.DefaultTransport, http.DefaultClient = transport, client }()
	var used atomic.Int64
	http.DefaultTransport = roundTripperFunc(func(*http.Request) (*http.Response, error) {
		used.Add(1)
		return nil, errors.New("wrapped by the application")
	})
	http.DefaultClient = &http.Client{Transport: http.DefaultTransport}
	s := startServer(t, accept, nil)
	if err := newExporter(t, Config{Host: s.URL}).Export(t.Context(), sample()); err != nil {
		t.Error(err)
	}
	for name := range s.only(t).header {
		switch name {
		case "Content-Type", "Content-Length", "User-Agent", "Connection":
		default:
			t.Errorf("header %s was sent", name)
		}
	}
	if used.Load() != 0 {
		t.Error("http.DefaultTransport was used")
	}
}

func TestConcurrentExports(t *testing.T) {
	var n, inside atomic.Int64
	s := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		if inside.Add(1) != 1 {
			t.Error("two uploads are under way")
		}
		defer inside.Add(-1)
		if n.Add(1)%2 == 0 {
			reply(200, "text/html", "Upload failed")(w, r)
			return
		}
		accept(w, r)
	}, nil)
	e := newExporter(t, Config{Host: s.URL})
	rm := sample()
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				switch err := e.Export(t.Context(), rm); {
				case err == nil:
					accepted.Add(1)
				case errors.Is(err, ErrUnknownKey):
					refused.Add(1)
				default:
					t.Errorf("got %v", err)
				}
				_ = e.ForceFlush(t.Context())
			}
		})
	}
	wg.Wait()
	if accepted.Load() != 40 || refused.Load() != 40 {
		t.Errorf("%d accepted, %d refused", accepted.Load(), refused.Load())
	}
}

func TestAfterShutdownEverythingReturnsErrExporterShutdown(t *testing.T) {
	s := startServer(t, accept, nil)
	e := newExporter(t, Config{Host: s.URL})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.ForceFlush(cancelled); err != nil {
		t.Error(err)
	}
	if err := e.Shutdown(cancelled); err != nil { // nothing is under way
		t.Error(err)
	}
	for _, ctx := range []context.Context{t.Context(), cancelled} {
		for name, err := range map[string]error{
			"Export":       e.Export(ctx, sample()),
			"empty Export": e.Export(ctx, collected()),
			"nil Export":   e.Export(ctx, nil),
			"ForceFlush":   e.ForceFlush(ctx),
			"Shutdown":     e.Shutdown(ctx),
		} {
			if !errors.Is(err, sdkmetric.ErrExporterShutdown) {
				t.Errorf("%s returned %v", name, err)
			}
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestShutdownWaitsForAnUpload(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	s := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		accept(w, r)
	}, nil)
	e := newExporter(t, Config{Host: s.URL})
	exported, waited, down := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { exported <- e.Export(context.Background(), sample()) }()
	<-arrived
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	err := e.Export(cancelled, sample())
	if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, context.Canceled) {
		t.Errorf("an upload that cannot wait returned %v", err)
	}
	go func() { waited <- e.Export(context.Background(), sample()) }()
	go func() { down <- e.Shutdown(context.Background()) }()
	if err := <-waited; !errors.Is(err, sdkmetric.ErrExporterShutdown) {
		t.Errorf("the upload that waited returned %v", err)
	}
	close(release)
	if err := <-exported; err != nil {
		t.Errorf("the upload under way returned %v", err)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown returned %v", err)
	}
	s.only(t)
}

func TestShutdownBreaksOffWhenItsContextEnds(t *testing.T) {
	arrived := make(chan struct{})
	s := startServer(t, func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() }, nil)
	e := newExporter(t, Config{Host: s.URL})
	exported := make(chan error, 1)
	go func() { exported <- e.Export(context.Background(), sample()) }()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown returned %v", err)
	}
	err := <-exported
	if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, sdkmetric.ErrExporterShutdown) {
		t.Errorf("Export returned %v", err)
	}
}

func TestCancelledExportIsTransient(t *testing.T) {
	arrived := make(chan struct{})
	s := startServer(t, func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() }, nil)
	e := newExporter(t, Config{Host: s.URL})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the player left")
	go func() { <-arrived; cancel(why) }()
	err := e.Export(ctx, sample())
	if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if err := e.Export(ctx, sample()); !errors.Is(err, context.Canceled) {
		t.Errorf("an export whose context has ended returned %v", err)
	}
	s.only(t)
}

func TestNilAndZeroExportersDoNotPanic(t *testing.T) {
	for _, e := range []*Exporter{nil, {}} {
		for name, err := range map[string]error{
			"Export":     e.Export(t.Context(), sample()),
			"ForceFlush": e.ForceFlush(t.Context()),
			"Shutdown":   e.Shutdown(t.Context()),
		} {
			if !errors.Is(err, errNotMade) {
				t.Errorf("%s returned %v", name, err)
			}
		}
		_, _, _, _ = e.MarshalLog(), e.Temporality(0), e.Aggregation(sdkmetric.InstrumentKindCounter), e.MergeResources()
	}
}

// The instruments of package otelusage, through the SDK's own reader.
func TestWithTrackerAndReader(t *testing.T) {
	s := startServer(t, accept, nil)
	e := newExporter(t, Config{Host: s.URL})
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(identity("2.0")), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e)))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider))
	if err != nil {
		t.Fatal(err)
	}
	quests, err := tracker.Statistic("quests", otelusage.WithDescription("done"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := tracker.State("server", otelusage.NoState)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = tracker.Sequence("trip", []string{"A", "B"}); err != nil {
		t.Fatal(err)
	}
	quests.Add(2)
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	quests.Add(3)
	server.Set("Alpha")
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`"Data":{"quests":{"type":"Statistic","description":"done","data":2},"server":{"type":"State","description":"","data":"No State"},"trip":{"type":"Sequence","description":"","data":0}}}`,
		`"Data":{"quests":{"type":"Statistic","description":"done","data":5},"server":{"type":"State","description":"","data":"Alpha"},"trip":{"type":"Sequence","description":"","data":0}}}`,
	} {
		if got := s.requests()[i].body; !strings.HasSuffix(got, want) {
			t.Errorf("upload %d is %s", i, got)
		}
	}
}
