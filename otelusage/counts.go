package otelusage

import (
	"fmt"
	"iter"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// counts are the series of a statistic (or the completions of a sequence).
// After attaching, the trackers of a MeterProvider share them.
//
// The type parameter C is the cell, so that a bound statistic reaches its own
// cell without a lookup.
type counts[N number, C cellOf[N]] struct {
	newCell  func() C
	registry *registry
	keeping  keeping

	// mu guards what follows, and life, forgotten and what Set keeps in each
	// series. Of two counts that merge, those that are moved are locked first.
	mu       sync.RWMutex
	series   byAttributes[series[N, C]]
	restored map[attribute.Distinct]N // lifetimes of sets not seen in this run
	moved    bool                     // to those of another tracker: whoever finds this looks again
	attached bool
	ledger   bool // lifetimes were restored
	unknown  bool // they should have been, but could not be read
}

type (
	intCounts   = counts[int64, *cell]
	floatCounts = counts[float64, *floatCell]
)

// series is the count of one attribute set.
type series[N number, C cellOf[N]] struct {
	set    attribute.Set
	opt    metric.MeasurementOption
	counts *counts[N, C]
	cells  cells[N, C]

	life      N // of earlier runs
	forgotten N // this run's count at the last Reset

	// What Set added before the lifetime was known.
	wasSet  bool
	bySets  N
	setBase N // the value that the last Set found
}

func newCounts[N number, C cellOf[N]](newCell func() C) *counts[N, C] {
	c := &counts[N, C]{newCell: newCell}
	c.get(*attribute.EmptySet())
	return c
}

func (c *counts[N, C]) connected(r *registry) { c.registry = r }

// keep begins to keep all series. Nothing was reported of them yet.
func (c *counts[N, C]) keep(keeper Keeper, d Declaration) (err error) {
	c.keeping.mu.Lock()
	defer c.keeping.mu.Unlock()
	c.keeping.keeper, c.keeping.declaration = keeper, d
	for _, s := range c.all() {
		if e := s.keep(); e != nil {
			err = e
		}
	}
	return err
}

func (c *counts[N, C]) unreported() (changed changes) {
	c.keeping.unreported.Store(true)
	for _, s := range c.all() {
		changed = append(changed, &s.cells.kept)
	}
	return changed
}

// keep is called while the keeping of its counts is locked.
func (s *series[N, C]) keep() error {
	return s.cells.keep(&s.counts.keeping, Kept{Attributes: s.set})
}

// get returns the series of a set, or the overflow series. A new one is kept
// before anybody can count in it.
func (c *counts[N, C]) get(set attribute.Set) *series[N, C] {
	c.keeping.mu.Lock()
	defer c.keeping.mu.Unlock()
	c.mu.Lock()
	before := len(c.series.list)
	s := c.getLocked(set)
	made := len(c.series.list) > before
	c.mu.Unlock()
	if made {
		_ = s.keep() // it was told of the first ones
	}
	return s
}

// setsOf returns the attribute sets of series.
func setsOf[N number, C cellOf[N]](list []*series[N, C]) iter.Seq[attribute.Set] {
	return func(yield func(attribute.Set) bool) {
		for _, s := range list {
			if !yield(s.set) {
				return
			}
		}
	}
}

func (c *counts[N, C]) all() []*series[N, C] {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.series.list[:len(c.series.list):len(c.series.list)]
}

func (c *counts[N, C]) getLocked(set attribute.Set) *series[N, C] {
	return c.series.get(set, func(set attribute.Set) *series[N, C] {
		s := &series[N, C]{set: set, opt: metric.WithAttributeSet(set), counts: c}
		s.cells.init(c.newCell())
		s.life = c.takeRestored(set)
		return s
	})
}

func (c *counts[N, C]) takeRestored(set attribute.Set) N {
	key := set.Equivalent()
	life := c.restored[key]
	delete(c.restored, key)
	return life
}

// run returns what this run counted, Resets notwithstanding: what is reported.
func (s *series[N, C]) run() N { return s.cells.sum() }

func (s *series[N, C]) value() N { return plus(s.life, minus(s.run(), s.forgotten)) }

// sum returns the lifetime of all sets.
func (c *counts[N, C]) sum() N {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var sum N
	for _, s := range c.series.list {
		sum = plus(sum, s.value())
	}
	for _, life := range c.restored {
		sum = plus(sum, life)
	}
	return sum
}

// observe reports every series, outside the lock, for f is the SDK's.
func (c *counts[N, C]) observe(f func(N, metric.MeasurementOption)) {
	for _, s := range c.all() {
		f(s.run(), s.opt)
	}
}

// restore takes over lifetimes and settles the Sets made before: they win.
func (c *counts[N, C]) restore(lives map[attribute.Distinct]N, earlier earlierRuns, monotonic bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restored, c.unknown, c.ledger, c.attached = lives, !earlier.known, earlier.ledger, true
	var err error
	for _, s := range c.series.list {
		s.life = c.takeRestored(s.set)
		if e := s.settle(s.life, earlier.known, monotonic); e != nil {
			err = e
		}
	}
	return err
}

// settle corrects a series that was Set while its value before was taken to be
// less by life than it was. Nothing has been reported of it yet, so its cell
// may fall.
func (s *series[N, C]) settle(life N, known, monotonic bool) error {
	if !s.wasSet {
		return nil
	}
	target, cell := plus(s.setBase, s.bySets), s.cells.first()
	switch {
	case !known:
		cell.add(minus(0, s.bySets))
		return fmt.Errorf("set: %w", ErrLifetimeUnknown)
	case monotonic && s.bySets < life:
		cell.add(minus(0, s.bySets))
		return fmt.Errorf("set to %v before attaching: %w: a monotonic value cannot go down to it", target, ErrInvalidValue)
	default:
		cell.add(minus(0, life))
		return nil
	}
}

// merge adds the counts of another tracker, made before it was attached.
func (c *counts[N, C]) merge(other *counts[N, C], fold folding, lives map[attribute.Distinct]N, earlier earlierRuns, monotonic bool) (move func(*series[N, C]) *series[N, C], changed changes, err error) {
	for _, s := range other.all() {
		c.get(fold.recorded(s.set)) // so that it is kept before it counts
	}
	c.keeping.mu.Lock()
	kept := c.keeping.keeper != nil
	c.keeping.mu.Unlock()
	other.mu.Lock()
	defer other.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if earlier.ledger && earlier.known && !c.ledger {
		c.ledger, c.unknown, c.restored = true, false, lives
		for _, s := range c.series.list {
			s.life = plus(s.life, c.takeRestored(s.set))
		}
	}
	if earlier.ledger && !earlier.known && !c.ledger {
		c.unknown = true
	}
	to := make(map[*series[N, C]]*series[N, C], len(other.series.list))
	for _, s := range other.series.list {
		mine := c.getLocked(fold.recorded(s.set))
		if e := s.settle(mine.value(), !c.unknown, monotonic); e != nil {
			err = e
		}
		mine.cells.join(&s.cells, kept)
		if kept {
			changed = append(changed, &mine.cells.kept)
		}
		to[s] = mine
	}
	other.moved = true
	return func(s *series[N, C]) *series[N, C] { return to[s] }, changed, err
}

// setTo makes value() n; a monotonic one cannot go down. c.mu is held.
func (s *series[N, C]) setTo(n N, monotonic bool) error {
	c := s.counts
	if c.unknown {
		return fmt.Errorf("set: %w", ErrLifetimeUnknown)
	}
	cells := *s.cells.list.Load()
	value := s.value()
	if monotonic && n < value {
		return fmt.Errorf("set to %v: %w: a monotonic value cannot go down from %v", n, ErrInvalidValue, value)
	}
	for _, cell := range cells {
		cell.clearCarry()
	}
	value = s.value()
	if !c.attached {
		s.wasSet = true
		s.setBase = minus(value, s.bySets)
		s.bySets = plus(s.bySets, minus(n, value))
	}
	// A difference that does not fit takes two steps.
	for value != n {
		step := minus(n, value)
		cells[0].add(step)
		if next := plus(value, step); next != value {
			value = next
			continue
		}
		break
	}
	return nil
}

// reset forgets lifetimes and counts. What is reported does not fall.
func (c *counts[N, C]) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restored, c.unknown = nil, false
	for _, s := range c.series.list {
		if s.life = 0; c.attached {
			s.forgotten = s.run()
		} else {
			s.cells.first().add(minus(0, s.run()))
		}
		s.wasSet, s.bySets, s.setBase = false, 0, 0
	}
}
