package otelusage

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestRenamedFromReachesTheLedger as the names under which it was reported.
func TestRenamedFromReachesTheLedger(t *testing.T) {
	l := new(ledger)
	tracker, _, _ := attached(t, WithLedger(l))
	for name, declare := range map[string]func() error{
		"statistic": func() error { _, err := tracker.Statistic("statistic", RenamedFrom("old statistic")); return err },
		"float": func() error {
			_, err := tracker.FloatStatistic("float", RenamedFrom("a"), RenamedFrom("b"), RenamedFrom("A"))
			return err
		},
		"state": func() error { _, err := tracker.State("state", "x", RenamedFrom("1st state (%)")); return err },
		"timer": func() error {
			_, err := tracker.Timer("timer", RenamedFrom("Timer"), RenamedFrom("größe"))
			return err
		},
		"sequence": func() error {
			_, err := tracker.Sequence("sequence", []string{"A"}, RenamedFrom("q.changes"))
			return err
		},
	} {
		if err := declare(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	got := make(map[string]string)
	for _, d := range l.declared {
		got[d.Name] = strings.Join(d.RenamedFrom, " ")
	}
	for name, want := range map[string]string{
		"statistic": "old_statistic", "float": "a b", "state": "n_1st_state____", "timer": "gr__e", "sequence": "q_changes",
	} {
		if got[name] != want {
			t.Errorf("%s was called %q, want %q", name, got[name], want)
		}
	}
}

// TestFormerNamesAreTaken, whichever is declared first, in one tracker and in two
// on one provider. What is refused counts, unseen.
func TestFormerNamesAreTaken(t *testing.T) {
	type declaration struct {
		name   string
		former []string
	}
	tests := map[string][2]declaration{
		"the former name after the new one":  {{"new", []string{"old"}}, {"old", nil}},
		"the former name before the new one": {{"old", nil}, {"new", []string{"Old"}}},
		"two with one former name":           {{"a", []string{"old"}}, {"b", []string{"old"}}},
		"a swap":                             {{"a", []string{"b"}}, {"b", []string{"a"}}},
	}
	for name, tt := range tests {
		for _, trackers := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				first, sdk, _ := attached(t)
				second := first
				if trackers == 2 {
					second = must[*Tracker](t)(New(WithMeterProvider(sdk), WithErrorHandler(func(error) {})))
				}
				declare := func(tracker *Tracker, d declaration) (*Statistic, error) {
					var opts []StatisticOption
					for _, f := range d.former {
						opts = append(opts, RenamedFrom(f))
					}
					return tracker.Statistic(d.name, opts...)
				}
				if _, err := declare(first, tt[0]); err != nil {
					t.Fatal(err)
				}
				s, err := declare(second, tt[1])
				if !errors.Is(err, ErrConflict) || strings.Count(err.Error(), "renamed_test.go:") != 2 {
					t.Errorf("second declaration: %v", err)
				}
				s.Inc()
				if s.Value() != 1 {
					t.Errorf("it counts %d", s.Value())
				}
				if _, err := declare(first, tt[0]); err != nil {
					t.Errorf("the first once more: %v", err)
				}
			})
		}
	}
}

// TestRenamedFromOnALaterDeclaration is taken until the instruments are there.
func TestRenamedFromOnALaterDeclaration(t *testing.T) {
	l, h := new(ledger), new(handler)
	tracker := new(Tracker)
	for _, opts := range [][]StatisticOption{nil, {RenamedFrom("old")}, {RenamedFrom("old")}, nil} {
		if _, err := tracker.Statistic("new", opts...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tracker.Timer("old"); !errors.Is(err, ErrConflict) {
		t.Errorf("the former name as another kind: %v", err)
	}
	_, sdk, _ := attached(t)
	_ = tracker.Attach(WithMeterProvider(sdk), WithLedger(l), WithErrorHandler(h.handle))
	if len(l.declared) != 1 || !slices.Equal(l.declared[0].RenamedFrom, []string{"old"}) {
		t.Errorf("declared %+v", l.declared)
	}
	before := len(h.errs)
	if _, err := tracker.Statistic("new", RenamedFrom("older")); err != nil || len(h.errs) != before+1 {
		t.Errorf("after that: %v, reported %v", err, h.errs)
	}
}

func TestRenamedFromNothing(t *testing.T) {
	tracker, _, _ := attached(t)
	if _, err := tracker.Statistic("new", RenamedFrom("")); !errors.Is(err, ErrInvalidName) {
		t.Errorf("an empty former name: %v", err)
	}
}
