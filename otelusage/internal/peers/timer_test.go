package peers

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// BenchmarkTimer measures a task that does nothing, with the same buckets.
func BenchmarkTimer(b *testing.B) {
	timer := must(tracker.Timer("task"))
	sdk := must(meter.Float64Histogram("task", metric.WithExplicitBucketBoundaries(otelusage.TimerBoundaries()...)))
	prom := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "task", Buckets: otelusage.TimerBoundaries()})
	each(b,
		way{"Timer", func() { timer.Begin().Stop() }},
		way{"SDK", func() {
			begun := time.Now()
			sdk.Record(ctx, time.Since(begun).Seconds())
		}},
		way{"Prometheus", func() { prometheus.NewTimer(prom).ObserveDuration() }},
	)
}
