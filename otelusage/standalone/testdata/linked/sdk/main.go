// Command sdk links OpenTelemetry's SDK for metrics, and starts nothing.
package main

import (
	"context"
	"os"

	"go.opentelemetry.io/otel/sdk/metric"
)

func main() {
	if len(os.Args) == 0 { // as never, which the linker does not know
		provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
		counter, _ := provider.Meter("").Int64Counter("")
		counter.Add(context.Background(), 1)
		_ = provider.Shutdown(context.Background())
	}
}
