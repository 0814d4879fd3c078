package otelusage

import (
	"fmt"
	"sync"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
)

// NoState is the value of a [State] that has none.
const NoState = ""

// State is which of several values a setting has. It is made by [Tracker.State]
// or [NewState]. All methods are safe for concurrent use and do nothing on nil.
type State struct {
	definition *definition

	mu          sync.Mutex // guards what follows; taken before that of the stateCounts
	stateCounts *stateCounts
	attached    bool
	early       early
}

func newState(m *definition, initial string) *State {
	s := &State{definition: m, stateCounts: new(stateCounts)}
	s.agreeInitial(initial)
	return s
}

// agreeInitial takes an initial state where none was given before.
func (s *State) agreeInitial(initial string) {
	if initial == NoState {
		return
	}
	keep := s.definition.options().keepRedundant
	s.mu.Lock()
	initial, declared := s.definition.folding().state(initial)
	old := s.early.initial
	var changed changes
	if old == NoState {
		s.early.initial = initial
		if s.attached || !s.early.explicit {
			changed = s.stateCounts.begin(initial, s.attached && keep)
		}
	}
	s.mu.Unlock()
	changed.tell()
	if !declared {
		s.definition.reportUndeclaredState()
	}
	if old != NoState && initial != old {
		s.definition.report("initial", fmt.Errorf("declared again at %v with another initial state, %q; kept %q of %v", here(), initial, old, s.definition.at))
	}
}

func (s *State) ok() bool { return s != nil && s.definition != nil }

// Set enters a state. Setting the current state again is not a change, unless
// [KeepRedundant] was given. [NoState] clears. A value longer than
// [MaxTextLength] is reported once and ignored, or is [OtherValue] as every state
// that is not among those of [WithStates]. Bytes that are not UTF-8 are
// replaced. A state set before [Tracker.Attach] wins over the restored one.
func (s *State) Set(value string) {
	if !s.ok() {
		return
	}
	s.mu.Lock()
	fold, keep := s.definition.entering() // under the lock, for attaching may restrict what is recorded
	value, declared := fold.state(value)
	value, err := checkState(value)
	if err != nil {
		s.mu.Unlock()
		s.definition.report("state", fmt.Errorf("set: %w", err))
		return
	}
	counted, changed := s.stateCounts.enter(value, keep)
	if !s.attached && !s.early.explicit {
		s.early.explicit, s.early.first, s.early.firstCounted = true, value, counted
	}
	s.mu.Unlock()
	changed.tell()
	if !declared {
		s.definition.reportUndeclaredState()
	}
}

// refold leaves a state that a later declaration does not declare.
func (s *State) refold() {
	s.mu.Lock()
	var changed changes
	s.early.initial, _ = s.definition.folding().state(s.early.initial)
	if value, declared := s.definition.folding().state(s.stateCounts.state()); !declared && s.attached {
		_, changed = s.stateCounts.enter(value, false)
	}
	s.mu.Unlock()
	changed.tell()
}

// Clear removes the value. That is a change if there was one.
func (s *State) Clear() { s.Set(NoState) }

// Value returns the state, or the initial one until a state is set; ok is false
// when there is none.
func (s *State) Value() (value string, ok bool) {
	if !s.ok() {
		return NoState, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	value = s.stateCounts.state()
	return value, value != NoState
}

// Changes returns how often a state was entered, over all runs. The initial state
// counts only with [KeepRedundant].
func (s *State) Changes() int64 {
	if !s.ok() {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stateCounts.changes()
}

// Name returns the name under which the State is reported.
func (s *State) Name() string {
	if !s.ok() {
		return ""
	}
	return s.definition.name
}

// Kind returns [KindState].
func (s *State) Kind() Kind { return KindState }

// Description returns what [WithDescription] said.
func (s *State) Description() string {
	if !s.ok() {
		return ""
	}
	return s.definition.options().description
}

// String returns the name and the state: "server: Metric".
func (s *State) String() string {
	if !s.ok() {
		return ""
	}
	value, _ := s.Value()
	return s.definition.name + ": " + stateText(value)
}

func (s *State) sealed()            {}
func (s *State) about() *definition { return s.definition }

func (s *State) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stateCounts.reset(s.attached)
	s.early.first, s.early.firstCounted = s.stateCounts.state(), false
}

func (s *State) measure(yield func(label string, m peek.Measure)) {
	value, _ := s.Value()
	yield(s.definition.name, peek.Measure{Kind: peek.State, State: value})
}

func (s *State) connect(to *connection) error {
	return connect(to, s.definition, to.registry.states, s.join, createState(s.definition))
}

// join makes the State use shared, or fresh counts where it is nil, and enters
// there what was set early. A restored state that is not declared is left at once.
func (s *State) join(shared *stateCounts, earlier earlierRuns) (*stateCounts, changes, error) {
	keep := s.definition.options().keepRedundant
	s.mu.Lock()
	defer s.mu.Unlock()
	local, fold := s.stateCounts, s.definition.folding()
	if shared == nil {
		shared = new(stateCounts)
		if earlier.HasState {
			shared.restore(valid(earlier.State), earlier.Changes)
		}
		if recorded, declared := fold.state(shared.state()); !declared && !s.early.explicit {
			shared.enter(recorded, false)
		}
	}
	s.stateCounts = shared
	s.early.initial, _ = fold.state(s.early.initial)
	s.early.first, _ = fold.state(s.early.first)
	changed := shared.replay(local.folded(fold), s.early, earlier.known && !earlier.Incomplete, keep)
	s.attached = true
	if fold.strict && fold.declared == nil {
		return shared, changed, errUndeclaredStates
	}
	return shared, changed, nil
}
