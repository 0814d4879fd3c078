package otlp

import (
	"encoding/json"
	"strings"
	"testing"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func TestEncodeJSONSaysWhatIsSent(t *testing.T) {
	rm := delta(1, 1<<53+1)
	text, err := EncodeJSON(rm)
	if err != nil {
		t.Fatal(err)
	}
	var got, want colmetricpb.ExportMetricsServiceRequest
	if err := protojson.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	body, err := Encode(rm)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(body, &want); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(&got, &want) {
		t.Errorf("JSON says %v, protobuf %v", &got, &want)
	}
	for _, part := range []string{`"aggregationTemporality":1`, `"asInt":"9007199254740993"`} { // as OTLP demands
		if !strings.Contains(string(text), part) {
			t.Errorf("%s misses %s", text, part)
		}
	}
	if !json.Valid(text) || strings.ContainsAny(string(text), "\n\t") {
		t.Errorf("not compact: %s", text)
	}
}

func TestEncodeJSONRefusesWhatEncodeDoes(t *testing.T) {
	if _, err := EncodeJSON(nil); err == nil {
		t.Error("EncodeJSON takes nil")
	}
}
