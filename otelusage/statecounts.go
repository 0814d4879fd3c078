package otelusage

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// stateCounts is the value of a State and how often each value was entered in this
// run. After attaching, the trackers of a MeterProvider share it.
type stateCounts struct {
	registry *registry
	keeping  keeping

	mu      sync.Mutex // guards what follows and the entries in series
	current string
	known   bool   // a value was ever entered, be it NoState
	initial string // holds until then
	series  byAttributes[entryCount]
	total   int64 // entries of this run
	life    int64 // those of earlier runs
	forgot  int64 // total at the last Reset

	gauge    *lockedGate                        // nil where nothing is kept
	prepared map[attribute.Distinct]*entryCount // kept, and not entered yet
	changed  changes                            // since the lock was taken
}

// entryCount is how often one state was entered.
type entryCount struct {
	set attribute.Set
	opt metric.MeasurementOption
	n   int64

	gate *lockedGate // nil where it is not kept
}

func newEntryCount(set attribute.Set) *entryCount {
	return &entryCount{set: set, opt: metric.WithAttributeSet(set)}
}

func (e *stateCounts) connected(r *registry) { e.registry = r }

// enter changes the value and reports whether that counts. Of a state that was
// never entered it begins to keep the entries before.
func (e *stateCounts) enter(value string, keepRedundant bool) (counted bool, changed changes) {
	for {
		counted, changed, ready := e.tryEnter(value, keepRedundant)
		if ready {
			return counted, changed
		}
		e.prepare(value)
	}
}

func (e *stateCounts) tryEnter(value string, keepRedundant bool) (counted bool, changed changes, ready bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.isRedundant(value, keepRedundant) {
		return false, nil, true
	}
	entry := e.find(stateSet(value))
	if entry == nil {
		return false, nil, false
	}
	e.current, e.known = value, true
	e.count(entry, 1)
	return true, e.takeChanged(), true
}

func (e *stateCounts) isRedundant(value string, keepRedundant bool) bool {
	return value == e.value() && (value == NoState || !keepRedundant)
}

func (e *stateCounts) enterLocked(value string, keepRedundant bool) bool {
	if e.isRedundant(value, keepRedundant) {
		return false
	}
	e.current, e.known = value, true
	e.count(e.of(stateSet(value)), 1)
	return true
}

func (e *stateCounts) count(entry *entryCount, n int64) {
	entry.n += n
	e.total += n
	if entry.gate != nil && entry.gate.armed {
		e.changed = append(e.changed, &entry.gate.keptSeries)
	}
}

// takeChanged returns what a Keeper is to be told of: the gauge last, so that it
// never keeps an entry that its counter does not.
func (e *stateCounts) takeChanged() changes {
	changed := e.changed
	e.changed = nil
	if e.gauge != nil && e.gauge.armed {
		changed = append(changed, &e.gauge.keptSeries)
	}
	return changed
}

// find returns the entries of a state, nil where they are to be prepared before.
func (e *stateCounts) find(set attribute.Set) *entryCount {
	entry, as := e.series.find(set)
	if entry == nil && e.gauge != nil && e.prepared[as.Equivalent()] == nil {
		return nil
	}
	if entry == nil {
		entry = e.of(as)
	}
	return entry
}

func (e *stateCounts) of(set attribute.Set) *entryCount {
	return e.series.get(set, func(as attribute.Set) *entryCount {
		if entry := e.prepared[as.Equivalent()]; entry != nil {
			return entry
		}
		return newEntryCount(as)
	})
}

func (e *stateCounts) state() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.value()
}

// value is the state that was entered last or, before any was, the initial one.
func (e *stateCounts) value() string {
	if e.known {
		return e.current
	}
	return e.initial
}

func (e *stateCounts) changes() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.life + e.total - e.forgot
}

// begin gives an initial state, if there is none. It is entered where none ever
// was only to be kept like any redundant one, as the Python library does.
func (e *stateCounts) begin(value string, enter bool) changes {
	if enter {
		e.prepare(value)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.beginLocked(value, enter)
	return e.takeChanged()
}

func (e *stateCounts) beginLocked(value string, enter bool) {
	if e.initial == NoState {
		e.initial = value
	}
	if enter && !e.known {
		e.enterLocked(value, true)
	}
}

func (e *stateCounts) restore(value string, changes int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current, e.known, e.life = value, true, changes
}

// reset forgets the changes. Those that were reported must not fall.
func (e *stateCounts) reset(reported bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life = 0; reported {
		e.forgot = e.total
		return
	}
	e.series, e.total = byAttributes[entryCount]{}, 0
}

// early is what was set before attaching, when nobody knew what an earlier run
// had left.
type early struct {
	initial      string
	explicit     bool   // Set was called
	first        string // by the first Set
	firstCounted bool
}

// replay enters what local went through on top of what is known now. restored
// says that what earlier runs left is known.
func (e *stateCounts) replay(local *stateCounts, was early, restored, keepRedundant bool) changes {
	local.mu.Lock()
	defer local.mu.Unlock()
	e.prepare(local.mayReplay(was)...)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.replayLocked(local, was, restored, keepRedundant)
	return e.takeChanged()
}

// mayReplay returns the states that replay may enter.
func (e *stateCounts) mayReplay(was early) []string {
	var states []string
	if was.initial != NoState {
		states = append(states, was.initial)
	}
	if was.explicit {
		states = append(states, was.first)
	}
	for _, entry := range e.series.list {
		state, _ := entry.set.Value(StateKey)
		states = append(states, state.AsString())
	}
	return states
}

func (e *stateCounts) replayLocked(local *stateCounts, was early, restored, keepRedundant bool) {
	e.beginLocked(was.initial, keepRedundant && restored)
	if !was.explicit {
		return
	}
	e.enterLocked(was.first, keepRedundant)
	if was.firstCounted {
		local.count(local.of(stateSet(was.first)), -1)
	}
	if !local.known {
		return // each Set was to the initial state
	}
	for _, l := range local.series.list {
		if l.n > 0 {
			e.count(e.of(l.set), l.n)
		}
	}
	e.current, e.known = local.current, true
}

// folded returns e, which is not attached, with the states that are recorded
// instead of its own. Each entry stays one, be it into the state before.
func (e *stateCounts) folded(fold folding) *stateCounts {
	if fold.isOpen() {
		return e
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	recorded := &stateCounts{known: e.known}
	recorded.current, _ = fold.state(e.current)
	recorded.initial, _ = fold.state(e.initial)
	for _, entry := range e.series.list {
		state, _ := entry.set.Value(StateKey)
		as, _ := fold.state(state.AsString())
		set := stateSet(as)
		if entry.set.Equivalent() == overflowSet.Equivalent() {
			set = overflowSet
		}
		recorded.count(recorded.of(set), entry.n)
	}
	return recorded
}

// createState reports the value and the entries from one callback, so that
// they agree with each other.
func createState(m *definition) func(metric.Meter, *stateCounts) error {
	return func(meter metric.Meter, e *stateCounts) error {
		o := m.options()
		gauge, err := meter.Int64ObservableGauge(m.name, metric.WithDescription(o.description))
		if err != nil {
			return err
		}
		changes, err := meter.Int64ObservableCounter(m.name+ChangesSuffix, metric.WithDescription(o.description))
		if err != nil {
			return err
		}
		_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
			state, entries := e.snapshot()
			if state == NoState {
				to.ObserveInt64(gauge, 0)
			} else {
				to.ObserveInt64(gauge, 1, metric.WithAttributeSet(stateSet(state)))
			}
			for _, entry := range entries {
				to.ObserveInt64(changes, entry.n, entry.opt)
			}
			return nil
		}, gauge, changes)
		return err
	}
}

func (e *stateCounts) snapshot() (state string, list []entryCount) {
	e.mu.Lock()
	defer e.mu.Unlock()
	list = make([]entryCount, len(e.series.list))
	for i, entry := range e.series.list {
		list[i] = *entry
	}
	return e.value(), list
}

func stateSet(state string) attribute.Set {
	if state == NoState {
		return *attribute.EmptySet()
	}
	return attribute.NewSet(StateKey.String(state))
}
