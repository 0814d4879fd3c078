package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

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
	var rec recorder
	inner, err := newInner(&rec, DefaultEndpointURL, NoCompression)
	if err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	if err := inner.Export(context.Background(), rm); err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	return rec.body, nil
}

// recorder keeps the body of a request instead of sending it.
type recorder struct{ body []byte }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	defer func() { _ = req.Body.Close() }()
	var err error
	if r.body, err = io.ReadAll(req.Body); err != nil {
		return nil, err
	}
	return otlphttp.Accepted(req), nil
}
