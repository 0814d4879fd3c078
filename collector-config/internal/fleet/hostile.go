package fleet

import (
	"math"
	"math/rand/v2"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// hostile changes a request into one that must not be counted: somebody plays
// with the endpoint, or sends something else to it.
func hostile(r *rand.Rand, request *colmetricpb.ExportMetricsServiceRequest) {
	mess := messes[r.IntN(len(messes))]
	for _, rm := range request.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			if mess.scope != "" {
				sm.Scope.Name = mess.scope
			}
			for _, m := range sm.Metrics {
				spoil(m, mess)
			}
		}
	}
}

// mess describes what is wrong with each number. Times and attributes are unchanged.
type mess struct {
	scope      string
	whole      int64
	real       float64
	cumulative bool
	bounds     bool
	bare       bool // heartbeats without a date
}

var messes = []mess{
	{scope: "go.opentelemetry.io/contrib/instrumentation/runtime", whole: 1, real: 1},
	{whole: math.MaxInt64, real: math.NaN()},
	{whole: math.MinInt64, real: math.Inf(1)},
	{whole: 2_000_000_000, real: 1e300},
	{whole: 1, real: 1, cumulative: true},
	{whole: math.MaxInt64, real: -1e15, bounds: true},
	{whole: math.MaxInt64, real: -1e15, bounds: true, bare: true},
}

func spoil(m *metricspb.Metric, by mess) {
	temporality := delta
	if by.cumulative {
		temporality = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	}
	if s := m.GetSum(); s != nil {
		s.AggregationTemporality = temporality
		for _, p := range s.DataPoints {
			p.Value = &metricspb.NumberDataPoint_AsInt{AsInt: by.whole}
			switch {
			case by.bare && m.Name == active:
				p.Attributes, p.Value = nil, &metricspb.NumberDataPoint_AsInt{AsInt: 1}
			case m.Name == distance:
				p.Value = &metricspb.NumberDataPoint_AsDouble{AsDouble: by.real}
			}
		}
	}
	if h := m.GetHistogram(); h != nil {
		h.AggregationTemporality = temporality
		for _, p := range h.DataPoints {
			switch {
			case by.bounds:
				p.ExplicitBounds = append([]float64{0.0005}, otelusage.TimerBoundaries()[1:]...)
			case by.whole != 1:
				p.Sum = &by.real
			}
		}
	}
}
