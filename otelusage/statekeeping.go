package otelusage

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// keep begins to keep the gauge and what was entered. Nothing was reported of them
// yet.
func (e *stateCounts) keep(keeper Keeper, d Declaration) (err error) {
	e.keeping.mu.Lock()
	defer e.keeping.mu.Unlock()
	e.keeping.keeper, e.keeping.declaration = keeper, d
	gauge := &lockedGate{mu: &e.mu}
	e.mu.Lock()
	e.gauge = gauge
	list := slices.Clone(e.series.list)
	e.mu.Unlock()
	for _, entry := range list {
		if failed := e.keepEntry(entry); failed != nil {
			err = failed
		}
	}
	failed := e.keeping.keep(&gauge.keptSeries, Kept{Gate: gauge, Attributes: *attribute.EmptySet(), Read: func(r *Reading) {
		e.mu.Lock()
		defer e.mu.Unlock()
		r.State, r.Moves = e.value(), e.total
	}})
	if failed != nil {
		err = failed
	}
	return err
}

// keepEntry is called while the keeping is locked.
func (e *stateCounts) keepEntry(entry *entryCount) error {
	gate := &lockedGate{mu: &e.mu}
	e.mu.Lock()
	entry.gate = gate
	e.mu.Unlock()
	return e.keeping.keep(&gate.keptSeries, Kept{Suffix: ChangesSuffix, Attributes: entry.set, Gate: gate, Read: func(r *Reading) {
		e.mu.Lock()
		defer e.mu.Unlock()
		r.Int = entry.n
	}})
}

// prepare begins to keep the entries of states that may be entered next, among
// them those of the overflow series where there may be no room.
func (e *stateCounts) prepare(states ...string) {
	e.keeping.mu.Lock()
	defer e.keeping.mu.Unlock()
	if e.keeping.keeper == nil {
		return
	}
	sets := make([]attribute.Set, 0, len(states)+1)
	for _, state := range states {
		sets = append(sets, stateSet(state))
	}
	e.mu.Lock()
	if len(e.series.index)+len(states) > MaxSeries {
		sets = append(sets, overflowSet)
	}
	e.mu.Unlock()
	for _, set := range sets {
		e.prepareSet(set)
	}
}

func (e *stateCounts) prepareSet(set attribute.Set) {
	e.mu.Lock()
	entry, as := e.series.find(set)
	ready := entry != nil || e.prepared[as.Equivalent()] != nil
	e.mu.Unlock()
	if ready {
		return
	}
	entry = newEntryCount(as)
	_ = e.keepEntry(entry) // it was told of the first ones
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.prepared == nil {
		e.prepared = make(map[attribute.Distinct]*entryCount)
	}
	e.prepared[as.Equivalent()] = entry
}

func (e *stateCounts) unreported() (changed changes) {
	e.keeping.unreported.Store(true)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, entry := range e.series.list {
		if entry.gate != nil {
			changed = append(changed, &entry.gate.keptSeries)
		}
	}
	if e.gauge != nil {
		changed = append(changed, &e.gauge.keptSeries)
	}
	return changed
}
