package exporter

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// clock is a time that moves when it is told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// run is one run of an application on a mirror.
type run struct {
	tb       testing.TB
	store    *localstore.Store
	exporter *Exporter
	reader   *sdkmetric.ManualReader
	provider *sdkmetric.MeterProvider
	tracker  *otelusage.Tracker
}

type setup struct {
	path    string
	clock   *clock
	version string
	store   []localstore.Option
	opts    []Option
	sdk     []sdkmetric.Option
}

func (s setup) start(tb testing.TB) *run {
	tb.Helper()
	if s.path == "" {
		s.path = filepath.Join(tb.TempDir(), "usage.db")
	}
	if s.clock == nil {
		s.clock = newClock()
	}
	if s.version == "" {
		s.version = "1.0.0"
	}
	store, err := localstore.Open(s.path, append([]localstore.Option{localstore.WithClock(s.clock.now)}, s.store...)...)
	must(tb, err)
	// Submissions are made by the test, never beside it.
	manual := option(func(c config) config { c.manual = true; return c })
	exp, err := New(store, append([]Option{manual, WithErrorHandler(func(err error) { tb.Log("reported:", err) })}, s.opts...)...)
	must(tb, err)
	reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(exp.Temporality), sdkmetric.WithAggregationSelector(exp.Aggregation))
	provider := sdkmetric.NewMeterProvider(append([]sdkmetric.Option{
		sdkmetric.WithReader(reader),
		sdkmetric.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "game"), attribute.String("service.version", s.version))),
	}, s.sdk...)...)
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store),
		otelusage.WithErrorHandler(func(err error) { tb.Error(err) }))
	must(tb, err)
	return &run{tb, store, exp, reader, provider, tracker}
}

// export collects and exports once, as a periodic reader does.
func (r *run) export() error {
	r.tb.Helper()
	var rm metricdata.ResourceMetrics
	r.exporter.notice(context.Background()) // as Reader does
	must(r.tb, r.reader.Collect(context.Background(), &rm))
	return r.exporter.Export(context.Background(), &rm)
}

func (r *run) record() {
	r.tb.Helper()
	must(r.tb, r.export())
	r.balanced()
}

func (r *run) submit() {
	r.tb.Helper()
	must(r.tb, r.exporter.Submit(context.Background()))
	r.balanced()
}

func (r *run) end() {
	r.tb.Helper()
	must(r.tb, r.tracker.Close())
	must(r.tb, r.export())
	must(r.tb, r.exporter.Shutdown(context.Background()))
	must(r.tb, r.provider.Shutdown(context.Background()))
	r.balanced()
	must(r.tb, r.store.Close())
}

// balanced checks that no count is missing or there twice.
func (r *run) balanced() {
	r.tb.Helper()
	list, err := r.store.Balance(context.Background())
	must(r.tb, err)
	for _, b := range list {
		if b.Off != "" {
			r.tb.Error(b.Off)
		}
	}
}

func (r *run) statistic(name string, opts ...otelusage.StatisticOption) *otelusage.Statistic {
	r.tb.Helper()
	s, err := r.tracker.Statistic(name, opts...)
	must(r.tb, err)
	return s
}

func (r *run) state(name, initial string) *otelusage.State {
	r.tb.Helper()
	s, err := r.tracker.State(name, initial)
	must(r.tb, err)
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// received adds up what a forwarder got, by version, metric and attributes.
func received(requests []*metricdata.ResourceMetrics) map[string]float64 {
	sums := make(map[string]float64)
	for _, rm := range requests {
		version, _ := rm.Resource.Set().Value("service.version")
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				add := func(attributes attribute.Set, n float64) {
					sums[version.AsString()+" "+m.Name+encode(attributes)] += n
				}
				switch data := m.Data.(type) {
				case metricdata.Sum[int64]:
					for _, p := range data.DataPoints {
						add(p.Attributes, float64(p.Value))
					}
				case metricdata.Sum[float64]:
					for _, p := range data.DataPoints {
						add(p.Attributes, p.Value)
					}
				case metricdata.Histogram[float64]:
					for _, p := range data.DataPoints {
						add(p.Attributes, float64(p.Count))
					}
				}
			}
		}
	}
	return sums
}

func encode(set attribute.Set) string {
	if set.Len() == 0 {
		return ""
	}
	return "{" + set.Encoded(attribute.DefaultEncoder()) + "}"
}

// usage leaves out the module's own heartbeats.
func usage(sums map[string]float64) map[string]float64 {
	maps.DeleteFunc(sums, func(name string, _ float64) bool {
		return name[len("1.0.0 "):][:min(len(name)-len("1.0.0 "), len("otelusage.active"))] == "otelusage.active"
	})
	return sums
}

func diff(tb testing.TB, got, want map[string]float64) {
	tb.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			tb.Errorf("%s: got %v, want %v", name, got[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && got[name] != 0 {
			tb.Errorf("%s: got %v, want none", name, got[name])
		}
	}
}

func delta() *recordingForwarder {
	return &recordingForwarder{temporality: metricdata.DeltaTemporality}
}
