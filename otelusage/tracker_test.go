package otelusage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct{ given, name, hint string }{
		{"a", "a", ""},
		{"Unit System", "Unit_System", ""},
		{"a.b-c/d_e9", "a.b-c/d_e9", ""},
		{strings.Repeat("x", MaxNameLength), strings.Repeat("x", MaxNameLength), ""},
		{"", "", `"name"`},
		{"1st", "", `"n_1st"`},
		{"_x", "", `"n__x"`},
		{"a:b", "", `"a_b"`},
		{"größe", "", `"gr__e"`},
		{"a\xff", "", `"a_"`},
		{"'; DROP TABLE totals; --", "", `"n____DROP_TABLE_totals__--"`},
		{strings.Repeat("x", MaxNameLength+1), "", `"` + strings.Repeat("x", MaxNameLength) + `"`},
		{"a.changes", "", `"a_changes"`},
		{"a.Occupancy", "", `"a_Occupancy"`},
		{"a.checkpoints", "", `"a_checkpoints"`},
		{"otelusage.x", "", `"otelusage_x"`},
	} {
		var tracker Tracker
		s, err := tracker.Statistic(tt.given)
		if tt.hint == "" {
			if err != nil || s.Name() != tt.name {
				t.Errorf("%q: %q, %v", tt.given, s.Name(), err)
			}
			continue
		}
		if !errors.Is(err, ErrInvalidName) || !strings.Contains(err.Error(), tt.hint) || s == nil {
			t.Errorf("%q: %v", tt.given, err)
			continue
		}
		if _, err := checkName(SuggestName(spaced(tt.given))); err != nil {
			t.Errorf("the suggestion is not valid: %v", err)
		}
		s.Inc()
		if s.Value() != 1 || !errors.Is(tracker.Err(), ErrInvalidName) {
			t.Errorf("%q: detached value %d; %v", tt.given, s.Value(), tracker.Err())
		}
	}
}

func TestUnits(t *testing.T) {
	for unit, ok := range map[string]bool{"": true, "By": true, "{page}": true, strings.Repeat("x", 63): true, strings.Repeat("x", 64): false, "°C": false} {
		if _, err := new(Tracker).Statistic("n", WithUnit(unit)); (err == nil) != ok {
			t.Errorf("unit %q: %v", unit, err)
		}
	}
}

func TestRedeclaring(t *testing.T) {
	var conflict = ErrConflict
	statistic := func(name string, opts ...StatisticOption) func(*Tracker) (Trackable, error) {
		return func(t *Tracker) (Trackable, error) { return t.Statistic(name, opts...) }
	}
	for _, tt := range []struct {
		name          string
		first, second func(*Tracker) (Trackable, error)
		want          error
		reports       int
	}{
		{"same", statistic("n"), statistic("n"), nil, 0},
		{"case", statistic("Unit System"), statistic("unit system"), nil, 0},
		{"spelling", statistic("Unit System"), statistic("Unit_System"), conflict, 1},
		{"description not given", statistic("n", WithDescription("d")), statistic("n"), nil, 0},
		{"description given later", statistic("n"), statistic("n", WithDescription("d")), nil, 0},
		{"description", statistic("n", WithDescription("d")), statistic("n", WithDescription("e")), nil, 1},
		{"unit not given", statistic("n", WithUnit("m")), statistic("n"), nil, 0},
		{"unit", statistic("n", WithUnit("m")), statistic("n", WithUnit("s")), conflict, 1},
		{"monotonic not given", statistic("n", Monotonic()), statistic("n"), nil, 0},
		{"monotonic", statistic("n"), statistic("n", Monotonic()), conflict, 1},
		{"number", statistic("n"), func(t *Tracker) (Trackable, error) { return t.FloatStatistic("n") }, conflict, 1},
		{"kind", statistic("n"), func(t *Tracker) (Trackable, error) { return t.Timer("N") }, conflict, 1},
		{"initial", func(t *Tracker) (Trackable, error) { return t.State("n", "A") },
			func(t *Tracker) (Trackable, error) { return t.State("n", "B") }, nil, 1},
		{"initial not given", func(t *Tracker) (Trackable, error) { return t.State("n", "A", KeepRedundant()) },
			func(t *Tracker) (Trackable, error) { return t.State("n", "") }, nil, 0},
		{"checkpoints", func(t *Tracker) (Trackable, error) { return t.Sequence("n", []string{"A"}) },
			func(t *Tracker) (Trackable, error) { return t.Sequence("n", []string{"A", "B"}) }, conflict, 1},
		{"same checkpoints", func(t *Tracker) (Trackable, error) { return t.Sequence("n", []string{"A"}) },
			func(t *Tracker) (Trackable, error) { return t.Sequence("n", []string{"A"}) }, nil, 0},
	} {
		for _, attachFirst := range []bool{false, true} {
			var tracker Tracker
			h := new(handler)
			attach := func() error { return tracker.Attach(WithMeterProvider(newSDK()), WithErrorHandler(h.handle)) }
			if attachFirst {
				if err := attach(); err != nil {
					t.Fatal(err)
				}
			}
			first, err := tt.first(&tracker)
			if err != nil {
				t.Fatal(err)
			}
			second, err := tt.second(&tracker)
			if !errors.Is(err, tt.want) || (err == nil) != (first == second) || isNil(second) {
				t.Errorf("%s: %v, same %t", tt.name, err, first == second)
			}
			if !attachFirst {
				err := attach()
				if (err != nil) != (tt.reports > 0) || len(h.errs) != 0 {
					t.Errorf("%s: Attach: %v; %v", tt.name, err, h.errs)
				}
			} else if len(h.errs) != tt.reports {
				t.Errorf("%s: handled %v", tt.name, h.errs)
			}
			if (tracker.Err() != nil) != (tt.reports > 0) {
				t.Errorf("%s: Err() = %v", tt.name, tracker.Err())
			}
		}
	}
}

func TestRedeclaringAddsWhatWasNotGiven(t *testing.T) {
	var tracker Tracker
	s := must[*Statistic](t)(tracker.Statistic("n"))
	must[*Statistic](t)(tracker.Statistic("n", WithDescription("d"), WithUnit("m")))
	sdk := newSDK()
	if err := tracker.Attach(WithMeterProvider(sdk)); err != nil {
		t.Fatal(err)
	}
	if m := sdk.metrics(t)["n"]; m.Unit != "m" || m.Description != "d" || s.Description() != "d" {
		t.Errorf("%+v", m)
	}
}

func TestAttachIsOnce(t *testing.T) {
	var tracker Tracker
	var wg sync.WaitGroup
	var ok, refused atomic.Int32
	for range 8 {
		wg.Go(func() {
			switch err := tracker.Attach(WithMeterProvider(newSDK())); {
			case err == nil:
				ok.Add(1)
			case errors.Is(err, ErrAttached):
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if ok.Load() != 1 || refused.Load() != 7 {
		t.Errorf("%d attached, %d refused", ok.Load(), refused.Load())
	}
}

func TestNilOptionsAreIgnored(t *testing.T) {
	tracker, err := New(nil, WithMeterProvider(nil), WithLedger(nil), WithLedger((*ledger)(nil)), WithErrorHandler(nil))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := tracker.Statistic("n", nil, WithDescription("d")); err != nil || s.Description() != "d" {
		t.Errorf("%v, %v", s, err)
	}
}

func TestHandlerMayPanicAndUseTheTracker(t *testing.T) {
	var tracker Tracker
	called := false
	err := tracker.Attach(WithMeterProvider(newSDK()), WithErrorHandler(func(error) {
		called = true
		tracker.Lookup("n")
		for range tracker.All() {
			break
		}
		_, _ = tracker.Timer("from_handler")
		panic("handler")
	}))
	if err != nil {
		t.Fatal(err)
	}
	s := must[*Statistic](t)(tracker.Statistic("n", Monotonic()))
	s.Add(-1)
	if _, err := tracker.Timer("n"); !errors.Is(err, ErrConflict) || !called {
		t.Errorf("%v, called %t", err, called)
	}
}

func TestErrorsAreBounded(t *testing.T) {
	tracker, _, h := attached(t)
	for i := range 3 * maxCauses {
		_, _ = tracker.Statistic(fmt.Sprintf("%d", i))
	}
	if len(h.errs) != maxCauses || len(tracker.rep.kept) != maxKeptErrors {
		t.Errorf("%d handled, %d kept", len(h.errs), len(tracker.rep.kept))
	}
}

func TestAllAndLookup(t *testing.T) {
	var tracker Tracker
	_, _ = tracker.Sequence("q", []string{"A"})
	_, _ = tracker.Timer("t")
	_, _ = tracker.State("s", "")
	_, _ = tracker.Statistic("b c")
	_, _ = tracker.FloatStatistic("A")
	_, _ = tracker.Statistic("1")
	var got []string
	for tr := range tracker.All() {
		got = append(got, tr.Kind().String()+" "+tr.Name())
	}
	if want := []string{"statistic A", "statistic b_c", "state s", "timer t", "sequence q"}; !slices.Equal(got, want) {
		t.Errorf("All() = %v, want %v", got, want)
	}
	for name, want := range map[string]bool{"B C": true, "b_C": true, "T": true, "": false, "1": false} {
		if tr, ok := tracker.Lookup(name); ok != want || ok && tr == nil {
			t.Errorf("Lookup(%q) = %v, %t", name, tr, ok)
		}
	}
}

func TestLedgerIsToldEveryDeclaration(t *testing.T) {
	l := new(ledger)
	tracker, _, _ := attached(t, WithLedger(l))
	_, _ = tracker.Statistic("n", WithDescription("d"), WithUnit("m"), Monotonic())
	_, _ = tracker.Statistic("n")
	_, _ = tracker.FloatStatistic("f")
	_, _ = tracker.Timer("t")
	_, _ = tracker.Sequence("q", []string{"A", "B"})
	_, _ = tracker.State("s", "A")
	if got := names(l.declared); !slices.Equal(got, []string{"f", "n", "q", "s", "t"}) {
		t.Fatalf("declared %v", got)
	}
	got, want := fmt.Sprintf("%+v", l.declared[0]), "{Name:n Kind:statistic Description:d Unit:m Float:false Monotonic:true Checkpoints:[] RenamedFrom:[]}"
	if got != want {
		t.Errorf("declared %s, want %s", got, want)
	}
	if !l.declared[1].Float || l.declared[2].Unit != "s" || len(l.declared[3].Checkpoints) != 2 {
		t.Errorf("declared %+v", l.declared)
	}
}

type panicking struct{}

func (panicking) Declare(Declaration) (Lifetime, error) { panic("ledger") }

func TestLedgerMayPanic(t *testing.T) {
	tracker, err := New(WithMeterProvider(newSDK()), WithLedger(panicking{}), WithErrorHandler(func(error) {}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := tracker.Statistic("n")
	if err == nil || s == nil {
		t.Errorf("%v, %v", s, err)
	}
	if _, ok := tracker.Lookup("n"); !ok {
		t.Error("it is not declared")
	}
}

func TestResetForgets(t *testing.T) {
	for _, before := range []bool{true, false} {
		l := &ledger{}
		if !before {
			l.lives = map[string]Lifetime{"n": {Series: []SeriesLifetime{lifetimeOf(9), lifetimeOf(9, web)}}, "f": {Series: []SeriesLifetime{lifetimeOf(9)}},
				"t": {Series: []SeriesLifetime{lifetimeOf(9)}}, "q": {Series: []SeriesLifetime{lifetimeOf(9)}}, "s": {State: "A", HasState: true, Changes: 9}}
		}
		var tracker Tracker
		c := withClock(&tracker)
		sdk := newSDK()
		attach := func() {
			if err := tracker.Attach(WithMeterProvider(sdk), WithLedger(l)); err != nil {
				t.Fatal(err)
			}
		}
		if !before {
			attach()
		}
		n := must[*Statistic](t)(tracker.Statistic("n", Monotonic()))
		f := must[*FloatStatistic](t)(tracker.FloatStatistic("f"))
		s := must[*State](t)(tracker.State("s", ""))
		tm := must[*Timer](t)(tracker.Timer("t"))
		q := must[*Sequence](t)(tracker.Sequence("q", []string{"A"}))
		n.Set(20)
		f.Set(20)
		s.Set("B")
		q.Hit("A")
		tm.Record(t.Context(), time.Second)
		tm.Start()
		tracker.Reset()
		if n.Value() != 0 || n.Sum() != 0 || n.SinceStart() != 0 || f.Value() != 0 || s.Changes() != 0 || tm.Count() != 0 || tm.Total() != 0 || q.Completions() != 0 {
			t.Errorf("after Reset: %v %v %v %v %v", n, f, s.Changes(), tm, q)
		}
		if v, ok := s.Value(); !ok || v != "B" {
			t.Errorf("state %q", v)
		}
		if before {
			attach()
		}
		n.Inc()
		q.Hit("A")
		s.Set("C")
		c.advance(time.Second)
		tm.Stop()
		if n.Value() != 1 || n.SinceStart() != 1 || tm.Total() != time.Second || q.Completions() != 1 {
			t.Errorf("counting on: %v %v %v %v", n, n.SinceStart(), tm, q)
		}
		points := sdk.points(t)
		want := map[bool][]string{true: {"1", "1", "1"}, false: {"12", "2", "2"}}[before]
		if got := []string{points["n"], points["q"], points["q.checkpoints{checkpoint=A}"]}; !slices.Equal(got, want) {
			t.Errorf("reported %v, want %v", got, want)
		}
	}
}

func TestPackageVariablesNeverAreNil(t *testing.T) {
	if NewStatistic("1") == nil || NewFloatStatistic("1") == nil || NewState("1", "") == nil || NewTimer("1") == nil || NewSequence("1", nil) == nil {
		t.Error("nil")
	}
	if !errors.Is(Default().Err(), ErrInvalidName) {
		t.Errorf("Err() = %v", Default().Err())
	}
}

func TestWhatIsAddedAfterAttaching(t *testing.T) {
	tracker, sdk, h := attached(t)
	s := must[*State](t)(tracker.State("s", NoState))
	must[*State](t)(tracker.State("s", "A"))
	must[*Statistic](t)(tracker.Statistic("n"))
	must[*Statistic](t)(tracker.Statistic("n", WithUnit("m")))
	if v, _ := s.Value(); v != "A" || s.Changes() != 0 || len(h.errs) != 1 {
		t.Errorf("%s, %d changes; %v", s, s.Changes(), h.errs)
	}
	assertPoints(t, sdk, map[string]string{"s{state=A}": "1", "n": "0"})
}

func TestAttachAfterClose(t *testing.T) {
	var tracker Tracker
	_ = tracker.Close()
	if err := tracker.Attach(); !errors.Is(err, ErrClosed) {
		t.Errorf("Attach: %v", err)
	}
}

func TestKindsParse(t *testing.T) {
	for k := KindStatistic; k <= KindSequence; k++ {
		if got, ok := ParseKind(k.String()); !ok || got != k {
			t.Errorf("ParseKind(%s) = %v, %t", k, got, ok)
		}
	}
	if _, ok := ParseKind("kind(0)"); ok || Kind(0).String() != "kind(0)" {
		t.Errorf("kind 0 is %s", Kind(0))
	}
}
