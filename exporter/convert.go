package exporter

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

func sum[N int64 | float64](c *collection, scope instrumentation.Scope, m *metricdata.Metrics, data metricdata.Sum[N]) {
	if !c.cumulative(m, data.Temporality) {
		return
	}
	found := c.find(scope, m, localstore.TypeSum, data.IsMonotonic, isFloat[N](), nil)
	points := data.DataPoints
	if isFloat[N]() {
		points = slices.DeleteFunc(slices.Clone(points), func(p metricdata.DataPoint[N]) bool { return !c.finite(m, float64(p.Value)) })
	}
	c.points(found, len(points), func(i int) (attribute.Set, localstore.Value, time.Time) {
		p := &points[i]
		value, _ := number(c, m, p.Value)
		return p.Attributes, value, p.StartTime
	})
}

func histogram[N int64 | float64](c *collection, scope instrumentation.Scope, m *metricdata.Metrics, data metricdata.Histogram[N]) {
	if !c.cumulative(m, data.Temporality) {
		return
	}
	// Points of one instrument share their boundaries; should they ever not,
	// each set of boundaries is a metric of its own.
	var order []*knownMetric
	points := make(map[*knownMetric][]*metricdata.HistogramDataPoint[N], 1)
	for i := range data.DataPoints {
		p := &data.DataPoints[i]
		if !c.finite(m, float64(p.Sum)) || len(p.BucketCounts) != len(p.Bounds)+1 {
			continue
		}
		found := c.find(scope, m, localstore.TypeHistogram, false, true, p.Bounds)
		if points[found] == nil {
			order = append(order, found)
		}
		points[found] = append(points[found], p)
	}
	for _, found := range order {
		c.points(found, len(points[found]), func(i int) (attribute.Set, localstore.Value, time.Time) {
			p := points[found][i]
			return p.Attributes, localstore.HistogramValue(&localstore.Histogram{
				Count: p.Count, Sum: float64(p.Sum), Bounds: found.handle.Bounds, Buckets: slices.Clone(p.BucketCounts),
			}), p.StartTime
		})
	}
}

func exponential[N int64 | float64](c *collection, scope instrumentation.Scope, m *metricdata.Metrics, data metricdata.ExponentialHistogram[N]) {
	if !c.cumulative(m, data.Temporality) {
		return
	}
	found := c.find(scope, m, localstore.TypeExponential, false, true, nil)
	points := slices.DeleteFunc(slices.Clone(data.DataPoints), func(p metricdata.ExponentialHistogramDataPoint[N]) bool {
		return !c.finite(m, float64(p.Sum))
	})
	c.points(found, len(points), func(i int) (attribute.Set, localstore.Value, time.Time) {
		p := &points[i]
		return p.Attributes, localstore.ExponentialValue(&localstore.ExponentialHistogram{
			Count: p.Count, Sum: float64(p.Sum), Scale: p.Scale, ZeroCount: p.ZeroCount, ZeroThreshold: p.ZeroThreshold,
			Positive: buckets(p.PositiveBucket), Negative: buckets(p.NegativeBucket),
		}), p.StartTime
	})
}

func buckets(b metricdata.ExponentialBucket) localstore.ExponentialBuckets {
	return localstore.ExponentialBuckets{Offset: b.Offset, Counts: slices.Clone(b.Counts)}
}
