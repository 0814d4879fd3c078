package otelusage

import (
	"fmt"
	"maps"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
)

func init() {
	peek.Measures = func(tracker any) map[string]peek.Measure {
		measures := make(map[string]peek.Measure)
		if t, ok := tracker.(*Tracker); ok && t != nil {
			for _, tr := range t.sorted() {
				tr.measure(func(label string, m peek.Measure) { measures[label] = m })
			}
		}
		return measures
	}
	peek.Text = measureText
	peek.Restart = func(tracker any) {
		if t, ok := tracker.(*Tracker); ok && t != nil {
			t.restart()
		}
	}
}

func measureText(m peek.Measure) string {
	switch m.Kind {
	case peek.FloatStatistic:
		return fmt.Sprint(m.Float)
	case peek.State:
		return stateText(m.State)
	case peek.Timer:
		return measured{count: m.Count, total: m.Total}.text()
	}
	return fmt.Sprint(m.Count)
}

func stateText(state string) string {
	if state == NoState {
		return "no state"
	}
	return state
}

// restart is Reset for tests: what is under way begins anew, too.
func (t *Tracker) restart() {
	t.mu.Lock()
	runs := slices.Collect(maps.Keys(t.runs))
	t.mu.Unlock()
	for _, r := range runs {
		r.abandon()
	}
	for _, tr := range t.sorted() {
		switch tr := tr.(type) {
		case *State:
			tr.restart()
		case *Sequence:
			tr.Clear()
		}
		tr.reset()
	}
}

// abandon makes a run idle without recording it.
func (r *Run) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase, r.passed = idle, 0
	r.timer.definition.tracker.ended(r)
}

// restart makes the initial state hold again, as if none was ever entered.
func (s *State) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stateCounts.mu.Lock()
	defer s.stateCounts.mu.Unlock()
	s.stateCounts.current, s.stateCounts.known = NoState, false
	s.early.explicit = false
}
