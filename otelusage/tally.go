package otelusage

import (
	"iter"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// tally is what a Keeper reads: all that the histogram got or is going to get.
type tally struct {
	gate    lockedGate
	buckets []uint64
	count   uint64
	seconds float64
}

func (t *tally) add(i int, n uint64, seconds float64) {
	t.buckets[i] += n
	t.count += n
	t.seconds = plus(t.seconds, seconds)
}

func (t *tally) addPending(pending []bucket) {
	for i, b := range pending {
		t.add(i, uint64(b.n), b.seconds)
	}
}

func (t *tally) take(pending []bucket) {
	for i, b := range pending {
		t.buckets[i] -= uint64(b.n)
		t.count -= uint64(b.n)
		t.seconds -= b.seconds
	}
}

// keep begins to keep all series. Nothing was reported of them yet.
func (t *durations) keep(keeper Keeper, d Declaration) (err error) {
	t.keeping.mu.Lock()
	defer t.keeping.mu.Unlock()
	t.keeping.keeper, t.keeping.declaration = keeper, d
	for _, s := range t.all() {
		if e := s.keep(); e != nil {
			err = e
		}
	}
	return err
}

func (t *durations) unreported() (changed changes) {
	t.keeping.unreported.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.series.list {
		if s.tally != nil {
			changed = append(changed, &s.tally.gate.keptSeries)
		}
	}
	return changed
}

func (t *durations) all() []*durationSeries {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.series.list)
}

// sets yields the attribute sets of all series.
func (t *durations) sets() iter.Seq[attribute.Set] {
	return func(yield func(attribute.Set) bool) {
		for _, s := range t.all() {
			if !yield(s.set) {
				return
			}
		}
	}
}

// keep is called while the keeping of its durations is locked, which guards tally
// against all but who counts.
func (s *durationSeries) keep() error {
	t := s.durations
	if t.keeping.keeper == nil {
		return nil
	}
	tally := &tally{gate: lockedGate{mu: &t.mu}, buckets: make([]uint64, len(boundaries)+1)}
	t.mu.Lock()
	tally.addPending(s.pending)
	s.tally = tally
	t.mu.Unlock()
	return t.keeping.keep(&tally.gate.keptSeries, Kept{Attributes: s.set, Gate: &tally.gate, Read: func(r *Reading) {
		t.mu.Lock()
		defer t.mu.Unlock()
		r.Count, r.Sum, r.Buckets = tally.count, tally.seconds, append(r.Buckets[:0], tally.buckets...)
	}})
}
