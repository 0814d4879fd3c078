package localstore

import (
	"errors"
	"testing"
)

func TestWaitsInVainBecomeRare(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for range 3 {
		if often, err := s.Outbox().OftenCutOff(); often || err != nil {
			t.Fatalf("OftenCutOff = %v, %v", often, err)
		}
		if err := mustBegin(t, s).Release(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	var waited []int
	for i := range 120 {
		if wait, err := s.Outbox().MayWait(interval); err != nil {
			t.Fatal(err)
		} else if wait {
			waited = append(waited, i)
		}
		if err := mustBegin(t, s).Release(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		c.add(interval)
	}
	if len(waited) != 3 || waited[1] != 10 || waited[2] != 110 {
		t.Errorf("waited at intervals %v, want 0, 10, 110", waited)
	}
	if _, err := (*Store)(nil).Outbox().OftenCutOff(); !errors.Is(err, ErrNotOpen) {
		t.Errorf("OftenCutOff of no Store = %v", err)
	}
	(*Store)(nil).SetBusyTimeout(0)
}
