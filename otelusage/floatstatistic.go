package otelusage

import (
	"fmt"
	"math"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
	"go.opentelemetry.io/otel/attribute"
)

// FloatStatistic is a [Statistic] for numbers that are not whole. It is made by
// [Tracker.FloatStatistic] or [NewFloatStatistic]. All methods are safe for
// concurrent use and do nothing on nil. Counts saturate at the largest finite
// numbers.
type FloatStatistic struct {
	cell  *floatCell // never changes
	floor float64    // the least amount that Add takes
	*binding[float64, *floatCell, FloatStatistic]
}

func newFloatStatistic(m *definition) *FloatStatistic {
	base := &bindings[float64, *floatCell, FloatStatistic]{counts: newCounts[float64](func() *floatCell { return new(floatCell) })}
	return floatStatistic(base, m, *attribute.EmptySet())
}

func floatStatistic(base *bindings[float64, *floatCell, FloatStatistic], m *definition, set attribute.Set) *FloatStatistic {
	s := base.bind(m, set, func(s *binding[float64, *floatCell, FloatStatistic], in *series[float64, *floatCell]) *FloatStatistic {
		floor := -math.MaxFloat64
		if m.monotonic {
			floor = 0
		}
		return &FloatStatistic{cell: in.cells.first(), floor: floor, binding: s}
	})
	return s.outer
}

// Add counts n by an atomic compare-and-swap, without allocation. NaN,
// infinities, and a negative n on a [Monotonic] FloatStatistic are reported
// once each and ignored.
func (s *FloatStatistic) Add(n float64) {
	if s == nil || !(n >= s.floor && n <= math.MaxFloat64) || s.cell == nil {
		s.refuse(n)
		return
	}
	s.cell.add(n)
	if s.cell.armed.Load() {
		s.cell.changed()
	}
}

// Inc counts one.
func (s *FloatStatistic) Inc() { s.Add(1) }

// Dec takes one away.
func (s *FloatStatistic) Dec() { s.Add(-1) }

func (s *FloatStatistic) ok() bool { return s != nil && s.binding != nil }

func (s *FloatStatistic) refuse(n float64) {
	switch {
	case !s.ok():
	case math.IsNaN(n), math.IsInf(n, 0):
		s.definition.report("infinite", fmt.Errorf("count %v: %w: it is not a finite number", n, ErrInvalidValue))
	default:
		s.definition.report("negative", fmt.Errorf("add %v: %w: a monotonic value cannot go down", n, ErrInvalidValue))
	}
}

// Set adds n - Value(), as [Statistic.Set] does. NaN and infinities are
// reported once and ignored.
func (s *FloatStatistic) Set(n float64) {
	switch {
	case !s.ok():
	case math.IsNaN(n), math.IsInf(n, 0):
		s.refuse(n)
	default:
		s.setTo(n)
	}
}

// Value returns the lifetime count of this attribute set: the count of earlier
// runs, as of the declaration, plus that of this run.
func (s *FloatStatistic) Value() float64 {
	if !s.ok() {
		return 0
	}
	return s.value()
}

// SinceStart returns what this run counted for this attribute set.
func (s *FloatStatistic) SinceStart() float64 {
	if !s.ok() {
		return 0
	}
	return s.sinceStart()
}

// Sum returns the lifetime count of all attribute sets together.
func (s *FloatStatistic) Sum() float64 {
	if !s.ok() {
		return 0
	}
	return s.sum()
}

// With returns the FloatStatistic bound to attributes, as [Statistic.With]
// does.
func (s *FloatStatistic) With(attrs ...attribute.KeyValue) *FloatStatistic {
	if !s.ok() || len(attrs) == 0 {
		return s
	}
	return floatStatistic(s.base, s.definition, s.merged(attrs))
}

// Name returns the name under which the FloatStatistic is reported.
func (s *FloatStatistic) Name() string {
	if !s.ok() {
		return ""
	}
	return s.definition.name
}

// Kind returns [KindStatistic].
func (s *FloatStatistic) Kind() Kind { return KindStatistic }

// Description returns what [WithDescription] said.
func (s *FloatStatistic) Description() string {
	if !s.ok() {
		return ""
	}
	return s.definition.options().description
}

// String returns the name and the value: "gold: 56.75".
func (s *FloatStatistic) String() string {
	if !s.ok() {
		return ""
	}
	return s.string()
}

func (s *FloatStatistic) sealed()            {}
func (s *FloatStatistic) about() *definition { return s.definition }
func (s *FloatStatistic) reset()             { s.resetAll() }

func (s *FloatStatistic) measure(yield func(label string, m peek.Measure)) {
	s.eachValue(func(label string, f float64) { yield(label, peek.Measure{Kind: peek.FloatStatistic, Float: f}) })
}

func (s *FloatStatistic) connect(to *connection) error {
	join := func(shared *floatCounts, earlier earlierRuns) (*floatCounts, changes, error) {
		return s.base.join(s.definition, shared, addFloat, earlier)
	}
	return connect(to, s.definition, to.registry.floats, join, createFloat64(s.definition))
}
