package otelusage

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// funnel is how often a Sequence was completed and each checkpoint hit in this
// run. After attaching, the trackers of a MeterProvider share it; each adds
// cells of its own.
type funnel struct {
	registry *registry
	keeping  keeping

	mu          sync.RWMutex
	names       []string // distinct, in order of appearance
	completions intCells
	hits        []*intCells // by name

	attached  bool
	ledger    bool
	life      int64 // completions of earlier runs
	forgotten int64 // completions of this run at the last Reset
}

func (f *funnel) connected(r *registry) { f.registry = r }

func newFunnel(checkpoints []string) *funnel {
	f := new(funnel)
	f.completions.init(new(cell))
	seen := make(map[string]bool)
	for _, c := range checkpoints {
		if !seen[c] {
			seen[c] = true
			f.names = append(f.names, c)
			hits := new(intCells)
			hits.init(new(cell))
			f.hits = append(f.hits, hits)
		}
	}
	return f
}

// each yields the series of both instruments.
func (f *funnel) each(yield func(suffix string, set attribute.Set, s *intCells)) {
	yield("", *attribute.EmptySet(), &f.completions)
	for i, name := range f.names {
		yield(CheckpointsSuffix, attribute.NewSet(CheckpointKey.String(name)), f.hits[i])
	}
}

// keep begins to keep all series. Nothing was reported of them yet.
func (f *funnel) keep(keeper Keeper, d Declaration) (err error) {
	f.keeping.mu.Lock()
	defer f.keeping.mu.Unlock()
	f.keeping.keeper, f.keeping.declaration = keeper, d
	f.each(func(suffix string, set attribute.Set, s *intCells) {
		if e := s.keep(&f.keeping, Kept{Suffix: suffix, Attributes: set}); e != nil {
			err = e
		}
	})
	return err
}

func (f *funnel) unreported() changes {
	f.keeping.unreported.Store(true)
	return f.all()
}

func (f *funnel) all() (changed changes) {
	f.each(func(_ string, _ attribute.Set, s *intCells) { changed = append(changed, &s.kept) })
	return changed
}

func (f *funnel) value() int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return plus(f.life, minus(f.completions.sum(), f.forgotten))
}

func (f *funnel) restore(completions int64, ledger bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attached = true
	if ledger && !f.ledger {
		f.ledger, f.life = true, completions
	}
}

// merge adds what another tracker counted before it was attached.
func (f *funnel) merge(other *funnel) (changed changes) {
	f.keeping.mu.Lock()
	kept := f.keeping.keeper != nil
	f.keeping.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.completions.join(&other.completions, kept)
	for i, hits := range f.hits {
		hits.join(other.hits[i], kept)
	}
	if kept {
		changed = f.all()
	}
	return changed
}

// reset forgets lifetime and completions. What was reported must not fall.
func (f *funnel) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.life = 0; f.attached {
		f.forgotten = f.completions.sum()
		return
	}
	f.each(func(_ string, _ attribute.Set, s *intCells) { s.first().add(minus(0, s.sum())) })
}

func (f *funnel) snapshot() (completions int64, hits []int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	hits = make([]int64, len(f.hits))
	for i, cells := range f.hits {
		hits[i] = cells.sum()
	}
	return f.completions.sum(), hits
}

// createSequence reports completions and hits from one callback.
func createSequence(m *definition) func(metric.Meter, *funnel) error {
	return func(meter metric.Meter, f *funnel) error {
		o := m.options()
		completions, err := meter.Int64ObservableCounter(m.name, metric.WithDescription(o.description))
		if err != nil {
			return err
		}
		checkpoints, err := meter.Int64ObservableCounter(m.name+CheckpointsSuffix, metric.WithDescription(o.description))
		if err != nil {
			return err
		}
		opts := make([]metric.MeasurementOption, len(f.names))
		for i, name := range f.names {
			opts[i] = metric.WithAttributes(CheckpointKey.String(name))
		}
		_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
			n, hits := f.snapshot()
			to.ObserveInt64(completions, n)
			for i, n := range hits {
				to.ObserveInt64(checkpoints, n, opts[i])
			}
			return nil
		}, completions, checkpoints)
		return err
	}
}
