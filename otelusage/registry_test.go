package otelusage

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestTrackersOnOneProviderShareTheirCounts(t *testing.T) {
	l := &ledger{lives: map[string]Lifetime{"n": {Series: []SeriesLifetime{lifetimeOf(10)}}, "q": {Series: []SeriesLifetime{lifetimeOf(10)}},
		"t": {Series: []SeriesLifetime{lifetimeOf(10)}}, "s": {State: "A", HasState: true, Changes: 10}}}
	first, sdk, _ := attached(t, WithLedger(l))
	use := func(tracker *Tracker) (*Statistic, *State, *Timer, *Sequence) {
		n := must[*Statistic](t)(tracker.Statistic("n"))
		s := must[*State](t)(tracker.State("s", "X"))
		tm := must[*Timer](t)(tracker.Timer("t"))
		q := must[*Sequence](t)(tracker.Sequence("q", []string{"A"}))
		n.Inc()
		tm.Record(t.Context(), time.Second)
		q.Hit("A")
		return n, s, tm, q
	}
	n1, s1, t1, q1 := use(first)
	s1.Set("B")

	second := new(Tracker) // counted before it was attached
	n2, s2, t2, q2 := use(second)
	n2.With(web).Inc()
	s2.Set("B")
	s2.Set("C")
	if err := second.Attach(WithMeterProvider(sdk), WithLedger(l)); err != nil {
		t.Fatal(err)
	}
	third, err := New(WithMeterProvider(sdk), WithLedger(l)) // declares after
	if err != nil {
		t.Fatal(err)
	}
	n3, s3, t3, q3 := use(third)
	for i, n := range []*Statistic{n1, n2, n3} {
		if n.Value() != 13 || n.With(web).Value() != 1 || n.Sum() != 14 {
			t.Errorf("%d: Value %d, web %d, Sum %d", i, n.Value(), n.With(web).Value(), n.Sum())
		}
	}
	for i, s := range []*State{s1, s2, s3} {
		if v, _ := s.Value(); v != "C" || s.Changes() != 12 {
			t.Errorf("%d: %v, %d changes", i, s, s.Changes())
		}
	}
	for i, tm := range []*Timer{t1, t2, t3} {
		if tm.Total() != 13*time.Second || tm.Count() != 13 {
			t.Errorf("%d: %v", i, tm)
		}
	}
	for i, q := range []*Sequence{q1, q2, q3} {
		if q.Completions() != 13 {
			t.Errorf("%d: %v", i, q)
		}
	}
	n3.Set(20)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	n1.Inc()
	assertPoints(t, sdk, map[string]string{"n": "11", "n{via=web}": "1", "s{state=C}": "1", "s.changes{state=B}": "1", "s.changes{state=C}": "1",
		"t": "3 in 3s", "q": "3", "q.checkpoints{checkpoint=A}": "3"})
	if n2.Value() != 21 {
		t.Errorf("Value() = %d", n2.Value())
	}
}

func TestSetBeforeAttachWinsOverSharedCounts(t *testing.T) {
	first, sdk, _ := attached(t)
	must[*Statistic](t)(first.Statistic("n")).Add(30)
	var second Tracker
	n := must[*Statistic](t)(second.Statistic("n"))
	n.Set(5)
	n.Inc()
	if err := second.Attach(WithMeterProvider(sdk)); err != nil {
		t.Fatal(err)
	}
	if n.Value() != 6 {
		t.Errorf("Value() = %d", n.Value())
	}
	assertPoints(t, sdk, map[string]string{"n": "6"})
}

func TestTrackersOnOneProviderCanConflict(t *testing.T) {
	first, sdk, _ := attached(t)
	_, _ = first.Statistic("n")
	_, _ = first.Statistic("Unit System")
	var second Tracker
	timer := must[*Timer](t)(second.Timer("n"))
	l, h := new(ledger), new(handler)
	if err := second.Attach(WithMeterProvider(sdk), WithLedger(l), WithErrorHandler(h.handle)); !errors.Is(err, ErrConflict) || h.count(ErrConflict) != 1 {
		t.Errorf("Attach: %v; %v", err, h.errs)
	}
	timer.Record(t.Context(), time.Second)
	if timer.Count() != 1 || len(l.declared) != 0 {
		t.Errorf("%v; declared %v", timer, l.declared)
	}
	if _, err := second.Statistic("Unit_System"); !errors.Is(err, ErrConflict) {
		t.Errorf("other spelling: %v", err)
	}
	if _, err := second.Statistic("n"); !errors.Is(err, ErrConflict) {
		t.Errorf("other kind: %v", err)
	}
	assertPoints(t, sdk, map[string]string{"n": "0", "Unit_System": "0"})
}

func TestRegistryLivesAsLongAsItsProvider(t *testing.T) {
	count := func(mp metric.MeterProvider) int64 {
		tracker, err := New(WithMeterProvider(mp))
		if err != nil {
			t.Fatal(err)
		}
		n := must[*Statistic](t)(tracker.Statistic("n"))
		n.Inc()
		return n.Value()
	}
	collect := func() {
		for range 3 {
			runtime.GC()
		}
	}
	provider := newSDK().MeterProvider
	for want := int64(1); want <= 3; want++ {
		if got := count(provider); got != want {
			t.Errorf("count %d, want %d", got, want)
		}
		collect()
	}
	gone := weak.Make(provider)
	provider = nil
	for range 20 {
		if collect(); gone.Value() == nil {
			return
		}
	}
	t.Error("the provider is kept alive")
}

func TestProvidersOfPackageNoop(t *testing.T) {
	a, b := &noop.MeterProvider{}, &noop.MeterProvider{}
	if registryOf(a) == registryOf(b) {
		t.Error("two providers share a registry")
	}
	kept := registryOf(noop.NewMeterProvider())
	if registryOf(noop.NewMeterProvider()) != kept {
		t.Error("equal providers do not share a registry")
	}
	global := registryOf(&globalProvider)
	if registryOf(&globalProvider) != global {
		t.Error("a provider that is a variable has two registries")
	}
	first, second := registryOf(uncomparable{}), registryOf(uncomparable{})
	if first == second {
		t.Error("providers that cannot be compared share a registry")
	}
	runtime.KeepAlive(a)
}

var globalProvider noop.MeterProvider

type uncomparable struct {
	noop.MeterProvider
	_ []int
}

// hostile is a provider, or its meter, that does not work.
type hostile struct {
	embedded.MeterProvider
	meter metric.Meter
}

func (h *hostile) Meter(string, ...metric.MeterOption) metric.Meter {
	if h.meter == nil {
		panic("no meter")
	}
	return h.meter
}

type refusing struct{ noop.Meter }

var errRefused = errors.New("refused")

func (refusing) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return nil, errRefused
}

func (refusing) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return nil, errRefused
}

func TestProviderThatRefusesIsReportedAndCountingGoesOn(t *testing.T) {
	for name, mp := range map[string]metric.MeterProvider{"panics": &hostile{}, "nil": &hostile{meter: (*refusing)(nil)}, "refuses": &hostile{meter: refusing{}}} {
		h := new(handler)
		tracker, err := New(WithMeterProvider(mp), WithErrorHandler(h.handle))
		if err != nil {
			t.Fatal(err)
		}
		n, err := tracker.Statistic("n")
		n.Inc()
		s, serr := tracker.State("s", "A")
		s.Set("B")
		tm, terr := tracker.Timer("t")
		tm.Record(t.Context(), time.Second)
		q, qerr := tracker.Sequence("q", []string{"A"})
		q.Hit("A")
		if err == nil || serr == nil || terr == nil || qerr == nil || len(h.errs) != 4 {
			t.Errorf("%s: %v; %v; %v; %v; handled %v", name, err, serr, terr, qerr, h.errs)
		}
		if n.Value() != 1 || s.Changes() != 1 || tm.Count() != 1 || q.Completions() != 1 {
			t.Errorf("%s: %v %v %v %v", name, n, s, tm, q)
		}
	}
}

func TestScopeCarriesTheKind(t *testing.T) {
	tracker, sdk, _ := attached(t)
	_, _ = tracker.Statistic("n")
	_, _ = tracker.FloatStatistic("f")
	_, _ = tracker.State("s", "")
	must[*Timer](t)(tracker.Timer("t")).Record(t.Context(), 1)
	_, _ = tracker.Sequence("q", []string{"A"})
	var rm metricdata.ResourceMetrics
	if err := sdk.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]string)
	for _, sm := range rm.ScopeMetrics {
		if sm.Scope.Name != ScopeName || sm.Scope.Version != Version || sm.Scope.Attributes.Len() != 1 {
			t.Errorf("scope %+v", sm.Scope)
		}
		v, _ := sm.Scope.Attributes.Value(KindKey)
		for _, m := range sm.Metrics {
			kinds[v.AsString()] += m.Name + " "
		}
	}
	for kind, want := range map[string]string{"statistic": "n f", "state": "s", "timer": "t", "sequence": "q q.checkpoints"} {
		if got := strings.TrimSpace(kinds[kind]); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

// A callback of the application may use the tracker while another goroutine
// declares, which waits for the collection.
func TestCallbacksMayUseTheTracker(t *testing.T) {
	tracker, sdk, _ := attached(t)
	n := must[*Statistic](t)(tracker.Statistic("n"))
	in, declared := make(chan struct{}), make(chan error)
	gauge, err := sdk.Meter("app").Int64ObservableGauge("g")
	if err != nil {
		t.Fatal(err)
	}
	reg, err := sdk.Meter("app").RegisterCallback(func(_ context.Context, o metric.Observer) error {
		close(in)
		for range 1000 {
			runtime.Gosched()
		}
		tracker.Lookup("n")
		for range tracker.All() {
		}
		o.ObserveInt64(gauge, n.With(web).Value())
		return tracker.Err()
	}, gauge)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-in
		_, err := tracker.State("late", "A")
		declared <- err
	}()
	sdk.points(t)
	if err := <-declared; err != nil {
		t.Error(err)
	}
	if err := reg.Unregister(); err != nil {
		t.Error(err)
	}
}

func TestTwoReadersSeeTheSame(t *testing.T) {
	a, b := sdkmetric.NewManualReader(), sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(a), sdkmetric.WithReader(b))
	tracker, err := New(WithMeterProvider(provider))
	if err != nil {
		t.Fatal(err)
	}
	must[*Statistic](t)(tracker.Statistic("n")).Add(4)
	_, _ = tracker.State("s", "A")
	want := map[string]string{"n": "4", "s{state=A}": "1"}
	for range 2 {
		assertPoints(t, sdk{provider, a}, want)
		assertPoints(t, sdk{provider, b}, want)
	}
}

func TestLedgerThatComesWithALaterTracker(t *testing.T) {
	first, sdk, _ := attached(t)
	n1 := must[*Statistic](t)(first.Statistic("n"))
	q1 := must[*Sequence](t)(first.Sequence("q", []string{"A"}))
	t1 := must[*Timer](t)(first.Timer("t"))
	n1.Inc()
	n1.With(web).Inc()
	l := &ledger{lives: map[string]Lifetime{"n": {Series: []SeriesLifetime{lifetimeOf(10), lifetimeOf(20, web), lifetimeOf(40, app)}},
		"q": {Series: []SeriesLifetime{lifetimeOf(5)}}, "t": {Series: []SeriesLifetime{lifetimeOf(5)}}}}
	for range 2 { // the second time it changes nothing
		tracker, err := New(WithMeterProvider(sdk), WithLedger(l))
		if err != nil {
			t.Fatal(err)
		}
		n := must[*Statistic](t)(tracker.Statistic("n"))
		q := must[*Sequence](t)(tracker.Sequence("q", []string{"A"}))
		tm := must[*Timer](t)(tracker.Timer("t"))
		if n.Value() != 11 || n1.Value() != 11 || n.With(web).Value() != 21 || n1.Sum() != 72 || q.Completions() != 5 || q1.Completions() != 5 || tm.Count() != 5 || t1.Count() != 5 {
			t.Errorf("%v %v %v; sum %d", n, q, tm, n1.Sum())
		}
	}
}
