// Command light is a tool that forwards to an OpenTelemetry Collector without
// linking gRPC and protobuf.
package main

import (
	"context"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp/light"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone/testdata/once"
)

func main() {
	once.Count(light.New(context.Background(), light.WithEndpointURL("https://usage.example.com/v1/metrics")))
}
