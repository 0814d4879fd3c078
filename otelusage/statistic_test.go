package otelusage

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
)

var web, app = attribute.String("via", "web"), attribute.String("via", "app")

func TestStatisticReportsItsRunAndKnowsItsLifetime(t *testing.T) {
	l := &ledger{lives: map[string]Lifetime{"searches": {Series: []SeriesLifetime{lifetimeOf(40), lifetimeOf(5, web), lifetimeOf(7, app)}}}}
	tracker, sdk, _ := attached(t, WithLedger(l))
	s := must[*Statistic](t)(tracker.Statistic("searches"))
	assertPoints(t, sdk, map[string]string{"searches": "0"})
	s.Add(2)
	s.Inc()
	s.Dec()
	s.With(web).Add(3)
	if first, second := s.With(web), s.With(web); first != second {
		t.Error("the same attributes are not the same Statistic")
	}
	assertPoints(t, sdk, map[string]string{"searches": "2", "searches{via=web}": "3"})
	got := []int64{s.Value(), s.SinceStart(), s.With(web).Value(), s.With(web).SinceStart(), s.Sum()}
	if want := []int64{42, 2, 8, 3, 57}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := s.With(app).Value(); got != 7 || s.Sum() != 57 {
		t.Errorf("restored late: %d, sum %d", got, s.Sum())
	}
	if s.String() != "searches: 42" || s.With(web).String() != "searches{via=web}: 8" {
		t.Errorf("String() = %s, %s", s, s.With(web))
	}
}

func TestStatisticInstruments(t *testing.T) {
	tracker, sdk, _ := attached(t)
	must[*Statistic](t)(tracker.Statistic("up_down", WithDescription("d"), WithUnit("By"))).Add(-1)
	must[*Statistic](t)(tracker.Statistic("up", Monotonic())).Add(1)
	must[*FloatStatistic](t)(tracker.FloatStatistic("float")).Add(-1.5)
	must[*FloatStatistic](t)(tracker.FloatStatistic("float_up", Monotonic())).Add(1.5)
	got := sdk.metrics(t)
	for _, want := range []metricdata.Metrics{
		{Name: "up_down", Description: "d", Unit: "By", Data: sum(false, int64(-1))},
		{Name: "up", Data: sum(true, int64(1))},
		{Name: "float", Data: sum(false, -1.5)},
		{Name: "float_up", Data: sum(true, 1.5)},
	} {
		metricdatatest.AssertEqual(t, want, got[want.Name], metricdatatest.IgnoreTimestamp())
	}
}

func sum[N int64 | float64](monotonic bool, n N) metricdata.Sum[N] {
	return metricdata.Sum[N]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: monotonic,
		DataPoints: []metricdata.DataPoint[N]{{Value: n}}}
}

func TestCountsMadeBeforeAttachAreKept(t *testing.T) {
	var tracker Tracker
	s := must[*Statistic](t)(tracker.Statistic("n"))
	f := must[*FloatStatistic](t)(tracker.FloatStatistic("f"))
	s.Add(2)
	s.With(web).Add(3)
	f.Add(0.5)
	if s.Value() != 2 || s.Sum() != 5 || f.Value() != 0.5 {
		t.Errorf("before: %v %v %v", s.Value(), s.Sum(), f.Value())
	}
	l := &ledger{lives: map[string]Lifetime{"n": {Series: []SeriesLifetime{lifetimeOf(10)}}, "f": {Series: []SeriesLifetime{lifetimeOf(1)}}}}
	sdk := newSDK()
	if err := tracker.Attach(WithMeterProvider(sdk), WithLedger(l)); err != nil {
		t.Fatal(err)
	}
	s.Add(1)
	if s.Value() != 13 || f.Value() != 1.5 || s.Sum() != 16 {
		t.Errorf("after: %v %v %v", s.Value(), f.Value(), s.Sum())
	}
	assertPoints(t, sdk, map[string]string{"n": "3", "n{via=web}": "3", "f": "0.5"})
}

func TestSetBeforeAttachWinsOverTheLifetime(t *testing.T) {
	const life = 12
	for _, tt := range []struct {
		name      string
		monotonic bool
		do        func(*Statistic)
		value     int64
		reported  bool
	}{
		{"set", false, func(s *Statistic) { s.Set(5) }, 5, false},
		{"set and add", false, func(s *Statistic) { s.Add(3); s.Set(5); s.Add(2) }, 7, false},
		{"set twice", false, func(s *Statistic) { s.Set(50); s.Add(1); s.Set(5) }, 5, false},
		{"set to what it seemed to be", false, func(s *Statistic) { s.Set(0) }, 0, false},
		{"no set", false, func(s *Statistic) { s.Add(3) }, 15, false},
		{"monotonic above", true, func(s *Statistic) { s.Add(1); s.Set(20); s.Add(2) }, 22, false},
		{"monotonic below", true, func(s *Statistic) { s.Add(1); s.Set(5); s.Add(2) }, 15, true},
		{"monotonic twice", true, func(s *Statistic) { s.Set(10); s.Add(5); s.Set(20) }, 20, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tracker Tracker
			var opts []StatisticOption
			if tt.monotonic {
				opts = append(opts, Monotonic())
			}
			s := must[*Statistic](t)(tracker.Statistic("n", opts...))
			tt.do(s)
			sdk, h := newSDK(), new(handler)
			err := tracker.Attach(WithMeterProvider(sdk), WithErrorHandler(h.handle),
				WithLedger(&ledger{lives: map[string]Lifetime{"n": {Series: []SeriesLifetime{lifetimeOf(life)}}}}))
			if errors.Is(err, ErrInvalidValue) != tt.reported || h.count(ErrInvalidValue) > 1 {
				t.Errorf("Attach: %v; %v", err, h.errs)
			}
			if s.Value() != tt.value || s.SinceStart() != tt.value-life {
				t.Errorf("Value %d, SinceStart %d; want %d", s.Value(), s.SinceStart(), tt.value)
			}
			assertPoints(t, sdk, map[string]string{"n": fmt.Sprint(tt.value - life)})
			s.Set(100)
			if s.Value() != 100 {
				t.Errorf("Set(100): %d", s.Value())
			}
		})
	}
}

func TestSetWithUnknownLifetimeChangesNothing(t *testing.T) {
	var tracker Tracker
	s := must[*Statistic](t)(tracker.Statistic("n"))
	_, _ = tracker.Timer("t") // fails for the same cause
	s.Add(2)
	s.Set(9)
	s.Inc()
	failure := errors.New("locked")
	h := new(handler)
	err := tracker.Attach(WithMeterProvider(newSDK()), WithLedger(&ledger{err: failure}), WithErrorHandler(h.handle))
	if !errors.Is(err, failure) || !errors.Is(err, ErrLifetimeUnknown) || !errors.Is(tracker.Err(), failure) || h.count(failure) != 1 {
		t.Errorf("Attach: %v; Err: %v; handled %v", err, tracker.Err(), h.errs)
	}
	s.Set(20)
	s.Set(30)
	s.Inc()
	if s.SinceStart() != 4 {
		t.Errorf("SinceStart() = %d, want 4", s.SinceStart())
	}
	if h.count(ErrLifetimeUnknown) != 2 { // once for Attach, once for Set
		t.Errorf("handled %v", h.errs)
	}
}

func TestNumbersSaturateAndAreRefused(t *testing.T) {
	tracker, sdk, h := attached(t)
	s := must[*Statistic](t)(tracker.Statistic("i"))
	f := must[*FloatStatistic](t)(tracker.FloatStatistic("f"))
	up := must[*Statistic](t)(tracker.Statistic("up", Monotonic()))
	fup := must[*FloatStatistic](t)(tracker.FloatStatistic("fup", Monotonic()))

	s.Add(math.MaxInt64)
	s.Add(math.MaxInt64)
	s.Inc()
	if s.Value() != math.MaxInt64 {
		t.Errorf("Value() = %d", s.Value())
	}
	s.Set(5)
	if s.Value() != 5 {
		t.Errorf("Set(5) after overflow: %d", s.Value())
	}
	s.Add(math.MinInt64)
	s.Add(-10)
	if s.Value() != math.MinInt64 {
		t.Errorf("Value() = %d", s.Value())
	}
	s.Set(math.MaxInt64)
	if s.Value() != math.MaxInt64 {
		t.Errorf("Set(max) from min: %d", s.Value())
	}
	s.Set(math.MinInt64)
	if s.Value() != math.MinInt64 {
		t.Errorf("Set(min) from max: %d", s.Value())
	}
	f.Add(math.MaxFloat64)
	f.Add(math.MaxFloat64)
	for range 2 {
		f.Add(math.NaN())
		f.Add(math.Inf(1))
		f.Set(math.Inf(-1))
		up.Add(-1)
		fup.Add(-1)
		up.Set(-1)
	}
	if f.Value() != math.MaxFloat64 || up.Value() != 0 || fup.Value() != 0 {
		t.Errorf("%v %v %v", f.Value(), up.Value(), fup.Value())
	}
	if n := h.count(ErrInvalidValue); n != 4 {
		t.Errorf("%d reports, want 4: %v", n, h.errs)
	}
	assertPoints(t, sdk, map[string]string{"i": fmt.Sprint(int64(math.MinInt64)), "f": fmt.Sprint(math.MaxFloat64), "up": "0", "fup": "0"})
}

func TestManyAttributeSetsAreBounded(t *testing.T) {
	tracker, sdk, _ := attached(t)
	s := must[*Statistic](t)(tracker.Statistic("n"))
	s.Inc()
	const sets = 100_000
	for i := range sets {
		s.With(attribute.Int("i", i)).Inc()
	}
	points := sdk.points(t)
	if len(points) != MaxSeries+1 || points["n{i=0}"] != "1" || points["n"] != "1" {
		t.Errorf("%d points", len(points))
	}
	if want := fmt.Sprint(sets + 1 - MaxSeries); points["n{otel.metric.overflow=true}"] != want {
		t.Errorf("overflow %s, want %s", points["n{otel.metric.overflow=true}"], want)
	}
	if s.Sum() != sets+1 {
		t.Errorf("Sum() = %d", s.Sum())
	}
	if s.With(attribute.Int("i", sets)) != s.With(attribute.Int("i", sets+1)) {
		t.Error("sets beyond the bound differ")
	}
}

func TestAttributesAreMergedAndCleaned(t *testing.T) {
	tracker, sdk, h := attached(t)
	s := must[*Statistic](t)(tracker.Statistic("n"))
	if s.With() != s {
		t.Error("With() is not itself")
	}
	if s.With(web).With(attribute.Int("v", 1)) != s.With(attribute.Int("v", 1), web) || s.With(web).With(app) != s.With(app) {
		t.Error("attributes are not merged")
	}
	s.With(attribute.String("a\xff", "b\xff")).Inc()
	s.With(attribute.KeyValue{}).Inc()
	long := make([]byte, 0, MaxTextLength+10)
	for len(long) < MaxTextLength+3 {
		long = append(long, "€"...)
	}
	s.With(attribute.String("long", string(long))).Inc()
	s.With(attribute.ByteSlice("bytes", []byte("ab"))).Inc()
	s.With(attribute.StringSlice("list", []string{"x\xff"})).Inc()
	points := sdk.points(t)
	if points["n{a\uFFFD=b\uFFFD}"] != "1" || points["n"] != "1" || points["n{list=[\"x\uFFFD\"]}"] != "1" {
		t.Errorf("points %v", points)
	}
	if points["n{long="+string(long[:MaxTextLength/3*3])+"}"] != "1" {
		t.Errorf("long value is not cut at a character")
	}
	if h.count(ErrInvalidValue) != 1 {
		t.Errorf("handled %v", h.errs)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	tracker, _, _ := attached(t)
	s := must[*Statistic](t)(tracker.Statistic("n"))
	f := must[*FloatStatistic](t)(tracker.FloatStatistic("f"))
	bound := s.With(web)
	if n := testing.AllocsPerRun(100, func() { s.Add(1); bound.Inc(); f.Add(1); s.Value() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNothingIsLostWhileAttaching(t *testing.T) {
	sdk := newSDK()
	for range 3 { // the later trackers merge into the first one's counts
		var tracker Tracker
		s := must[*Statistic](t)(tracker.Statistic("n"))
		st := must[*State](t)(tracker.State("s", ""))
		tm := must[*Timer](t)(tracker.Timer("t"))
		q := must[*Sequence](t)(tracker.Sequence("q", []string{"A"}))
		f := must[*FloatStatistic](t)(tracker.FloatStatistic("f"))
		level := must[*Statistic](t)(tracker.Statistic("level"))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range 500 {
					s.Inc()
					s.With(attribute.Int("i", i%5)).Inc()
					f.Add(1)
					level.Set(int64(i))
					st.Set(fmt.Sprint(i))
					tm.Record(t.Context(), 1e6)
					tm.With(web).Record(t.Context(), 1e6)
					q.Hit("A")
					if i%10 == 0 {
						runtime.Gosched()
						s.Value()
						s.Sum()
						st.Value()
						tm.Total()
					}
				}
			})
		}
		wg.Go(func() {
			if err := tracker.Attach(WithMeterProvider(sdk)); err != nil {
				t.Error(err)
			}
		})
		for range 5 {
			sdk.points(t)
		}
		wg.Wait()
		level.Set(7)
		if level.Value() != 7 {
			t.Errorf("level %d", level.Value())
		}
	}
	points := sdk.points(t)
	for name, want := range map[string]string{"n": "6000", "n{i=3}": "1200", "f": "6000", "level": "7", "q": "6000", "q.checkpoints{checkpoint=A}": "6000",
		"t": "6000 in 6s", "t{via=web}": "6000 in 6s"} {
		if points[name] != want {
			t.Errorf("%s = %s, want %s", name, points[name], want)
		}
	}
}
