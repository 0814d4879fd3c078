package series

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Part is what one request carries: the points of one resource. It is read
// from the mirror each time it is sent, so that nothing a sender does to it
// changes the next attempt.
type Part struct {
	ID, Batch  int64 // 0 for shared totals, which are not sealed
	Resource   attribute.Set
	Start, End time.Time
	Scopes     []ScopePoints
}

// ScopePoints are the points of one instrumentation scope.
type ScopePoints struct {
	Scope   Scope
	Metrics []MetricPoints
}

// MetricPoints are the points of one metric.
type MetricPoints struct {
	Metric Metric
	Points []Point
}

// Point is one series' value in a part.
type Point struct {
	Attributes attribute.Set
	Value      Value
}

// Points returns how many points the part holds.
func (p *Part) Points() int {
	if p == nil {
		return 0
	}
	n := 0
	for _, s := range p.Scopes {
		for _, m := range s.Metrics {
			n += len(m.Points)
		}
	}
	return n
}
