package otlp

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// EncodeJSON returns the same request as [Encode] in OTLP's JSON encoding, for
// people to read: [Exporter.Export] sends the binary form. As OTLP requires,
// enumerations are numbers and 64-bit integers are strings. Its errors are those
// of Encode.
func EncodeJSON(rm *metricdata.ResourceMetrics) ([]byte, error) {
	body, err := Encode(rm)
	if err != nil {
		return nil, err
	}
	var m colmetricpb.ExportMetricsServiceRequest
	if err := proto.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	text, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	var compact bytes.Buffer // protojson spaces at random
	if err := json.Compact(&compact, text); err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	return compact.Bytes(), nil
}
