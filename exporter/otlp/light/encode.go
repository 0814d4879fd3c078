package light

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlpbody"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlphttp"
)

// Encode returns the body that [Exporter.Export] sends for rm, before
// compression: an opentelemetry.proto.collector.metrics.v1
// ExportMetricsServiceRequest in protobuf's binary form. It does not use the
// network. rm is neither changed nor kept. It returns an error if rm is nil or
// cannot be encoded.
func Encode(rm *metricdata.ResourceMetrics) ([]byte, error) {
	if rm == nil {
		return nil, errors.New("encode metrics: nil was given")
	}
	if _, err := otlphttp.Inspect(rm); err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	body, err := otlpbody.Encode(rm)
	if err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	return body, nil
}
