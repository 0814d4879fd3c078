package otlp

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp/light"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

func TestMain(m *testing.M) {
	// otlpmetrichttp prints what it makes of a hostile environment.
	otel.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// received is one request as a receiver sees it.
type received struct {
	path    string
	query   string
	host    string
	header  http.Header
	body    []byte // decompressed
	metrics *colmetricpb.ExportMetricsServiceRequest
}

// receiver is an OTLP/HTTP server that answers as told.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	seen []received
}

func startReceiver(t *testing.T, answer http.HandlerFunc, start func(*httptest.Server)) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body io.Reader = req.Body
		if req.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(req.Body)
			if err != nil {
				t.Errorf("read gzip: %v", err)
				return
			}
			body = z
		}
		raw, err := io.ReadAll(body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		var m colmetricpb.ExportMetricsServiceRequest
		if err := proto.Unmarshal(raw, &m); err != nil {
			t.Errorf("decode request: %v", err)
		}
		r.mu.Lock()
		r.seen = append(r.seen, received{req.URL.Path, req.URL.RawQuery, req.Host, req.Header.Clone(), raw, &m})
		r.mu.Unlock()
		answer(w, req)
	}))
	r.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are wanted
	if start == nil {
		start = (*httptest.Server).Start
	}
	start(r.Server)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) requests() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.seen...)
}

// only returns the one request there must be.
func (r *receiver) only(t *testing.T) received {
	t.Helper()
	seen := r.requests()
	if len(seen) != 1 {
		t.Fatalf("the receiver saw %d requests, want 1", len(seen))
	}
	return seen[0]
}

// reply answers with a status, a content type and a body.
func reply(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType == "" {
			w.Header()["Content-Type"] = nil // net/http would guess one
		} else {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// typeProtobuf is the media type of OTLP's answers.
const typeProtobuf = "application/x-protobuf"

var acceptAll = reply(http.StatusOK, typeProtobuf, "")

// forwarder is what is common to the exporters of packages otlp and light.
type forwarder interface {
	sdkmetric.Exporter
	fmt.Formatter
	MarshalLog() any
}

type constructor func(context.Context, ...Option) (forwarder, error)

// constructors make the forwarders that send OTLP.
var constructors = map[string]constructor{
	"otlp":  func(ctx context.Context, opts ...Option) (forwarder, error) { return New(ctx, opts...) },
	"light": func(ctx context.Context, opts ...Option) (forwarder, error) { return light.New(ctx, opts...) },
}

// maker returns a forwarder that is shut down when t ends.
type maker func(t *testing.T, opts ...Option) forwarder

// both runs a test with each forwarder: what holds for one holds for the other.
func both(t *testing.T, test func(t *testing.T, newExporter maker)) {
	t.Helper()
	for name, construct := range constructors {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T, opts ...Option) forwarder {
				t.Helper()
				e, err := construct(t.Context(), opts...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = e.Shutdown(context.Background()) })
				return e
			})
		})
	}
}

func outcomeOf(t *testing.T, err error) *outcome.Error {
	t.Helper()
	var o *outcome.Error
	if !errors.As(err, &o) {
		t.Fatalf("Export returned %T (%v), want an *outcome.Error", err, err)
	}
	if len(o.Reason) == 0 || strings.ContainsAny(o.Reason, "\r\n") {
		t.Errorf("the reason is no line of text: %q", o.Reason)
	}
	return o
}

var (
	start = time.Unix(1700000000, 1)
	end   = start.Add(time.Hour)
)

// delta returns one int64 sum with the given values, one point each.
func delta(values ...int64) *metricdata.ResourceMetrics {
	points := make([]metricdata.DataPoint[int64], len(values))
	for i, v := range values {
		points[i] = metricdata.DataPoint[int64]{
			Attributes: attribute.NewSet(attribute.Int("i", i)),
			StartTime:  start, Time: end, Value: v,
		}
	}
	return &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(attribute.String("service.name", "game")),
		ScopeMetrics: []metricdata.ScopeMetrics{{
			Scope: instrumentation.Scope{
				Name: "scope", Version: "1",
				Attributes: attribute.NewSet(attribute.String("otelusage.kind", "statistic")),
			},
			Metrics: []metricdata.Metrics{{
				Name: "quests", Unit: "{quest}",
				Data: metricdata.Sum[int64]{
					Temporality: metricdata.DeltaTemporality, IsMonotonic: true, DataPoints: points,
				},
			}},
		}},
	}
}

// noLeaks fails t if goroutines of clients or of this package outlive it.
func noLeaks(t *testing.T) {
	t.Helper()
	var stacks string
	for range 500 {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		leaked := strings.Contains(stacks, "net/http.(*persistConn)") ||
			strings.Contains(stacks, "net/http.(*http2ClientConn)") ||
			strings.Contains(stacks, "otlphttp.(*Exporter)")
		if !leaked {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Errorf("goroutines are left:\n%s", stacks)
}
