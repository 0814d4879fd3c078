package peers

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/telemetry/counter"
	"golang.org/x/telemetry/counter/countertest"
)

var ctx = context.Background()

// meter is one of the SDK's with one reader.
var meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())).Meter("peers")

// BenchmarkAdd counts without attributes.
func BenchmarkAdd(b *testing.B) {
	var bare atomic.Int64
	statistic := must(tracker.Statistic("add"))
	sdk := must(meter.Int64Counter("add"))
	prom := prometheus.NewCounter(prometheus.CounterOpts{Name: "add"})
	mapped := counter.New("peers/add")
	each(b,
		way{"atomic", func() { bare.Add(1) }},
		way{"Statistic", func() { statistic.Add(1) }},
		way{"SDK", func() { sdk.Add(ctx, 1) }},
		way{"Prometheus", prom.Inc},
		way{"x-telemetry", mapped.Inc},
	)
	if n, err := countertest.ReadCounter(mapped); err != nil || n == 0 {
		b.Errorf("the mapped file holds %d: %v", n, err)
	}
	if statistic.Value() == 0 {
		b.Error("nothing was counted")
	}
}

// BenchmarkAddBound counts with two attributes that are bound once.
func BenchmarkAddBound(b *testing.B) {
	attrs := []attribute.KeyValue{attribute.String("via", "web"), attribute.String("version", "2")}
	statistic := must(tracker.Statistic("add_bound")).With(attrs...)
	sdk, set := must(meter.Int64Counter("add_bound")), metric.WithAttributeSet(attribute.NewSet(attrs...))
	prom := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "add_bound"}, []string{"via", "version"}).WithLabelValues("web", "2")
	mapped := counter.New("peers/add:web-2")
	each(b,
		way{"Statistic", func() { statistic.Add(1) }},
		way{"SDK", func() { sdk.Add(ctx, 1, set) }},
		way{"Prometheus", prom.Inc},
		way{"x-telemetry", mapped.Inc},
	)
}

// BenchmarkAddUnbound counts with two attributes that are given with each count.
func BenchmarkAddUnbound(b *testing.B) {
	statistic := must(tracker.Statistic("add_unbound"))
	sdk := must(meter.Int64Counter("add_unbound"))
	prom := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "add_unbound"}, []string{"via", "version"})
	each(b,
		way{"Statistic", func() {
			statistic.With(attribute.String("via", "web"), attribute.String("version", "2")).Add(1)
		}},
		way{"SDK", func() {
			sdk.Add(ctx, 1, metric.WithAttributes(attribute.String("via", "web"), attribute.String("version", "2")))
		}},
		way{"Prometheus-values", func() { prom.WithLabelValues("web", "2").Inc() }},
		way{"Prometheus-labels", func() { prom.With(prometheus.Labels{"via": "web", "version": "2"}).Inc() }},
	)
}
