package otelusage

import (
	"context"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// durations are the durations of a Timer. After attaching, the trackers of a
// MeterProvider share them.
type durations struct {
	registry *registry
	keeping  keeping

	mu        sync.Mutex // guards what follows and the fields of each series
	series    byAttributes[durationSeries]
	restored  map[attribute.Distinct]measured
	moved     bool // to those of another tracker: whoever finds this looks again
	attached  bool // or found that there is no histogram
	ledger    bool
	histogram metric.Float64Histogram // nil until attached
}

// measured is a number of runs and their total.
type measured struct {
	count int64
	total time.Duration
}

func (m measured) plus(o measured) measured {
	return measured{plus(m.count, o.count), time.Duration(plus(int64(m.total), int64(o.total)))}
}

// durationSeries are the durations of one attribute set. The mutex of its durations
// guards it.
type durationSeries struct {
	set       attribute.Set
	opt       metric.MeasurementOption
	durations *durations

	life measured
	run  measured
	// pending waits for the histogram, in buckets, so that it stays small.
	pending []bucket

	tally *tally // nil where it is not kept
}

// connected records what waited for the histogram. Without one, which could
// not be created, nothing waits any more.
func (t *durations) connected(r *registry) {
	t.registry = r
	t.mu.Lock()
	t.attached = true
	waiting, histogram := t.takePending(nil), t.histogram
	t.mu.Unlock()
	replayAll(waiting, histogram)
}

func createTimer(m *definition) func(metric.Meter, *durations) error {
	return func(meter metric.Meter, t *durations) error {
		histogram, err := meter.Float64Histogram(m.name, metric.WithUnit("s"),
			metric.WithDescription(m.options().description),
			metric.WithExplicitBucketBoundaries(boundaries...))
		t.mu.Lock()
		defer t.mu.Unlock()
		t.histogram = histogram
		return err
	}
}

// get returns the series of a set. A new one is kept before anybody can count in
// it.
func (t *durations) get(set attribute.Set) *durationSeries {
	t.keeping.mu.Lock()
	defer t.keeping.mu.Unlock()
	t.mu.Lock()
	before := len(t.series.list)
	s := t.getLocked(set)
	made := len(t.series.list) > before
	t.mu.Unlock()
	if made {
		_ = s.keep() // it was told of the first ones
	}
	return s
}

func (t *durations) getLocked(set attribute.Set) *durationSeries {
	return t.series.get(set, func(set attribute.Set) *durationSeries {
		key := set.Equivalent()
		s := &durationSeries{set: set, opt: metric.WithAttributeSet(set), durations: t, life: t.restored[key]}
		delete(t.restored, key)
		return s
	})
}

// record counts d; ok is false where the series has moved. The histogram is
// called without the lock and without the caller's context, whose trace would
// come along as an exemplar. A Keeper is told before, lest more is collected than
// is kept.
func (s *durationSeries) record(d time.Duration) (ok bool) {
	t := s.durations
	t.mu.Lock()
	if t.moved {
		t.mu.Unlock()
		return false
	}
	s.run = s.run.plus(measured{1, d})
	histogram := t.histogram
	if histogram == nil && !t.attached {
		if s.pending == nil {
			s.pending = make([]bucket, len(boundaries)+1)
		}
		b := &s.pending[bucketOf(d.Seconds())]
		b.n++
		b.seconds += d.Seconds()
	}
	tally := s.tally
	armed := false
	if tally != nil {
		tally.add(bucketOf(d.Seconds()), 1, d.Seconds())
		armed = tally.gate.armed
	}
	t.mu.Unlock()
	if armed {
		tally.gate.tell()
	}
	if histogram != nil {
		histogram.Record(context.Background(), d.Seconds(), s.opt)
	}
	return true
}

func (s *durationSeries) measured() measured {
	s.durations.mu.Lock()
	defer s.durations.mu.Unlock()
	return s.life.plus(s.run)
}

// restore takes over lifetimes, once. t.mu is held.
func (t *durations) restore(lives map[attribute.Distinct]measured, ledger bool) {
	if t.ledger || !ledger {
		return
	}
	t.ledger, t.restored = true, lives
	for _, s := range t.series.list {
		key := s.set.Equivalent()
		s.life = s.life.plus(lives[key])
		delete(lives, key)
	}
}

// replay records what waited, each as the mean of its bucket: count, buckets
// and sum come out right.
type replay struct {
	opt     metric.MeasurementOption
	buckets []bucket
}

// takePending returns what waits and forgets it. It is recorded for the series that
// took the place of its own, if one did. t.mu is held.
func (t *durations) takePending(to map[*durationSeries]*durationSeries) (list []replay) {
	for _, s := range t.series.list {
		if s.pending == nil {
			continue
		}
		as := s
		if to[s] != nil {
			as = to[s]
		}
		list = append(list, replay{as.opt, s.pending})
		s.pending = nil
	}
	return list
}

// addPending lets more wait. The mutex of the durations is held.
func (s *durationSeries) addPending(pending []bucket) {
	if s.pending == nil {
		s.pending = make([]bucket, len(boundaries)+1)
	}
	for i, b := range pending {
		s.pending[i].n += b.n
		s.pending[i].seconds += b.seconds
	}
}

func replayAll(list []replay, histogram metric.Float64Histogram) {
	if histogram == nil {
		return
	}
	for _, r := range list {
		for i, b := range r.buckets {
			for mean := b.mean(i); b.n > 0; b.n-- {
				histogram.Record(context.Background(), mean, r.opt)
			}
		}
	}
}

// merge adds what another tracker, or this one, measured before it was attached. Both
// mutexes are held.
func (t *durations) merge(other *durations, fold folding) (to map[*durationSeries]*durationSeries, changed changes) {
	to = make(map[*durationSeries]*durationSeries, len(other.series.list))
	for _, s := range other.series.list {
		mine := t.getLocked(fold.recorded(s.set))
		if !t.attached && s.pending != nil { // it goes on waiting
			mine.addPending(s.pending)
			s.pending = nil
		}
		mine.run = mine.run.plus(s.run)
		if mine.tally != nil {
			mine.tally.addPending(s.pending)
			changed = append(changed, &mine.tally.gate.keptSeries)
		}
		to[s] = mine
	}
	other.moved = true
	return to, changed
}

func (t *durations) reset() {
	t.mu.Lock()
	t.restored = nil
	var changed changes
	for _, s := range t.series.list {
		if s.tally != nil && s.pending != nil { // the histogram does not get it
			s.tally.take(s.pending)
			changed = append(changed, &s.tally.gate.keptSeries)
		}
		s.life, s.run, s.pending = measured{}, measured{}, nil
	}
	t.mu.Unlock()
	changed.tell()
}

// seconds converts what a mirror holds.
func seconds(s float64) time.Duration {
	if math.IsNaN(s) {
		return 0
	}
	ns := math.Round(s * float64(time.Second))
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(max(ns, 0))
}
