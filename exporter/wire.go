package exporter

import (
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// ResourceMetrics converts a part to what a forwarder's Export takes. A nil part
// gives no metrics. Each call makes a new value, which a forwarder may change. The
// temporality is the one that the forwarder asks for.
func ResourceMetrics(part *series.Part, temporality metricdata.Temporality) *metricdata.ResourceMetrics {
	if part == nil {
		return &metricdata.ResourceMetrics{}
	}
	rm := &metricdata.ResourceMetrics{Resource: resource.NewSchemaless(part.Resource.ToSlice()...)}
	for _, sp := range part.Scopes {
		sm := metricdata.ScopeMetrics{Scope: instrumentation.Scope{
			Name: sp.Scope.Name, Version: sp.Scope.Version, SchemaURL: sp.Scope.SchemaURL, Attributes: sp.Scope.Attributes,
		}}
		for _, mp := range sp.Metrics {
			sm.Metrics = append(sm.Metrics, metricdata.Metrics{
				Name: mp.Metric.Name, Description: mp.Metric.Description, Unit: mp.Metric.Unit,
				Data: aggregation(part, mp, temporality),
			})
		}
		rm.ScopeMetrics = append(rm.ScopeMetrics, sm)
	}
	return rm
}

func aggregation(part *series.Part, mp series.MetricPoints, t metricdata.Temporality) metricdata.Aggregation {
	switch m := mp.Metric; {
	case m.Type == series.TypeHistogram:
		return metricdata.Histogram[float64]{Temporality: t, DataPoints: histogramPoints(part, mp)}
	case m.Type == series.TypeExponential:
		return metricdata.ExponentialHistogram[float64]{Temporality: t, DataPoints: exponentialPoints(part, mp)}
	case m.Type == series.TypeGauge && m.Float:
		return metricdata.Gauge[float64]{DataPoints: dataPoints(part, mp, series.Value.Float64)}
	case m.Type == series.TypeGauge:
		return metricdata.Gauge[int64]{DataPoints: dataPoints(part, mp, series.Value.Int64)}
	case m.Float:
		return metricdata.Sum[float64]{Temporality: t, IsMonotonic: m.Monotonic, DataPoints: dataPoints(part, mp, series.Value.Float64)}
	default:
		return metricdata.Sum[int64]{Temporality: t, IsMonotonic: m.Monotonic, DataPoints: dataPoints(part, mp, series.Value.Int64)}
	}
}

func dataPoints[N int64 | float64](part *series.Part, mp series.MetricPoints, number func(series.Value) N) []metricdata.DataPoint[N] {
	points := make([]metricdata.DataPoint[N], len(mp.Points))
	for i, p := range mp.Points {
		points[i] = metricdata.DataPoint[N]{Attributes: p.Attributes, StartTime: part.Start, Time: part.End, Value: number(p.Value)}
	}
	return points
}

func histogramPoints(part *series.Part, mp series.MetricPoints) []metricdata.HistogramDataPoint[float64] {
	points := make([]metricdata.HistogramDataPoint[float64], len(mp.Points))
	for i, p := range mp.Points {
		h := p.Value.Histogram()
		points[i] = metricdata.HistogramDataPoint[float64]{
			Attributes: p.Attributes, StartTime: part.Start, Time: part.End,
			Count: h.Count, Sum: h.Sum, Bounds: h.Bounds, BucketCounts: h.Buckets,
		}
	}
	return points
}

func exponentialPoints(part *series.Part, mp series.MetricPoints) []metricdata.ExponentialHistogramDataPoint[float64] {
	points := make([]metricdata.ExponentialHistogramDataPoint[float64], len(mp.Points))
	for i, p := range mp.Points {
		h := p.Value.Exponential()
		points[i] = metricdata.ExponentialHistogramDataPoint[float64]{
			Attributes: p.Attributes, StartTime: part.Start, Time: part.End,
			Count: h.Count, Sum: h.Sum, Scale: h.Scale, ZeroCount: h.ZeroCount, ZeroThreshold: h.ZeroThreshold,
			PositiveBucket: metricdata.ExponentialBucket{Offset: h.Positive.Offset, Counts: h.Positive.Counts},
			NegativeBucket: metricdata.ExponentialBucket{Offset: h.Negative.Offset, Counts: h.Negative.Counts},
		}
	}
	return points
}
