package otelusage

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// entries is the value of a State and how often each value was entered in this
// run. After attaching, the trackers of a MeterProvider share it.
type entries struct {
	registry *registry

	mu      sync.Mutex
	current string
	known   bool // a value was ever recorded, be it NoState
	series  family[entered]
	total   int64 // entries of this run
	life    int64 // those of earlier runs
	forgot  int64 // total at the last Reset
}

// entered is how often one state was entered.
type entered struct {
	set attribute.Set
	opt metric.MeasurementOption
	n   int64
}

func (e *entries) ownedBy(r *registry) { e.registry = r }

// enter changes the value and reports whether that counts.
func (e *entries) enter(value string, keepRedundant bool) (counted bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.enterLocked(value, keepRedundant)
}

func (e *entries) enterLocked(value string, keepRedundant bool) bool {
	if value == e.current && (value == NoState || !keepRedundant) {
		return false
	}
	e.current, e.known = value, true
	e.count(value, 1)
	return true
}

func (e *entries) count(value string, n int64) {
	e.of(stateSet(value)).n += n
	e.total += n
}

func (e *entries) of(set attribute.Set) *entered {
	return e.series.get(set, func(set attribute.Set) *entered {
		return &entered{set: set, opt: metric.WithAttributeSet(set)}
	})
}

func (e *entries) state() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current
}

func (e *entries) changes() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.life + e.total - e.forgot
}

// begin enters an initial state where none was ever recorded.
func (e *entries) begin(value string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.known {
		e.enterLocked(value, false)
	}
}

func (e *entries) restore(value string, changes int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current, e.known, e.life = value, true, changes
}

// reset forgets the changes. Those that were reported must not fall.
func (e *entries) reset(reported bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life = 0; reported {
		e.forgot = e.total
		return
	}
	e.series, e.total = family[entered]{}, 0
}

// early is what was set before attaching, when nobody knew what an earlier run
// had left.
type early struct {
	initial        string
	initialCounted bool
	explicit       bool   // Set was called
	first          string // by the first Set
	firstCounted   bool
}

// replay enters what local went through on top of what is known now. An initial
// state only counts where nothing is known and it is known that nothing is.
func (e *entries) replay(local *entries, was early, restored, keepRedundant bool) {
	local.mu.Lock()
	defer local.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if was.initial != NoState && !e.known {
		if restored {
			e.enterLocked(was.initial, false)
		} else {
			e.current = was.initial
		}
	}
	if !was.explicit {
		return
	}
	e.enterLocked(was.first, keepRedundant)
	if was.initialCounted {
		local.count(was.initial, -1)
	}
	if was.firstCounted {
		local.count(was.first, -1)
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
func createState(meter metric.Meter, m *meta, e *entries) error {
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
		state, entered := e.snapshot()
		if state == NoState {
			to.ObserveInt64(gauge, 0)
		} else {
			to.ObserveInt64(gauge, 1, metric.WithAttributeSet(stateSet(state)))
		}
		for _, entry := range entered {
			to.ObserveInt64(changes, entry.n, entry.opt)
		}
		return nil
	}, gauge, changes)
	return err
}

func (e *entries) snapshot() (state string, list []entered) {
	e.mu.Lock()
	defer e.mu.Unlock()
	list = make([]entered, len(e.series.list))
	for i, entry := range e.series.list {
		list[i] = *entry
	}
	return e.current, list
}

func stateSet(state string) attribute.Set {
	if state == NoState {
		return *attribute.EmptySet()
	}
	return attribute.NewSet(StateKey.String(state))
}
