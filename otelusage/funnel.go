package otelusage

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/metric"
)

// funnel is how often a Sequence was completed and each checkpoint hit in this
// run. After attaching, the trackers of a MeterProvider share it; each adds
// cells of its own.
type funnel struct {
	registry *registry

	mu          sync.RWMutex
	names       []string // distinct, in order of appearance
	completions []*cell
	hits        [][]*cell // by name

	attached  bool
	ledger    bool
	life      int64 // completions of earlier runs
	forgotten int64 // completions of this run at the last Reset
}

func (f *funnel) connected(r *registry) { f.registry = r }

func newFunnel(checkpoints []string) *funnel {
	f := &funnel{completions: []*cell{new(cell)}}
	seen := make(map[string]bool)
	for _, c := range checkpoints {
		if !seen[c] {
			seen[c] = true
			f.names = append(f.names, c)
			f.hits = append(f.hits, []*cell{new(cell)})
		}
	}
	return f
}

func total(cells []*cell) (n int64) {
	for _, c := range cells {
		n = plus(n, c.load())
	}
	return n
}

func (f *funnel) value() int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return plus(f.life, minus(total(f.completions), f.forgotten))
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
func (f *funnel) merge(other *funnel) {
	other.mu.RLock()
	defer other.mu.RUnlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.completions = append(f.completions, other.completions...)
	for i := range f.hits {
		f.hits[i] = append(f.hits[i], other.hits[i]...)
	}
}

// reset forgets lifetime and completions. What was reported must not fall.
func (f *funnel) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.life = 0; f.attached {
		f.forgotten = total(f.completions)
		return
	}
	for _, cells := range append(f.hits, f.completions) {
		for _, c := range cells {
			c.add(minus(0, c.load()))
		}
	}
}

func (f *funnel) snapshot() (completions int64, hits []int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	hits = make([]int64, len(f.hits))
	for i, cells := range f.hits {
		hits[i] = total(cells)
	}
	return total(f.completions), hits
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
