package receiver

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// Point is a data point in a form that is easy to print.
type Point struct {
	Kind        string // the scope attribute otelusage.kind
	Metric      string
	Attributes  string // "state=Avalon"; several are separated by commas
	Temporality string // delta or cumulative; gauge if it has none

	Int        int64   // of an int64 number
	Float      float64 // of a float64 number; the sum of a histogram
	Count      uint64  // of a histogram
	Histogram  bool
	Start, End time.Time // Start is zero for a gauge
}

// Value returns the value as text: "+2" for a delta, "7" for a gauge, and
// count and sum of a histogram: "+1 (sum 2700)".
func (p Point) Value() string {
	sign := ""
	if p.Temporality == delta {
		sign = "+"
	}
	if p.Histogram {
		return fmt.Sprintf("%s%d (sum %g)", sign, p.Count, p.Float)
	}
	if sign != "" && (p.Int < 0 || p.Float < 0) {
		sign = ""
	}
	if p.Float != 0 {
		return sign + strconv.FormatFloat(p.Float, 'g', -1, 64)
	}
	return sign + strconv.FormatInt(p.Int, 10)
}

const (
	delta      = "delta"
	cumulative = "cumulative"
	gauge      = "gauge"
)

const kindKey = "otelusage.kind"

// Points returns all points in the order in which they were received.
func (r *Receiver) Points() []Point {
	var points []Point
	for _, request := range r.Requests() {
		for _, resource := range request.GetResourceMetrics() {
			for _, scope := range resource.GetScopeMetrics() {
				var kind string
				for _, kv := range scope.GetScope().GetAttributes() {
					if kv.GetKey() == kindKey {
						kind = text(kv.GetValue())
					}
				}
				for _, m := range scope.GetMetrics() {
					points = append(points, pointsOf(kind, m)...)
				}
			}
		}
	}
	return points
}

func pointsOf(kind string, m *metricspb.Metric) (points []Point) {
	add := func(temporality string, dp dataPoint) *Point {
		points = append(points, Point{
			Kind: kind, Metric: m.GetName(), Attributes: attributes(dp.GetAttributes()), Temporality: temporality,
			Start: instant(dp.GetStartTimeUnixNano()), End: instant(dp.GetTimeUnixNano()),
		})
		return &points[len(points)-1]
	}
	for _, dp := range m.GetGauge().GetDataPoints() {
		p := add(gauge, dp)
		p.Int, p.Float, p.Start = dp.GetAsInt(), dp.GetAsDouble(), time.Time{}
	}
	for _, dp := range m.GetSum().GetDataPoints() {
		p := add(temporality(m.GetSum()), dp)
		p.Int, p.Float = dp.GetAsInt(), dp.GetAsDouble()
	}
	for _, dp := range m.GetHistogram().GetDataPoints() {
		p := add(temporality(m.GetHistogram()), dp)
		p.Histogram, p.Count, p.Float = true, dp.GetCount(), dp.GetSum()
	}
	for _, dp := range m.GetExponentialHistogram().GetDataPoints() {
		p := add(temporality(m.GetExponentialHistogram()), dp)
		p.Histogram, p.Count, p.Float = true, dp.GetCount(), dp.GetSum()
	}
	return points
}

// dataPoint is what the points of all types have in common.
type dataPoint interface {
	GetAttributes() []*commonpb.KeyValue
	GetStartTimeUnixNano() uint64
	GetTimeUnixNano() uint64
}

func temporality(data interface {
	GetAggregationTemporality() metricspb.AggregationTemporality
}) string {
	if data.GetAggregationTemporality() == metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA {
		return delta
	}
	return cumulative
}

func instant(nanoseconds uint64) time.Time { return time.Unix(0, int64(nanoseconds)).UTC() }

func attributes(list []*commonpb.KeyValue) string {
	texts := make([]string, len(list))
	for i, kv := range list {
		texts[i] = kv.GetKey() + "=" + text(kv.GetValue())
	}
	return strings.Join(texts, ",")
}

func text(v *commonpb.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return strconv.FormatBool(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
	}
	return v.String()
}
