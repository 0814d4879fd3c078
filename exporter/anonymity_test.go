package exporter

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// broken is a callback that fails when f does.
func broken(f func() error) metric.Int64ObservableGaugeOption {
	return metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { return f() })
}

// An application that tells its own observability everything tells the mirror
// nothing of it.
func TestNothingOfTheResourceLeaksBeyondTheAllowList(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "user.email=alice@example.com,host.name=alices-laptop,enduser.id=4711,service.namespace=games")
	rich, err := resource.New(t.Context(), resource.WithFromEnv(), resource.WithProcess(), resource.WithHost(), resource.WithOS(),
		resource.WithTelemetrySDK(), resource.WithContainer(),
		resource.WithAttributes(attribute.String("service.name", "game"), attribute.String("service.version", "1.0.0")))
	must(t, err)
	forwarder, path := delta(), filepath.Join(t.TempDir(), "usage.db")
	r := setup{path: path, opts: []Option{WithForwarder(forwarder)}, sdk: []sdkmetric.Option{sdkmetric.WithResource(rich)}}.start(t)
	span := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, SpanID: trace.SpanID{0xfe, 2, 3, 4, 5, 6, 7, 8}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	timer, err := r.tracker.Timer("play")
	must(t, err)
	timer.Record(ctx, 12345)
	r.statistic("n").Inc()
	r.record()
	r.submit()
	var content strings.Builder
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		must(t, err)
		content.Write(b)
	}
	r.end()

	requests := forwarder.requests()
	for i := range rich.Len() {
		kv := rich.Attributes()[i]
		if allowedResourceKey(kv) {
			continue
		}
		for _, text := range []string{string(kv.Key), kv.Value.String()} {
			if len(text) > 3 && !allowedText(rich, text) && strings.Contains(content.String(), text) {
				t.Errorf("the mirror holds %q of %s", text, kv.Key)
			}
		}
		for _, rm := range requests {
			if rm.Resource.Set().HasValue(kv.Key) {
				t.Errorf("%s was sent", kv.Key)
			}
		}
	}
	for _, id := range []string{span.TraceID().String(), span.SpanID().String()} {
		if strings.Contains(content.String(), id) {
			t.Errorf("the mirror holds trace id %s", id)
		}
	}
	for _, rm := range requests {
		if v, _ := rm.Resource.Set().Value("service.version"); v.AsString() != "1.0.0" {
			t.Errorf("service.version is %q, want what is allowed to pass", v.AsString())
		}
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				if h, ok := m.Data.(metricdata.Histogram[float64]); ok && len(h.DataPoints[0].Exemplars) > 0 {
					t.Errorf("%s carries exemplars", m.Name)
				}
			}
		}
	}
}

// allowedText reports whether an attribute that may be known has the text too:
// "linux" is the operating system's type and part of its description.
func allowedText(r *resource.Resource, text string) bool {
	for _, kv := range r.Attributes() {
		if allowedResourceKey(kv) && strings.Contains(kv.Value.String(), text) {
			return true
		}
	}
	return false
}
