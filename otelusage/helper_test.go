package otelusage

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// sdk is a provider whose points can be read.
type sdk struct {
	*sdkmetric.MeterProvider
	reader *sdkmetric.ManualReader
}

func newSDK(opts ...sdkmetric.Option) sdk {
	r := sdkmetric.NewManualReader()
	return sdk{sdkmetric.NewMeterProvider(append(opts, sdkmetric.WithReader(r))...), r}
}

// metrics collects by name.
func (s sdk) metrics(t testing.TB) map[string]metricdata.Metrics {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := s.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]metricdata.Metrics)
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if _, twice := all[m.Name]; twice {
				t.Errorf("metric %q is reported twice", m.Name)
			}
			all[m.Name] = m
		}
	}
	return all
}

// points collects as "name{attributes}" -> "value".
func (s sdk) points(t testing.TB) map[string]string {
	t.Helper()
	points := make(map[string]string)
	for _, m := range s.metrics(t) {
		switch d := m.Data.(type) {
		case metricdata.Sum[int64]:
			addPoints(points, m.Name, d.DataPoints)
		case metricdata.Sum[float64]:
			addPoints(points, m.Name, d.DataPoints)
		case metricdata.Gauge[int64]:
			addPoints(points, m.Name, d.DataPoints)
		case metricdata.Histogram[float64]:
			for _, p := range d.DataPoints {
				points[m.Name+label(p.Attributes)] = fmt.Sprintf("%d in %.9gs", p.Count, p.Sum)
			}
		default:
			t.Errorf("%s: unexpected %T", m.Name, d)
		}
	}
	return points
}

func addPoints[N int64 | float64](points map[string]string, name string, list []metricdata.DataPoint[N]) {
	for _, p := range list {
		points[name+label(p.Attributes)] = fmt.Sprint(p.Value)
	}
}

func assertPoints(t testing.TB, s sdk, want map[string]string) {
	t.Helper()
	if got := s.points(t); !maps.Equal(got, want) {
		t.Errorf("points %v\nwant   %v", got, want)
	}
}

// ledger answers from a map by lower-case name.
type ledger struct {
	mu       sync.Mutex
	lives    map[string]Lifetime
	err      error
	declared []Declaration
}

func (l *ledger) Declare(d Declaration) (Lifetime, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.declared = append(l.declared, d)
	return l.lives[strings.ToLower(d.Name)], l.err
}

func lifetimeOf(n int64, attrs ...attribute.KeyValue) SeriesLifetime {
	return SeriesLifetime{Attributes: attribute.NewSet(attrs...), Int: n, Float: float64(n), Count: n}
}

// handler keeps what is reported.
type handler struct {
	mu   sync.Mutex
	errs []error
}

func (h *handler) handle(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

func (h *handler) count(target error) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, err := range h.errs {
		if errors.Is(err, target) {
			n++
		}
	}
	return n
}

// clock is a time that only moves when told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// attached returns a tracker on an SDK of its own.
func attached(t testing.TB, opts ...Option) (*Tracker, sdk, *handler) {
	t.Helper()
	s, h := newSDK(), new(handler)
	tracker, err := New(append([]Option{WithMeterProvider(s), WithErrorHandler(h.handle)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracker.Close() })
	return tracker, s, h
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func names(list []Declaration) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Name)
	}
	slices.Sort(out)
	return out
}
