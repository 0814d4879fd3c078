package otelusage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/sequence"
)

// Statistic declares a number that goes up, down, or is set. Declaring it again
// returns the same Statistic: an omitted option matches anything, and the first
// description is kept. The error wraps [ErrInvalidName], [ErrInvalidValue] (the
// unit), [ErrConflict] or [ErrClosed]; the Statistic then counts but is never
// reported. An error of the ledger or the MeterProvider is returned too, but the
// Statistic is declared.
func (t *Tracker) Statistic(name string, opts ...StatisticOption) (*Statistic, error) {
	if t == nil {
		return nil, fmt.Errorf("declare %q: %w", name, errNilTracker)
	}
	o := fold(opts, StatisticOption.applyStatistic)
	return declare(t, &definition{given: name, kind: KindStatistic, monotonic: o.monotonic, opts: o}, checkUnit(o.unit), newStatistic)
}

// FloatStatistic is [Tracker.Statistic] for numbers that are not whole.
func (t *Tracker) FloatStatistic(name string, opts ...StatisticOption) (*FloatStatistic, error) {
	if t == nil {
		return nil, fmt.Errorf("declare %q: %w", name, errNilTracker)
	}
	o := fold(opts, StatisticOption.applyStatistic)
	return declare(t, &definition{given: name, kind: KindStatistic, float: true, monotonic: o.monotonic, opts: o}, checkUnit(o.unit), newFloatStatistic)
}

// State declares which of several values a setting has. The initial state is a
// default: it is reported until a run sets a state, and does not count as a
// change. That of a later run replaces it. [NoState] is none. Redeclaring and
// errors are as with [Tracker.Statistic]; the first initial state is kept.
func (t *Tracker) State(name, initial string, opts ...StateOption) (*State, error) {
	if t == nil {
		return nil, fmt.Errorf("declare %q: %w", name, errNilTracker)
	}
	o := fold(opts, StateOption.applyState)
	value, err := checkState(initial)
	s, derr := declare(t, &definition{given: name, kind: KindState, opts: o}, err, func(m *definition) *State { return newState(m, value) })
	if err == nil && derr == nil {
		s.refold()
		s.agreeInitial(value)
	}
	return s, derr
}

// Timer declares a task whose duration is measured. Redeclaring and errors are
// as with [Tracker.Statistic].
func (t *Tracker) Timer(name string, opts ...TimerOption) (*Timer, error) {
	if t == nil {
		return nil, fmt.Errorf("declare %q: %w", name, errNilTracker)
	}
	o := fold(opts, TimerOption.applyTimer)
	o.unit = "s"
	return declare(t, &definition{given: name, kind: KindTimer, opts: o}, nil, newTimer)
}

// Sequence declares checkpoints that are to be hit in exactly this order; one
// may appear more than once. Redeclaring and errors are as with
// [Tracker.Statistic]; also [sequence.ErrNoCheckpoints] for none and
// [ErrInvalidValue] for a checkpoint that is empty, longer than
// [MaxTextLength] or not UTF-8, or for more than [MaxCheckpoints] of them.
func (t *Tracker) Sequence(name string, checkpoints []string, opts ...SequenceOption) (*Sequence, error) {
	if t == nil {
		return nil, fmt.Errorf("declare %q: %w", name, errNilTracker)
	}
	o := fold(opts, SequenceOption.applySequence)
	m := &definition{given: name, kind: KindSequence, checkpoints: slices.Clone(checkpoints), opts: o}
	return declare(t, m, checkCheckpoints(checkpoints), newSequence)
}

func checkCheckpoints(checkpoints []string) error {
	if len(checkpoints) == 0 {
		return sequence.ErrNoCheckpoints
	}
	if len(checkpoints) > MaxCheckpoints {
		return fmt.Errorf("%w: %d checkpoints, at most %d are allowed", ErrInvalidValue, len(checkpoints), MaxCheckpoints)
	}
	for i, c := range checkpoints {
		switch {
		case c == "":
			return fmt.Errorf("%w: checkpoint %d is empty", ErrInvalidValue, i+1)
		case len(c) > MaxTextLength:
			return fmt.Errorf("%w: checkpoint %d has %d bytes, at most %d are allowed", ErrInvalidValue, i+1, len(c), MaxTextLength)
		case c != valid(c):
			return fmt.Errorf("%w: checkpoint %d is not UTF-8", ErrInvalidValue, i+1)
		}
	}
	return nil
}

// declare finds or makes a trackable. wrong is the error of the options, if any.
// A trackable that is refused is detached: it counts but is not reported.
func declare[T trackable](t *Tracker, m *definition, wrong error, create func(*definition) T) (T, error) {
	m.tracker, m.rep, m.at = t, &t.rep, here()
	given := m.given
	name, err := checkName(given)
	m.name, m.given = name, strings.ToLower(given)
	if wrong == nil {
		wrong = checkFormerNames(m.opts.renamedFrom)
	}
	if wrong == nil {
		wrong = m.opts.declared.check(m.kind)
	}
	if wrong == nil {
		wrong = checkReceived(m, m.opts.unit)
	}
	if err == nil && wrong != nil {
		err = fmt.Errorf("declare %s %q: %w", m.kind, name, wrong)
	}
	if err != nil {
		return refuse(t, m, given, err, create)
	}

	t.declaring.Lock()
	t.mu.Lock()
	old, found := t.byName[m.key()]
	e, closed := t.connection, t.closed
	taken := t.former.conflict(m, func(key string) *definition {
		if other := t.byName[key]; other != nil {
			return other.about()
		}
		return nil
	})
	if taken == nil && !found {
		taken = t.names.conflict(m, m.opts.unit)
	}
	t.mu.Unlock()
	if taken != nil {
		t.declaring.Unlock()
		return refuse(t, m, given, taken, create)
	}
	if found {
		err := old.about().conflict(m)
		same, ok := old.(T)
		var kept error
		if err == nil && ok {
			kept, err = t.adopt(old.about(), m)
		}
		t.declaring.Unlock()
		if err != nil || !ok {
			return refuse(t, m, given, err, create)
		}
		old.about().report(fmt.Sprint("redeclared ", kept), kept)
		return same, nil
	}
	if closed {
		t.declaring.Unlock()
		return refuse(t, m, given, fmt.Errorf("declare %s %q: %w", m.kind, name, ErrClosed), create)
	}
	tr := create(m)
	if e != nil {
		err = tr.connect(e)
	}
	if err == nil || !errors.Is(err, ErrConflict) {
		t.mu.Lock()
		if t.byName == nil {
			t.byName = make(map[string]trackable)
		}
		t.byName[m.key()] = tr
		t.former.add(m)
		t.names.add(m)
		t.mu.Unlock()
	}
	changed := e.takeChanged()
	t.declaring.Unlock()
	changed.tell()
	t.rep.reportAll(err)
	return tr, err
}

// adopt completes what was declared first by a later declaration, and returns what
// of that is not kept. A unit gives the metric another name at a receiver.
func (t *Tracker) adopt(first, later *definition) (kept, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reported, unit := t.connection != nil, first.options().unit
	if unit == "" && !reported {
		unit = later.opts.unit
	}
	again := &definition{name: first.name, kind: first.kind, monotonic: first.monotonic, at: later.at}
	if err := t.names.conflict(again, unit); err != nil {
		return nil, err
	}
	t.names.remove(first)
	kept = first.adopt(later, reported)
	t.names.add(first)
	t.former.add(first)
	return kept, nil
}

// refuse returns a detached trackable, which reports no errors of its own.
func refuse[T trackable](t *Tracker, m *definition, given string, err error, create func(*definition) T) (T, error) {
	t.rep.report(fmt.Sprint("declare ", err), err)
	if m.name == "" {
		m.name = cut(given)
	}
	m.rep = nil
	if m.kind == KindSequence && checkCheckpoints(m.checkpoints) != nil {
		m.checkpoints = nil
	}
	return create(m), err
}
