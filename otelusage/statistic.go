package otelusage

import (
	"fmt"
	"sync/atomic"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
	"go.opentelemetry.io/otel/attribute"
)

// Statistic is a number that goes up, down, or is set. It is made by
// [Tracker.Statistic] or [NewStatistic]. All methods are safe for concurrent
// use and do nothing on nil. Counts saturate at the limits of int64.
type Statistic struct {
	v    *int64 // the low word of cell; never changes
	span uint64 // the amounts that Add takes inline, as unsigned numbers, are less
	cell *cell
	*binding[int64, *cell, Statistic]
}

func newStatistic(m *definition) *Statistic {
	base := &bindings[int64, *cell, Statistic]{counts: newCounts[int64](func() *cell { return new(cell) })}
	return statistic(base, m, *attribute.EmptySet())
}

func statistic(base *bindings[int64, *cell, Statistic], m *definition, set attribute.Set) *Statistic {
	s := base.bind(m, set, func(s *binding[int64, *cell, Statistic], in *series[int64, *cell]) *Statistic {
		c := in.cells.first()
		return &Statistic{v: &c.v, cell: c, span: inline, binding: s}
	})
	return s.outer
}

// Add counts n: one atomic addition, no allocation. A negative n on a
// [Monotonic] Statistic is reported once and ignored.
func (s *Statistic) Add(n int64) {
	// Just small enough to be inlined. The zero value has no span and no v.
	if s == nil || uint64(n) >= s.span || atomic.AddInt64(s.v, n)+edge < 0 {
		s.addSlowly(n)
	}
}

// Inc counts one, at the cost of Add.
func (s *Statistic) Inc() {
	if s == nil || s.span == 0 || atomic.AddInt64(s.v, 1)+edge < 0 {
		s.addSlowly(1)
	}
}

// Dec takes one away.
func (s *Statistic) Dec() { s.addSlowly(-1) }

func (s *Statistic) ok() bool { return s != nil && s.binding != nil }

// addSlowly is for what Add does not do inline: what is not in its span, among
// it all that is negative, and counts that are beyond edge now, or armed.
//
//go:noinline
func (s *Statistic) addSlowly(n int64) {
	switch {
	case !s.ok():
	case n < 0 && s.definition.monotonic:
		s.definition.report("negative", fmt.Errorf("add %d: %w: a monotonic value cannot go down", n, ErrInvalidValue))
	case uint64(n) >= s.span:
		s.cell.count(n)
	default:
		s.cell.carryOver()
		s.cell.changed()
	}
}

// Set adds n - Value(). Concurrent Adds are kept. Concurrent Sets of several
// processes do not converge; use a [State] for that. A Set before
// [Tracker.Attach] wins over the restored lifetime. A Set below the value of a
// [Monotonic] Statistic, or of a Statistic whose lifetime could not be read, is
// reported once and ignored.
func (s *Statistic) Set(n int64) {
	if s.ok() {
		s.setTo(n)
	}
}

// Value returns the lifetime count of this attribute set: the count of earlier
// runs, as of the declaration, plus that of this run.
func (s *Statistic) Value() int64 {
	if !s.ok() {
		return 0
	}
	return s.value()
}

// SinceStart returns what this run counted for this attribute set.
func (s *Statistic) SinceStart() int64 {
	if !s.ok() {
		return 0
	}
	return s.sinceStart()
}

// Sum returns the lifetime count of all attribute sets together.
func (s *Statistic) Sum() int64 {
	if !s.ok() {
		return 0
	}
	return s.sum()
}

// With returns the Statistic bound to the attributes it has and these. Equal
// attributes return the same Statistic. It has a count and a lifetime of its own.
// Bind once, outside the hot path: With looks up and allocates, Add on the result
// does not. Beyond [MaxSeries] all share one overflow series.
func (s *Statistic) With(attrs ...attribute.KeyValue) *Statistic {
	if !s.ok() || len(attrs) == 0 {
		return s
	}
	return statistic(s.base, s.definition, s.merged(attrs))
}

// Name returns the name under which the Statistic is reported.
func (s *Statistic) Name() string {
	if !s.ok() {
		return ""
	}
	return s.definition.name
}

// Kind returns [KindStatistic].
func (s *Statistic) Kind() Kind { return KindStatistic }

// Description returns what [WithDescription] said.
func (s *Statistic) Description() string {
	if !s.ok() {
		return ""
	}
	return s.definition.options().description
}

// String returns the name and the value: "searches: 3".
func (s *Statistic) String() string {
	if !s.ok() {
		return ""
	}
	return s.string()
}

func (s *Statistic) sealed()            {}
func (s *Statistic) about() *definition { return s.definition }
func (s *Statistic) reset()             { s.resetAll() }

func (s *Statistic) measure(yield func(label string, m peek.Measure)) {
	s.eachValue(func(label string, n int64) { yield(label, peek.Measure{Kind: peek.Statistic, Count: n}) })
}

func (s *Statistic) connect(to *connection) error {
	join := func(shared *intCounts, earlier earlierRuns) (*intCounts, changes, error) {
		return s.base.join(s.definition, shared, addInt, earlier)
	}
	return connect(to, s.definition, to.registry.ints, join, createInt64(s.definition))
}
