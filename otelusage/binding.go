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
type binding[N number] struct {
	definition *definition
	base       *bindings[N]
	set        attribute.Set
	series     atomic.Pointer[series[N]]
	outer      any // the *Statistic or *FloatStatistic around it
}

// bindings are what the bound statistics of one declaration share.
type bindings[N number] struct {
	mu     sync.Mutex
	counts *counts[N]
	bound  byAttributes[binding[N]]
}

// bind returns the binding of an attribute set, made by create where it is new.
func (b *bindings[N]) bind(m *definition, set attribute.Set, create func(*binding[N], *series[N]) any) *binding[N] {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bound.get(set, func(set attribute.Set) *binding[N] {
		s := &binding[N]{definition: m, base: b, set: set}
		series := b.counts.get(set)
		s.series.Store(series)
		s.outer = create(s, series)
		return s
	})
}

// connect joins the counts of the registry, or becomes them.
func (b *bindings[N]) connect(m *definition, e *connection, lifetime func(SeriesLifetime) N, create func(metric.Meter, *counts[N]) error) error {
	e.registry.mu.Lock()
	defer e.registry.mu.Unlock()
	found, err := e.registry.find(m)
	if err != nil {
		return err
	}
	life, known, lerr := e.declare(m)
	lives := make(map[attribute.Distinct]N, len(life.Series))
	for _, s := range life.Series {
		set := normalSet(s.Attributes)
		lives[set.Equivalent()] = plus(lives[set.Equivalent()], lifetime(s))
	}
	var serr error
	b.mu.Lock()
	if found == nil {
		serr = b.counts.restore(lives, known, e.ledger != nil, m.monotonic)
	} else {
		shared := found.(*counts[N])
		var move func(*series[N]) *series[N]
		move, serr = shared.merge(b.counts, lives, known, e.ledger != nil, m.monotonic)
		for _, s := range b.bound.list {
			s.series.Store(move(s.series.Load()))
		}
		b.counts = shared
	}
	counts := b.counts
	b.mu.Unlock()
	if serr != nil {
		serr = fmt.Errorf("%s %q: %w", m.kind, m.name, serr)
	}
	if found == nil {
		err = e.registry.add(m, counts, func(meter metric.Meter) error { return create(meter, counts) })
		if err != nil {
			err = fmt.Errorf("report %s %q: %w", m.kind, m.name, err)
		}
	}
	return errors.Join(lerr, serr, err)
}

func (s *binding[N]) value() N {
	series := s.series.Load()
	series.counts.mu.RLock()
	defer series.counts.mu.RUnlock()
	return series.value()
}

func (s *binding[N]) sinceStart() N {
	series := s.series.Load()
	series.counts.mu.RLock()
	defer series.counts.mu.RUnlock()
	return minus(series.run(), series.forgotten)
}

func (s *binding[N]) sum() N { return s.series.Load().counts.sum() }

func (s *binding[N]) setTo(n N) {
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
		}
		return
	}
}

// current waits for an attachment that is under way, and returns the series
// that is then in place.
func (s *binding[N]) current() *series[N] {
	s.base.mu.Lock()
	defer s.base.mu.Unlock()
	return s.series.Load()
}

func (s *binding[N]) merged(attrs []attribute.KeyValue) attribute.Set {
	set, dropped := mergeSet(s.set, attrs)
	if dropped {
		s.definition.report("attributes", fmt.Errorf("%w: an attribute without key or value was left out", ErrInvalidValue))
	}
	return set
}

func (s *binding[N]) resetAll() { s.series.Load().counts.reset() }

func (s *binding[N]) string() string {
	return fmt.Sprintf("%s%s: %v", s.definition.name, label(s.set), s.value())
}

// eachValue yields every series; the one without attributes only where it says
// something.
func (s *binding[N]) eachValue(yield func(label string, value N)) {
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
func createInt64(m *definition) func(metric.Meter, *counts[int64]) error {
	return func(meter metric.Meter, c *counts[int64]) (err error) {
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
func createFloat64(m *definition) func(metric.Meter, *counts[float64]) error {
	return func(meter metric.Meter, c *counts[float64]) (err error) {
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
