// Command otlp is a tool that forwards to an OpenTelemetry Collector.
package main

import (
	"context"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone/testdata/once"
)

func main() {
	once.Count(otlp.New(context.Background(), otlp.WithEndpointURL("https://usage.example.com/v1/metrics")))
}
