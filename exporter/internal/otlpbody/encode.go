package otlpbody

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Encode returns rm as an opentelemetry.proto.collector.metrics.v1
// ExportMetricsServiceRequest. The numbers are those of OTLP's fields, which are
// written in their order, those that exclude each other last. rm is neither changed nor kept.
func Encode(rm *metricdata.ResourceMetrics) ([]byte, error) {
	if rm == nil {
		return nil, errors.New("nil was given")
	}
	var e encoder
	e.message(1, func() { e.resourceMetrics(rm) })
	if e.err != nil {
		return nil, e.err
	}
	return e.out, nil
}

func (e *encoder) resourceMetrics(rm *metricdata.ResourceMetrics) {
	e.message(1, func() { e.set(1, rm.Resource.Set()) })
	for _, sm := range rm.ScopeMetrics {
		e.message(2, func() { e.scopeMetrics(sm) })
	}
	e.text(3, rm.Resource.SchemaURL())
}

func (e *encoder) scopeMetrics(sm metricdata.ScopeMetrics) {
	e.message(1, func() {
		e.text(1, sm.Scope.Name)
		e.text(2, sm.Scope.Version)
		e.set(3, &sm.Scope.Attributes)
	})
	for _, m := range sm.Metrics {
		e.message(2, func() { e.metric(m) })
	}
	e.text(3, sm.Scope.SchemaURL)
}

func (e *encoder) metric(m metricdata.Metrics) {
	e.text(1, m.Name)
	e.text(2, m.Description)
	e.text(3, m.Unit)
	switch d := m.Data.(type) {
	case metricdata.Gauge[int64]:
		e.message(5, func() { numbers(e, d.DataPoints) })
	case metricdata.Gauge[float64]:
		e.message(5, func() { numbers(e, d.DataPoints) })
	case metricdata.Sum[int64]:
		e.message(7, func() { sum(e, d) })
	case metricdata.Sum[float64]:
		e.message(7, func() { sum(e, d) })
	case metricdata.Histogram[int64]:
		e.message(9, func() { histogram(e, d) })
	case metricdata.Histogram[float64]:
		e.message(9, func() { histogram(e, d) })
	case metricdata.ExponentialHistogram[int64]:
		e.message(10, func() { exponential(e, d) })
	case metricdata.ExponentialHistogram[float64]:
		e.message(10, func() { exponential(e, d) })
	case metricdata.Summary:
		e.message(11, func() { e.summaries(d.DataPoints) })
	default:
		e.fail(fmt.Errorf("metric %q: OTLP has no %T", m.Name, m.Data))
	}
}

// temporality writes OTLP's number of t, which it numbers the other way round.
func (e *encoder) temporality(field uint64, t metricdata.Temporality) {
	switch t {
	case metricdata.DeltaTemporality:
		e.putVarint(field, 1)
	case metricdata.CumulativeTemporality:
		e.putVarint(field, 2)
	default:
		e.fail(errors.New("the temporality is neither delta nor cumulative"))
	}
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) set(field uint64, set *attribute.Set) {
	for it := set.Iter(); it.Next(); {
		e.keyValue(field, it.Attribute())
	}
}

func (e *encoder) keyValues(field uint64, all []attribute.KeyValue) {
	for _, kv := range all {
		e.keyValue(field, kv)
	}
}

func (e *encoder) keyValue(field uint64, kv attribute.KeyValue) {
	e.message(field, func() {
		e.text(1, string(kv.Key))
		e.value(2, kv.Value)
	})
}
