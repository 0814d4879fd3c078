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

	mu      sync.Mutex // guards what follows and the entries in series
	current string
	known   bool   // a value was ever entered, be it NoState
	initial string // holds until then
	series  byAttributes[entryCount]
	total   int64 // entries of this run
	life    int64 // those of earlier runs
	forgot  int64 // total at the last Reset
}

// entryCount is how often one state was entered.
type entryCount struct {
	set attribute.Set
	opt metric.MeasurementOption
	n   int64
}

func (e *stateCounts) connected(r *registry) { e.registry = r }

// enter changes the value and reports whether that counts.
func (e *stateCounts) enter(value string, keepRedundant bool) (counted bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.enterLocked(value, keepRedundant)
}

func (e *stateCounts) enterLocked(value string, keepRedundant bool) bool {
	if value == e.value() && (value == NoState || !keepRedundant) {
		return false
	}
	e.current, e.known = value, true
	e.count(value, 1)
	return true
}

func (e *stateCounts) count(value string, n int64) {
	e.of(stateSet(value)).n += n
	e.total += n
}

func (e *stateCounts) of(set attribute.Set) *entryCount {
	return e.series.get(set, func(set attribute.Set) *entryCount {
		return &entryCount{set: set, opt: metric.WithAttributeSet(set)}
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
func (e *stateCounts) begin(value string, enter bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.beginLocked(value, enter)
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
func (e *stateCounts) replay(local *stateCounts, was early, restored, keepRedundant bool) {
	local.mu.Lock()
	defer local.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.beginLocked(was.initial, keepRedundant && restored)
	if !was.explicit {
		return
	}
	e.enterLocked(was.first, keepRedundant)
	if was.firstCounted {
		local.count(was.first, -1)
	}
	if !local.known {
		return // each Set was to the initial state
	}
	for _, l := range local.series.list {
		if l.n > 0 {
			e.of(l.set).n += l.n
			e.total += l.n
		}
	}
	e.current, e.known = local.current, true
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
