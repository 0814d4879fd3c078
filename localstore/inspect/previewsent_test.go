package inspect

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
)

// receiver keeps the bodies of requests and answers them as told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer int
	text   string
	bodies [][]byte
}

func startReceiver(t *testing.T, text string) *receiver {
	t.Helper()
	r := &receiver{answer: http.StatusOK, text: text}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bodies = append(r.bodies, body)
		w.WriteHeader(r.answer)
		_, _ = io.WriteString(w, r.text)
	}))
	t.Cleanup(r.Close)
	return r
}

// take returns the requests since it was called last, and sets the next answer.
func (r *receiver) take(answer int) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	bodies := r.bodies
	r.bodies, r.answer = nil, answer
	return bodies
}

// submitting returns an exporter of the recorder's mirror that submits when told.
func (r *recorder) submitting(forwarder sdkmetric.Exporter) *exporter.Exporter {
	r.t.Helper()
	r.writer.Close()
	e, err := exporter.New(r.store, exporter.WithForwarder(forwarder), exporter.WithSubmitInterval(10_000*time.Hour),
		exporter.WithResource(resource.NewSchemaless(resourceOf("2.0").Attributes.ToSlice()...)), exporter.WithErrorHandler(func(error) {}))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := e.Shutdown(r.t.Context()); err != nil && r.t.Context().Err() == nil {
			r.t.Error(err)
		}
	})
	return e
}

// previewed returns the requests that preview shows.
func (r *recorder) previewed() []*colmetricpb.ExportMetricsServiceRequest {
	r.t.Helper()
	got := r.run("preview", "--as", "otlp")
	if got.code != exitDone {
		r.t.Fatal(got.errors)
	}
	var list []*colmetricpb.ExportMetricsServiceRequest
	for d := json.NewDecoder(strings.NewReader(got.out)); ; {
		var text json.RawMessage
		err := d.Decode(&text)
		if err == io.EOF {
			return list
		}
		m := &colmetricpb.ExportMetricsServiceRequest{}
		if err == nil {
			err = protojson.Unmarshal(text, m)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		list = append(list, m)
	}
}

func decodeAll(t *testing.T, bodies [][]byte) []*colmetricpb.ExportMetricsServiceRequest {
	t.Helper()
	var list []*colmetricpb.ExportMetricsServiceRequest
	for _, body := range bodies {
		m := &colmetricpb.ExportMetricsServiceRequest{}
		if err := proto.Unmarshal(body, m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// withoutEnd clears what a preview cannot know: when the interval will end.
func withoutEnd(list []*colmetricpb.ExportMetricsServiceRequest) []*colmetricpb.ExportMetricsServiceRequest {
	numbers := func(points []*metricpb.NumberDataPoint) {
		for _, p := range points {
			p.TimeUnixNano = 0
		}
	}
	for _, m := range list {
		for _, rm := range m.GetResourceMetrics() {
			for _, sm := range rm.GetScopeMetrics() {
				for _, x := range sm.GetMetrics() {
					numbers(x.GetSum().GetDataPoints())
					numbers(x.GetGauge().GetDataPoints())
					for _, p := range x.GetHistogram().GetDataPoints() {
						p.TimeUnixNano = 0
					}
				}
			}
		}
	}
	return list
}

func checkSame(t *testing.T, what string, got, want []*colmetricpb.ExportMetricsServiceRequest) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d requests, preview shows %d", what, len(got), len(want))
	}
	for i := range got {
		if !proto.Equal(got[i], want[i]) {
			t.Errorf("%s: request %d is\n%v\npreview shows\n%v", what, i, got[i], want[i])
		}
	}
}

func TestPreviewIsWhatAReceiverGetsNext(t *testing.T) {
	t.Setenv("DO_NOT_TRACK", "")
	t.Setenv("OTEL_SDK_DISABLED", "")
	r := played(t)
	server := startReceiver(t, "")
	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL(server.URL+"/v1/metrics"), otlp.WithCompression(otlp.NoCompression))
	if err != nil {
		t.Fatal(err)
	}
	e := r.submitting(forwarder)

	shown := r.previewed()
	if again := r.previewed(); !proto.Equal(shown[0], again[0]) {
		t.Error("showing it changed it")
	}
	r.now = r.now.Add(time.Hour)
	server.take(http.StatusServiceUnavailable)
	if err := e.Submit(t.Context()); err == nil {
		t.Fatal("503 is no error")
	}
	got := decodeAll(t, server.take(http.StatusOK))
	checkSame(t, "what is sealed now", withoutEnd(got), withoutEnd(shown)[:len(got)])

	// What is sealed is shown as it was sealed, its end included.
	r.now = r.now.Add(time.Hour)
	shown = r.previewed()
	if err := e.Submit(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkSame(t, "what was sealed", decodeAll(t, server.take(http.StatusOK)), shown)
	if left := r.previewed(); len(left) != 0 {
		t.Errorf("%d requests are left", len(left))
	}
}

func TestHQPreviewIsWhatHQGetsNext(t *testing.T) {
	t.Setenv("DO_NOT_TRACK", "")
	t.Setenv("OTEL_SDK_DISABLED", "")
	r := played(t)
	const key = "a-key-of-the-test"
	server := startReceiver(t, "Success")
	forwarder, err := hq.New(hq.Config{Host: server.URL, APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	e := r.submitting(forwarder)
	shown := r.run("preview", "--as", "hq")
	r.now = r.now.Add(time.Hour)
	if err := e.Submit(t.Context()); err != nil {
		t.Fatal(err)
	}
	bodies := server.take(http.StatusOK)
	if len(bodies) != 1 {
		t.Fatalf("%d requests", len(bodies))
	}
	var got, want any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(bodies[0]), key, "***")), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(shown.out), &want); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("HQ got\n%s\npreview shows\n%s", a, b)
	}
}
