package otelusage

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/sequence"
)

func TestSequenceReportsCompletionsAndFunnel(t *testing.T) {
	l := &ledger{lives: map[string]Lifetime{"round_trip": {Series: []SeriesLifetime{lifetimeOf(3)}}}}
	tracker, sdk, h := attached(t, WithLedger(l))
	s := must[*Sequence](t)(tracker.Sequence("round_trip", []string{"A", "B", "A", "C"}))
	assertPoints(t, sdk, map[string]string{"round_trip": "0",
		"round_trip.checkpoints{checkpoint=A}": "0", "round_trip.checkpoints{checkpoint=B}": "0", "round_trip.checkpoints{checkpoint=C}": "0"})
	s.Hit("A")
	if last, ok := s.RemoveLast(); !ok || last != "A" {
		t.Errorf("RemoveLast() = %q, %t", last, ok)
	}
	if s.AdvanceTo("B") || !slices.Equal(s.Reached(), []string{"A", "B"}) {
		t.Errorf("reached %v", s.Reached())
	}
	run := s.NewRun()
	if !run.AdvanceTo("C") || run.Completions() != 1 {
		t.Error("the run is not complete")
	}
	s.Hit("A")
	if at, ok := s.Checkpoint(); !ok || at != "A" || !s.Hit("C") {
		t.Errorf("at %q, %t", at, ok)
	}
	for range 2 {
		s.Hit("Z")
		run.AdvanceTo("Z")
		s.Hit("Y")
	}
	if h.count(sequence.ErrInvalidCheckpoint) != 2 {
		t.Errorf("handled %v", h.errs)
	}
	assertPoints(t, sdk, map[string]string{"round_trip": "2",
		"round_trip.checkpoints{checkpoint=A}": "5", "round_trip.checkpoints{checkpoint=B}": "2", "round_trip.checkpoints{checkpoint=C}": "2"})
	if s.Completions() != 5 || s.String() != "round_trip: 5 completions" || len(s.Checkpoints()) != 4 {
		t.Errorf("%s, %v", s, s.Checkpoints())
	}
	if up, err := s.UpTo("B"); err != nil || len(up) != 2 {
		t.Errorf("UpTo(B) = %v, %v", up, err)
	}
	run.Hit("A")
	run.Clear()
	s.Clear()
	if len(run.Reached()) != 0 || run.Completions() != 1 {
		t.Errorf("after Clear: %v", run.Reached())
	}
	if n := testing.AllocsPerRun(100, func() { s.Hit("A") }); n != 0 {
		t.Errorf("%v allocations per hit", n)
	}
}

func TestSequenceRefusesBadCheckpoints(t *testing.T) {
	for _, tt := range []struct {
		name        string
		checkpoints []string
		want        error
	}{
		{"none", nil, sequence.ErrNoCheckpoints},
		{"empty", []string{"A", ""}, ErrInvalidValue},
		{"long", []string{strings.Repeat("x", MaxTextLength+1)}, ErrInvalidValue},
		{"not UTF-8", []string{"\xff"}, ErrInvalidValue},
		{"too many", slices.Repeat([]string{"A"}, MaxCheckpoints+1), ErrInvalidValue},
	} {
		var tracker Tracker
		s, err := tracker.Sequence("s", tt.checkpoints)
		if !errors.Is(err, tt.want) || s == nil {
			t.Errorf("%s: %v, %v", tt.name, s, err)
			continue
		}
		s.Hit("A")
		s.AdvanceTo("A")
		s.NewRun().Hit("A")
		s.Reached()
		_, _ = s.UpTo("A")
		if s.Completions() != 0 || !errors.Is(tracker.Attach(WithMeterProvider(newSDK())), tt.want) {
			t.Errorf("%s: %v", tt.name, s)
		}
	}
}
