package otlpbody

import (
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// timestamp writes a time. One before 1970, such as the zero time, is left out.
func (e *encoder) timestamp(field uint64, t time.Time) {
	e.fixed(field, uint64(max(0, t.UnixNano())))
}

func sum[N int64 | float64](e *encoder, s metricdata.Sum[N]) {
	numbers(e, s.DataPoints)
	e.temporality(2, s.Temporality)
	e.flag(3, s.IsMonotonic)
}

func histogram[N int64 | float64](e *encoder, h metricdata.Histogram[N]) {
	for _, p := range h.DataPoints {
		e.message(1, func() { histogramPoint(e, p) })
	}
	e.temporality(2, h.Temporality)
}

func exponential[N int64 | float64](e *encoder, h metricdata.ExponentialHistogram[N]) {
	for _, p := range h.DataPoints {
		e.message(1, func() { exponentialPoint(e, p) })
	}
	e.temporality(2, h.Temporality)
}

func numbers[N int64 | float64](e *encoder, points []metricdata.DataPoint[N]) {
	for _, p := range points {
		e.message(1, func() {
			e.timestamp(2, p.StartTime)
			e.timestamp(3, p.Time)
			exemplars(e, 5, p.Exemplars)
			e.set(7, &p.Attributes)
			number(e, 4, p.Value)
		})
	}
}

// number writes a float64 as the field given, and an int64 as field 6.
func number[N int64 | float64](e *encoder, float uint64, v N) {
	switch v := any(v).(type) {
	case float64:
		e.putFloat(float, v)
	case int64:
		e.putFixed(6, uint64(v))
	}
}

func histogramPoint[N int64 | float64](e *encoder, p metricdata.HistogramDataPoint[N]) {
	e.timestamp(2, p.StartTime)
	e.timestamp(3, p.Time)
	e.fixed(4, p.Count)
	e.putFloat(5, float64(p.Sum))
	e.fixeds(6, p.BucketCounts)
	e.floats(7, p.Bounds)
	exemplars(e, 8, p.Exemplars)
	e.set(9, &p.Attributes)
	extreme(e, 11, p.Min)
	extreme(e, 12, p.Max)
}

func exponentialPoint[N int64 | float64](e *encoder, p metricdata.ExponentialHistogramDataPoint[N]) {
	e.set(1, &p.Attributes)
	e.timestamp(2, p.StartTime)
	e.timestamp(3, p.Time)
	e.fixed(4, p.Count)
	e.putFloat(5, float64(p.Sum))
	e.zigzag(6, p.Scale)
	e.fixed(7, p.ZeroCount)
	e.buckets(8, p.PositiveBucket)
	e.buckets(9, p.NegativeBucket)
	exemplars(e, 11, p.Exemplars)
	extreme(e, 12, p.Min)
	extreme(e, 13, p.Max)
	e.float(14, p.ZeroThreshold)
}

func (e *encoder) buckets(field uint64, b metricdata.ExponentialBucket) {
	e.message(field, func() {
		e.zigzag(1, b.Offset)
		e.varints(2, b.Counts)
	})
}

func extreme[N int64 | float64](e *encoder, field uint64, x metricdata.Extrema[N]) {
	if v, ok := x.Value(); ok {
		e.putFloat(field, float64(v))
	}
}

func exemplars[N int64 | float64](e *encoder, field uint64, all []metricdata.Exemplar[N]) {
	for _, x := range all {
		e.message(field, func() {
			e.timestamp(2, x.Time)
			e.bytes(4, x.SpanID)
			e.bytes(5, x.TraceID)
			e.keyValues(7, x.FilteredAttributes)
			number(e, 3, x.Value)
		})
	}
}

func (e *encoder) summaries(points []metricdata.SummaryDataPoint) {
	for _, p := range points {
		e.message(1, func() {
			e.timestamp(2, p.StartTime)
			e.timestamp(3, p.Time)
			e.fixed(4, p.Count)
			e.float(5, p.Sum)
			for _, q := range p.QuantileValues {
				e.message(6, func() {
					e.float(1, q.Quantile)
					e.float(2, q.Value)
				})
			}
			e.set(7, &p.Attributes)
		})
	}
}
