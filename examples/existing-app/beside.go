package main

import (
	"context"
	"errors"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// beside puts usage tracking on the application's provider: one more reader.
// The other readers collect the usage instruments too.
func beside(ctx context.Context, file, endpoint string) (own metricdata.ResourceMetrics, err error) {
	mirror, err := localstore.Open(file)
	if err != nil {
		return own, err
	}
	defer func() { err = errors.Join(err, mirror.Close()) }()
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(endpoint))
	if err != nil {
		return own, err
	}
	exp, err := exporter.New(mirror, exporter.WithForwarder(forwarder))
	if err != nil {
		return own, err
	}

	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(append(applicationOptions(reader),
		sdkmetric.WithReader(exporter.NewReader(exp)))...)
	defer func() { err = errors.Join(err, provider.Shutdown(ctx)) }()

	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(mirror), otelusage.DeclaredOnly())
	if err != nil {
		return own, err
	}
	defer func() { err = errors.Join(err, tracker.Close()) }()

	err = errors.Join(serve(ctx, provider), useFeatures(ctx, tracker))
	// Sent now, for the report; otherwise once an hour.
	return own, errors.Join(err, reader.Collect(ctx, &own), provider.ForceFlush(ctx), exp.Submit(ctx))
}
