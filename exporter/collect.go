package exporter

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// metricKey is what tells metrics apart, but for histogram boundaries.
type metricKey struct {
	resource                  *series.Resource
	scope, version, schemaURL string
	attributes                attribute.Distinct
	name, unit                string
	typ                       series.MetricType
	monotonic, float          bool
}

// keyOf returns the key under which a metric of the mirror is found again.
func keyOf(r *series.Resource, m *series.Metric) metricKey {
	return metricKey{
		resource: r, scope: m.Scope.Name, version: m.Scope.Version, schemaURL: m.Scope.SchemaURL,
		attributes: m.Scope.Attributes.Equivalent(), name: m.Name, unit: m.Unit, typ: m.Type, monotonic: m.Monotonic, float: m.Float,
	}
}

// knownMetric is a metric that was seen, with its streams.
type knownMetric struct {
	handle  *series.Metric
	streams map[attribute.Distinct]*stream        // by the attributes they come with
	series  map[attribute.Distinct]*series.Series // by those that are let through
	foreign bool                                  // of a scope that WithScopes admitted
	state   bool                                  // the gauge of a State
}

// stream is a stream of the SDK, with its last value that is in the mirror. Streams
// that differ only in attributes that are not let through count into one series,
// each with its own differences.
type stream struct {
	series    *series.Series
	committed series.Value
	start     time.Time
	known     bool // a gauge's committed value, or state, is one
	state     string
	moves     int64              // of a State: how often this run entered one, as recorded
	slot      *recording.Slot    // in the journal, nil where it is not found yet
	slotOf    *recording.Journal // the journal
}

// commit is how a stream stands once a recording is in the mirror.
type commit struct {
	stream *stream
	value  series.Value
	start  time.Time
	state  string
	moves  int64
}

func apply(commits []commit) {
	for _, c := range commits {
		c.stream.committed, c.stream.start, c.stream.state, c.stream.known = c.value, c.start, c.state, true
		c.stream.moves += c.moves
	}
}

// collection is what one export found.
type collection struct {
	e         *Exporter
	resource  *series.Resource
	journal   *recording.Journal
	recording recording.Recording
	commits   []commit
	entries   map[string]int64 // how often States were entered, by name
	gauges    []stateGauge
	problems  []error // to be reported once nothing is locked
}

type stateGauge struct {
	metric *knownMetric
	stream *stream
	name   string
	state  string
}

func (e *Exporter) collect(rm *metricdata.ResourceMetrics) *collection {
	c := &collection{e: e, resource: e.resourceFor(rm.Resource), journal: e.writer.Journal(), entries: make(map[string]int64)}
	e.keeper.Learned(c.resource)
	for i := range rm.ScopeMetrics {
		sm := &rm.ScopeMetrics[i]
		if !e.config.scopes[sm.Scope.Name] {
			continue
		}
		for j := range sm.Metrics {
			c.metric(sm.Scope, &sm.Metrics[j])
		}
	}
	c.moveStates()
	c.checkUncollected()
	return c
}

func (c *collection) metric(scope instrumentation.Scope, m *metricdata.Metrics) {
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		sum(c, scope, m, data)
	case metricdata.Sum[float64]:
		sum(c, scope, m, data)
	case metricdata.Gauge[int64]:
		gauge(c, scope, m, data)
	case metricdata.Gauge[float64]:
		gauge(c, scope, m, data)
	case metricdata.Histogram[int64]:
		histogram(c, scope, m, data)
	case metricdata.Histogram[float64]:
		histogram(c, scope, m, data)
	case metricdata.ExponentialHistogram[int64]:
		exponential(c, scope, m, data)
	case metricdata.ExponentialHistogram[float64]:
		exponential(c, scope, m, data)
	}
}

// cumulative refuses data of a reader with another temporality: after a failed
// export, the next one would not carry the same delta.
func (c *collection) cumulative(m *metricdata.Metrics, t metricdata.Temporality) bool {
	if t == metricdata.CumulativeTemporality {
		return true
	}
	c.problems = append(c.problems, fmt.Errorf("exporter: %q is not recorded: its reader collects %v, want cumulative", m.Name, t))
	return false
}

func (c *collection) find(scope instrumentation.Scope, m *metricdata.Metrics, typ series.MetricType, monotonic, float bool, bounds []float64) *knownMetric {
	key := metricKey{
		resource: c.resource, scope: scope.Name, version: scope.Version, schemaURL: scope.SchemaURL,
		attributes: scope.Attributes.Equivalent(), name: m.Name, unit: m.Unit, typ: typ, monotonic: monotonic, float: float,
	}
	for _, known := range c.e.metrics[key] {
		if slices.Equal(known.handle.Bounds, bounds) {
			return known
		}
	}
	handle := &series.Metric{
		Scope: &series.Scope{Name: scope.Name, Version: scope.Version, SchemaURL: scope.SchemaURL, Attributes: scope.Attributes},
		Name:  m.Name, Unit: m.Unit, Description: m.Description,
		Type: typ, Monotonic: monotonic, Float: float, Bounds: slices.Clone(bounds),
	}
	found := &knownMetric{handle: handle, streams: make(map[attribute.Distinct]*stream),
		series: make(map[attribute.Distinct]*series.Series), foreign: scope.Name != otelusage.ScopeName}
	kind, _ := scope.Attributes.Value(otelusage.KindKey)
	found.state = !found.foreign && typ == series.TypeGauge && kind.AsString() == otelusage.KindState.String()
	c.e.metrics[key] = append(c.e.metrics[key], found)
	return found
}

func (c *collection) stream(m *knownMetric, attributes attribute.Set) *stream {
	key := attributes.Equivalent()
	s := m.streams[key]
	if s == nil {
		s = &stream{series: c.series(m, attributes)}
		m.streams[key] = s
	}
	return s
}

func (c *collection) series(m *knownMetric, attributes attribute.Set) *series.Series {
	if m.foreign {
		attributes, _ = attributes.Filter(func(kv attribute.KeyValue) bool { return c.e.config.keys[kv.Key] })
	}
	key := attributes.Equivalent()
	s := m.series[key]
	if s == nil {
		s = &series.Series{Resource: c.resource, Metric: m.handle, Attributes: attributes}
		m.series[key] = s
	}
	return s
}

// point is the value of one stream in this export.
type point struct {
	stream *stream
	value  series.Value
	start  time.Time
}

// change records what a stream counted since its committed value. A later start
// time, or a monotonic value that fell, means that the stream began anew.
func (c *collection) change(m *knownMetric, p point) {
	s := p.stream
	before := s.committed
	if p.start.After(s.start) && s.known || m.handle.Monotonic && p.value.Less(before) {
		before = series.Value{}
	}
	delta, continues := p.value.Sub(before)
	if !continues {
		delta = p.value
	}
	if delta.IsZero() {
		return
	}
	c.recording.Changes = append(c.recording.Changes, recording.Change{Series: s.series, Delta: delta, Slot: c.slot(m, s)})
	c.commits = append(c.commits, commit{stream: s, value: p.value, start: p.start})
	if base, ok := strings.CutSuffix(m.handle.Name, otelusage.ChangesSuffix); ok && !m.foreign {
		c.entries[base] += delta.Int64()
	}
}

// slot returns a stream's place in the journal, nil where that does not keep it. An
// application's own instruments are in none.
func (c *collection) slot(m *knownMetric, s *stream) *recording.Slot {
	if c.journal == nil || m.foreign {
		return nil
	}
	if s.slot == nil || s.slotOf != c.journal {
		s.slot, s.slotOf = c.journal.Find(s.series), c.journal
	}
	if s.slot == nil {
		c.check(m)
	}
	return s.slot
}

// moveStates records the States that this process moved, or sees for the first
// time. It runs after all metrics, because a State's changes may come after its
// gauge. A state that was set without an entry is an initial state that was
// declared late.
func (c *collection) moveStates() {
	for _, g := range c.gauges {
		changed := g.stream.known && g.stream.state != g.state
		entries := c.entries[g.name]
		moved := entries != 0 || changed && g.stream.state != otelusage.NoState
		if !moved && !changed && g.stream.known {
			continue
		}
		c.recording.Moves = append(c.recording.Moves, recording.Move{
			Series: g.stream.series, State: g.state, Moved: moved, Slot: c.slot(g.metric, g.stream), Entries: entries,
		})
		c.commits = append(c.commits, commit{stream: g.stream, state: g.state, moves: entries})
	}
}

func gauge[N int64 | float64](c *collection, scope instrumentation.Scope, m *metricdata.Metrics, data metricdata.Gauge[N]) {
	found := c.find(scope, m, series.TypeGauge, false, isFloat[N](), nil)
	for i := range data.DataPoints {
		dp := &data.DataPoints[i]
		if found.state {
			v, _ := dp.Attributes.Value(otelusage.StateKey)
			c.gauges = append(c.gauges, stateGauge{found, c.stream(found, *attribute.EmptySet()), m.Name, v.AsString()})
			continue
		}
		value, ok := number(c, m, dp.Value)
		if !ok {
			continue
		}
		s := c.stream(found, dp.Attributes)
		if s.known && s.committed.Equal(value) {
			continue
		}
		c.recording.Gauges = append(c.recording.Gauges, recording.Gauge{Series: s.series, Value: value})
		c.commits = append(c.commits, commit{stream: s, value: value})
	}
}

func isFloat[N int64 | float64]() bool {
	var n N
	_, ok := any(n).(float64)
	return ok
}

// number converts a point's value. A value that is not finite is left out: one in
// a sum would spoil that sum for ever, here and at the receiver.
func number[N int64 | float64](c *collection, m *metricdata.Metrics, n N) (series.Value, bool) {
	switch v := any(n).(type) {
	case int64:
		return series.Int64Value(v), true
	case float64:
		if c.finite(m, v) {
			return series.Float64Value(v), true
		}
	}
	return series.Value{}, false
}

func (c *collection) finite(m *metricdata.Metrics, numbers ...float64) bool {
	for _, f := range numbers {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			c.problems = append(c.problems, fmt.Errorf("exporter: %q has a value or boundary that is not finite: it is not recorded", m.Name))
			return false
		}
	}
	return true
}

// maxBuckets keeps a histogram's value shorter than what a mirror takes for
// damage.
const maxBuckets = 10_000

func (c *collection) fits(m *metricdata.Metrics, buckets int) bool {
	if buckets <= maxBuckets {
		return true
	}
	c.problems = append(c.problems, fmt.Errorf("exporter: %q has a histogram of %d buckets, more than %d: it is not recorded", m.Name, buckets, maxBuckets))
	return false
}
