package main

import (
	"context"
	"errors"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

func config(file string, forwarder sdkmetric.Exporter, tracker *otelusage.Tracker) standalone.Config {
	return standalone.Config{
		FilePath: file, ApplicationName: "reports", ApplicationVersion: "3.1.0", DeclaredOnly: true, Forwarder: forwarder, Tracker: tracker,
	}
}

// apart gives usage tracking its own provider. The application's provider and
// its readers do not see it.
func apart(ctx context.Context, file, endpoint string) (own metricdata.ResourceMetrics, err error) {
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(endpoint))
	if err != nil {
		return own, err
	}
	usage, err := standalone.Start(ctx, config(file, forwarder, new(otelusage.Tracker)))
	if err != nil {
		return own, err
	}
	defer func() { err = errors.Join(err, usage.Close()) }()

	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(applicationOptions(reader)...)
	defer func() { err = errors.Join(err, provider.Shutdown(ctx)) }()

	err = errors.Join(serve(ctx, provider), useFeatures(ctx, usage.Tracker()))
	return own, errors.Join(err, reader.Collect(ctx, &own), usage.Submit(ctx))
}
