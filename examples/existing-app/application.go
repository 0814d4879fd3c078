package main

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// scopeName is the scope of the application's own instruments.
const scopeName = "example.com/reports"

// Usage tracking must not record these.
var request = metric.WithAttributes(attribute.String("route", "/export"), attribute.String("user.name", "ada"))

// applicationOptions are the options of the application's provider.
func applicationOptions(reader sdkmetric.Reader) []sdkmetric.Option {
	return []sdkmetric.Option{
		sdkmetric.WithReader(reader),
		sdkmetric.WithResource(resource.NewSchemaless(
			semconv.ServiceName("reports"), semconv.ServiceVersion("3.1.0"),
			semconv.HostName("adas-laptop"), semconv.ProcessOwner("ada"),
		)),
		sdkmetric.WithView(sdkmetric.NewView(
			sdkmetric.Instrument{Name: "http.server.request.duration"},
			sdkmetric.Stream{
				Aggregation:     sdkmetric.AggregationExplicitBucketHistogram{Boundaries: []float64{0.1, 1, 10}},
				AttributeFilter: attribute.NewDenyKeysFilter("user.name"),
			},
		)),
	}
}

// serve uses the application's own instruments.
func serve(ctx context.Context, provider metric.MeterProvider) error {
	meter := provider.Meter(scopeName)
	requests, err := meter.Int64Counter("http.server.requests")
	duration, err2 := meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"))
	_, err3 := meter.Int64ObservableGauge("jobs.waiting", metric.WithInt64Callback(
		func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(7)
			return nil
		}))
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	for _, seconds := range []float64{0.25, 0.5, 2} {
		requests.Add(ctx, 1, request)
		duration.Record(ctx, seconds, request)
	}
	return nil
}

// alone runs the application without usage tracking.
func alone(ctx context.Context, _, _ string) (own metricdata.ResourceMetrics, err error) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(applicationOptions(reader)...)
	err = serve(ctx, provider)
	return own, errors.Join(err, reader.Collect(ctx, &own), provider.Shutdown(ctx))
}
