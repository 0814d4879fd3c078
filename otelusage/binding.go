package otelusage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// binding is what Statistic and FloatStatistic do off the hot path, for one
// attribute set.
type binding[N number, C cellOf[N], S any] struct {
	definition *definition
	base       *bindings[N, C, S]
	set        attribute.Set
	series     atomic.Pointer[series[N, C]]
	outer      *S // the *Statistic or *FloatStatistic around it
}

// bindings are what the bound statistics of one declaration share.
type bindings[N number, C cellOf[N], S any] struct {
	// mu is held while an attachment moves the bound statistics, and taken
	// before that of the counts.
	mu     sync.Mutex
	counts *counts[N, C]
	bound  byAttributes[binding[N, C, S]]
}

// bind returns the binding of an attribute set, made by create where it is new.
func (b *bindings[N, C, S]) bind(m *definition, set attribute.Set, create func(*binding[N, C, S], *series[N, C]) *S) *binding[N, C, S] {
	b.mu.Lock()
	set, wrong := m.folding().set(set)
	bound := b.bindLocked(m, set, create)
	b.mu.Unlock()
	m.reportUndeclared(wrong)
	return bound
}

func (b *bindings[N, C, S]) bindLocked(m *definition, set attribute.Set, create func(*binding[N, C, S], *series[N, C]) *S) *binding[N, C, S] {
	return b.bound.get(set, func(set attribute.Set) *binding[N, C, S] {
		s := &binding[N, C, S]{definition: m, base: b, set: set}
		series := b.counts.get(set)
		s.series.Store(series)
		s.outer = create(s, series)
		return s
	})
}

// join makes the bound statistics use shared, or their own counts where it is
// nil. Own counts of what was not declared move to fresh ones.
func (b *bindings[N, C, S]) join(m *definition, shared *counts[N, C], add func(N, SeriesLifetime) N, earlier earlierRuns) (*counts[N, C], changes, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fold := m.folding()
	lives := bySet(earlier.Series, fold, add)
	undeclared := fold.early(setsOf(b.counts.all()))
	if shared == nil && undeclared == nil {
		return b.counts, nil, b.counts.restore(lives, earlier, m.monotonic)
	}
	if shared == nil {
		shared = newCounts(b.counts.newCell)
		_ = shared.restore(lives, earlier, m.monotonic) // nothing was set in it
	}
	move, changed, err := shared.merge(b.counts, fold, lives, earlier, m.monotonic)
	err = errors.Join(undeclared, err)
	for _, s := range b.bound.list {
		s.series.Store(move(s.series.Load()))
	}
	b.counts = shared
	return shared, changed, err
}

func (s *binding[N, C, S]) value() N {
	series := s.series.Load()
	series.counts.mu.RLock()
	defer series.counts.mu.RUnlock()
	return series.value()
}

func (s *binding[N, C, S]) sinceStart() N {
	series := s.series.Load()
	series.counts.mu.RLock()
	defer series.counts.mu.RUnlock()
	return minus(series.run(), series.forgotten)
}

func (s *binding[N, C, S]) sum() N { return s.series.Load().counts.sum() }

func (s *binding[N, C, S]) setTo(n N) {
	for series := s.series.Load(); ; series = s.current() {
		c := series.counts
		c.mu.Lock()
		if c.moved { // attached in between
			c.mu.Unlock()
			continue
		}
		err := series.setTo(n, s.definition.monotonic)
		c.mu.Unlock()
		if err != nil {
			s.definition.report("set", err)
			return
		}
		series.cells.first().changed()
		return
	}
}

// current waits for an attachment that is under way, and returns the series
// that is then in place.
func (s *binding[N, C, S]) current() *series[N, C] {
	s.base.mu.Lock()
	defer s.base.mu.Unlock()
	return s.series.Load()
}

func (s *binding[N, C, S]) merged(attrs []attribute.KeyValue) attribute.Set {
	set, dropped := mergeSet(s.set, attrs)
	if dropped {
		s.definition.report("attributes", fmt.Errorf("%w: an attribute without key or value was left out", ErrInvalidValue))
	}
	return set
}

func (s *binding[N, C, S]) resetAll() { s.series.Load().counts.reset() }

func (s *binding[N, C, S]) string() string {
	return fmt.Sprintf("%s%s: %v", s.definition.name, label(s.set), s.value())
}

// eachValue yields every series; the one without attributes only where it says
// something.
func (s *binding[N, C, S]) eachValue(yield func(label string, value N)) {
	c := s.series.Load().counts
	c.mu.RLock()
	list := slices.Clone(c.series.list)
	values := make([]N, len(list))
	for i, series := range list {
		values[i] = series.value()
	}
	c.mu.RUnlock()
	for i, series := range list {
		if series.set.Len() > 0 || values[i] != 0 || len(list) == 1 {
			yield(s.definition.name+label(series.set), values[i])
		}
	}
}

// createInt64 reports counts by an observable instrument.
func createInt64(m *definition) func(metric.Meter, *intCounts) error {
	return func(meter metric.Meter, c *intCounts) (err error) {
		o := m.options()
		var inst metric.Int64Observable
		if m.monotonic {
			inst, err = meter.Int64ObservableCounter(m.name, metric.WithDescription(o.description), metric.WithUnit(o.unit))
		} else {
			inst, err = meter.Int64ObservableUpDownCounter(m.name, metric.WithDescription(o.description), metric.WithUnit(o.unit))
		}
		if err != nil {
			return err
		}
		_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
			c.observe(func(n int64, opt metric.MeasurementOption) { to.ObserveInt64(inst, n, opt) })
			return nil
		}, inst)
		return err
	}
}

// createFloat64 reports counts by an observable instrument.
func createFloat64(m *definition) func(metric.Meter, *floatCounts) error {
	return func(meter metric.Meter, c *floatCounts) (err error) {
		o := m.options()
		var inst metric.Float64Observable
		if m.monotonic {
			inst, err = meter.Float64ObservableCounter(m.name, metric.WithDescription(o.description), metric.WithUnit(o.unit))
		} else {
			inst, err = meter.Float64ObservableUpDownCounter(m.name, metric.WithDescription(o.description), metric.WithUnit(o.unit))
		}
		if err != nil {
			return err
		}
		_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
			c.observe(func(n float64, opt metric.MeasurementOption) { to.ObserveFloat64(inst, n, opt) })
			return nil
		}, inst)
		return err
	}
}
