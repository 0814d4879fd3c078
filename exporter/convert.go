package exporter

import (
	"slices"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

func sum[N int64 | float64](c *collection, scope instrumentation.Scope, m *metricdata.Metrics, data metricdata.Sum[N]) {
	if !c.cumulative(m, data.Temporality) {
		return
	}
	found := c.find(scope, m, series.TypeSum, data.IsMonotonic, isFloat[N](), nil)
	for i := range data.DataPoints {
		p := &data.DataPoints[i]
		if value, ok := number(c, m, p.Value); ok {
			c.change(found, point{c.stream(found, p.Attributes), value, p.StartTime})
		}
	}
}

func histogram[N int64 | float64](c *collection, scope instrumentation.Scope, m *metricdata.Metrics, data metricdata.Histogram[N]) {
	if !c.cumulative(m, data.Temporality) {
		return
	}
	for i := range data.DataPoints {
		p := &data.DataPoints[i]
		if !c.fits(m, len(p.BucketCounts)) || !c.finite(m, float64(p.Sum)) || !c.finite(m, p.Bounds...) || len(p.BucketCounts) != len(p.Bounds)+1 {
			continue
		}
		found := c.find(scope, m, series.TypeHistogram, false, true, p.Bounds)
		c.change(found, point{c.stream(found, p.Attributes), series.HistogramValue(&series.Histogram{
			Count: p.Count, Sum: float64(p.Sum), Bounds: found.handle.Bounds, Buckets: slices.Clone(p.BucketCounts),
		}), p.StartTime})
	}
}

func exponential[N int64 | float64](c *collection, scope instrumentation.Scope, m *metricdata.Metrics, data metricdata.ExponentialHistogram[N]) {
	if !c.cumulative(m, data.Temporality) {
		return
	}
	found := c.find(scope, m, series.TypeExponential, false, true, nil)
	for i := range data.DataPoints {
		p := &data.DataPoints[i]
		if !c.fits(m, len(p.PositiveBucket.Counts)+len(p.NegativeBucket.Counts)) || !c.finite(m, float64(p.Sum)) {
			continue
		}
		c.change(found, point{c.stream(found, p.Attributes), series.ExponentialValue(&series.ExponentialHistogram{
			Count: p.Count, Sum: float64(p.Sum), Scale: p.Scale, ZeroCount: p.ZeroCount, ZeroThreshold: p.ZeroThreshold,
			Positive: buckets(p.PositiveBucket), Negative: buckets(p.NegativeBucket),
		}), p.StartTime})
	}
}

func buckets(b metricdata.ExponentialBucket) series.ExponentialBuckets {
	return series.ExponentialBuckets{Offset: b.Offset, Counts: slices.Clone(b.Counts)}
}
