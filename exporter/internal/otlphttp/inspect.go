package otlphttp

import (
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Inspect counts the data points of rm. It refuses what otlpmetrichttp would
// leave out while it sends the rest, because half a batch has no outcome.
func Inspect(rm *metricdata.ResourceMetrics) (points int64, err error) {
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			n := 0
			t := metricdata.DeltaTemporality
			switch d := m.Data.(type) {
			case metricdata.Gauge[int64]:
				n = len(d.DataPoints)
			case metricdata.Gauge[float64]:
				n = len(d.DataPoints)
			case metricdata.Sum[int64]:
				n, t = len(d.DataPoints), d.Temporality
			case metricdata.Sum[float64]:
				n, t = len(d.DataPoints), d.Temporality
			case metricdata.Histogram[int64]:
				n, t = len(d.DataPoints), d.Temporality
			case metricdata.Histogram[float64]:
				n, t = len(d.DataPoints), d.Temporality
			case metricdata.ExponentialHistogram[int64]:
				n, t = len(d.DataPoints), d.Temporality
			case metricdata.ExponentialHistogram[float64]:
				n, t = len(d.DataPoints), d.Temporality
			case metricdata.Summary:
				n = len(d.DataPoints)
			default:
				return 0, fmt.Errorf("metric %q: OTLP has no %T", m.Name, m.Data)
			}
			if t != metricdata.DeltaTemporality && t != metricdata.CumulativeTemporality {
				return 0, fmt.Errorf("metric %q: the temporality is neither delta nor cumulative", m.Name)
			}
			points += int64(n)
		}
	}
	return points, nil
}
