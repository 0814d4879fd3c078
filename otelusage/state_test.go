package otelusage

import (
	"maps"
	"strconv"
	"strings"
	"testing"
)

func TestStateReportsValueAndEntries(t *testing.T) {
	tracker, sdk, _ := attached(t)
	s := must[*State](t)(tracker.State("server", "Metric", WithDescription("units")))
	assertPoints(t, sdk, map[string]string{"server{state=Metric}": "1"}) // as it is, and no change
	s.Set("Metric")
	assertPoints(t, sdk, map[string]string{"server{state=Metric}": "1"})
	s.Set("US")
	s.Set("US")
	s.Clear()
	s.Clear()
	assertPoints(t, sdk, map[string]string{"server": "0", "server.changes": "1", "server.changes{state=US}": "1"})
	if v, ok := s.Value(); ok || v != NoState || s.Changes() != 2 || s.String() != "server: no state" {
		t.Errorf("%q %t %d %s", v, ok, s.Changes(), s)
	}
	s.Set("Metric")
	if v, ok := s.Value(); !ok || v != "Metric" || s.Changes() != 3 || s.String() != "server: Metric" {
		t.Errorf("%q %t %d %s", v, ok, s.Changes(), s)
	}
}

func TestStateBeforeAndAfterAttach(t *testing.T) {
	had := func(state string) Lifetime { return Lifetime{State: state, HasState: true, Changes: 10} }
	set := func(values ...string) func(*State) {
		return func(s *State) {
			for _, v := range values {
				s.Set(v)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		initial string
		keep    bool
		before  func(*State)
		life    Lifetime
		value   string
		changes int64
		entries map[string]string
	}{
		{"nothing", "", false, set(), Lifetime{}, "", 0, nil},
		{"initial", "A", false, set(), Lifetime{}, "A", 0, nil},
		{"initial, kept", "A", true, set(), Lifetime{}, "A", 1, map[string]string{"A": "1"}}, // as the Python library does
		{"initial, kept, of a lifetime not known yet", "A", true, set(), Lifetime{Incomplete: true}, "A", 0, nil},
		{"initial, kept, loses", "A", true, set(), had("B"), "B", 10, nil},
		{"initial loses", "A", false, set(), had("B"), "B", 10, nil},
		{"initial loses to none", "A", false, set(), had(""), "", 10, nil},
		{"set wins", "A", false, set("C"), had("B"), "C", 11, map[string]string{"C": "1"}},
		{"set to the restored", "A", false, set("B"), had("B"), "B", 10, nil},
		{"set to the restored, kept", "A", true, set("B"), had("B"), "B", 11, map[string]string{"B": "1"}},
		{"set to the initial", "A", false, set("A"), had("B"), "A", 11, map[string]string{"A": "1"}},
		{"set to the initial, nothing restored", "A", false, set("A"), Lifetime{}, "A", 0, nil},
		{"away from the initial and back", "A", false, set("B", "A"), Lifetime{}, "A", 2, map[string]string{"A": "1", "B": "1"}},
		{"cleared, nothing restored", "A", false, set(""), Lifetime{}, "", 1, map[string]string{"": "1"}},
		{"several", "A", false, set("B", "C", "C", "B"), had("B"), "B", 12, map[string]string{"C": "1", "B": "1"}},
		{"several, nothing restored", "A", false, set("A", "B", "A"), Lifetime{}, "A", 2, map[string]string{"A": "1", "B": "1"}},
		{"cleared", "A", false, set(""), had("B"), "", 11, map[string]string{"": "1"}},
		{"cleared again", "", false, set(""), had(""), "", 10, nil},
		{"cleared, seeming none", "", false, set(""), had("B"), "", 11, map[string]string{"": "1"}},
		{"kept", "A", true, set("A", "A"), Lifetime{}, "A", 3, map[string]string{"A": "3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tracker Tracker
			var opts []StateOption
			if tt.keep {
				opts = append(opts, KeepRedundant())
			}
			s := must[*State](t)(tracker.State("s", tt.initial, opts...))
			tt.before(s)
			sdk := newSDK()
			if err := tracker.Attach(WithMeterProvider(sdk), WithLedger(&ledger{lives: map[string]Lifetime{"s": tt.life}})); err != nil {
				t.Fatal(err)
			}
			if v, _ := s.Value(); v != tt.value || s.Changes() != tt.changes {
				t.Errorf("value %q, %d changes; want %q, %d", v, s.Changes(), tt.value, tt.changes)
			}
			got := make(map[string]string)
			for name, n := range sdk.points(t) {
				if rest, ok := strings.CutPrefix(name, "s.changes"); ok && n != "0" {
					got[strings.TrimSuffix(strings.TrimPrefix(rest, "{state="), "}")] = n
				}
			}
			if !maps.Equal(got, tt.entries) {
				t.Errorf("entries %v, want %v", got, tt.entries)
			}
		})
	}
}

func TestStateOfUnknownLifetimeDoesNotCountItsInitialValue(t *testing.T) {
	var tracker Tracker
	s := must[*State](t)(tracker.State("s", "A"))
	sdk := newSDK()
	_ = tracker.Attach(WithMeterProvider(sdk), WithLedger(&ledger{err: ErrClosed}), WithErrorHandler(func(error) {}))
	s.Set("A")
	assertPoints(t, sdk, map[string]string{"s{state=A}": "1"})
}

func TestStateRefusesWhatIsTooLong(t *testing.T) {
	tracker, sdk, h := attached(t)
	s := must[*State](t)(tracker.State("s", "A"))
	s.Set(strings.Repeat("x", 1<<20))
	s.Set(strings.Repeat("\xff ", MaxTextLength/2)) // too long once it is repaired
	if v, _ := s.Value(); v != "A" || h.count(ErrInvalidValue) != 1 {
		t.Errorf("%q; %v", v, h.errs)
	}
	s.Set("b\xff")
	assertPoints(t, sdk, map[string]string{"s{state=b\uFFFD}": "1", "s.changes{state=b\uFFFD}": "1"})
	if d, err := tracker.State("long", strings.Repeat("x", MaxTextLength+1)); err == nil || d == nil {
		t.Errorf("%v, %v", d, err)
	}
}

func TestManyStatesAreBounded(t *testing.T) {
	tracker, sdk, _ := attached(t)
	s := must[*State](t)(tracker.State("s", ""))
	for i := range 5000 {
		s.Set(strings.Repeat("x", i%1000) + strings.Repeat("y", i/1000))
	}
	points := sdk.points(t)
	if len(points) != MaxSeries+2 { // the overflow series and the gauge
		t.Errorf("%d points", len(points))
	}
	if s.Changes() != 4999 { // the first one, "", is none
		t.Errorf("%d changes", s.Changes())
	}
	if v, ok := s.Value(); !ok || v != strings.Repeat("x", 999)+"yyyy" {
		t.Errorf("Value() = %q", v)
	}
}

func TestStateAndItsEntriesAgreeInEveryCollection(t *testing.T) {
	tracker, sdk, _ := attached(t)
	s := must[*State](t)(tracker.State("s", "A"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5000 {
			s.Set("B")
			s.Set("A")
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		points := sdk.points(t)
		a, _ := strconv.Atoi(points["s.changes{state=A}"])
		b, _ := strconv.Atoi(points["s.changes{state=B}"])
		if inA := points["s{state=A}"] == "1"; inA && a != b || !inA && b != a+1 || inA == (points["s{state=B}"] == "1") {
			t.Fatalf("points %v", points)
		}
	}
	if s.Changes() != 10_000 {
		t.Errorf("%d changes", s.Changes())
	}
}
