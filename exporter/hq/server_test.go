package hq

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const testKey = "Hunter2-Zq7/<&>+x"

// received is one request as a server sees it.
type received struct {
	method, path, query string
	header              http.Header
	body                string
}

// server is an HQ stand-in that answers as told.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen []received
}

func startServer(t *testing.T, answer http.HandlerFunc, start func(*httptest.Server)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		s.mu.Lock()
		s.seen = append(s.seen, received{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), string(body)})
		s.mu.Unlock()
		answer(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are wanted
	if start == nil {
		start = (*httptest.Server).Start
	}
	start(s.Server)
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.seen...)
}

// only returns the one request there must be.
func (s *server) only(t *testing.T) received {
	t.Helper()
	seen := s.requests()
	if len(seen) != 1 {
		t.Fatalf("the server saw %d requests, want 1", len(seen))
	}
	return seen[0]
}

// reply answers with a status, a content type and a body.
func reply(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// accept answers as HQ does, which calls everything HTML.
var accept = reply(http.StatusOK, "text/html; charset=utf-8", success)

func newExporter(t *testing.T, cfg Config) *Exporter {
	t.Helper()
	if cfg.APIKey == "" {
		cfg.APIKey = testKey
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Shutdown(context.Background()) })
	return e
}

// outcomeOf returns the outcome in err and checks that its text, and that of
// everything in its chain, is one bounded line without the key.
func outcomeOf(t *testing.T, err error) *outcome.Error {
	t.Helper()
	o, ok := errors.AsType[*outcome.Error](err)
	if !ok {
		t.Fatalf("Export returned %T (%v), want an *outcome.Error", err, err)
	}
	if o.Reason == "" || strings.ContainsAny(o.Reason, "\r\n") || len(o.Reason) > 1000 {
		t.Errorf("the reason is no short line: %q", o.Reason)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(strings.ToLower(e.Error()), "hunter2") {
			t.Errorf("%T shows the key: %v", e, e)
		}
	}
	return o
}

var at = time.Unix(1700000000, 0)

// identity is the resource of the protocol page's sample.
func identity(version string) *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("app.installation.id", "user-1"),
		attribute.String("service.name", "MyApp"),
		attribute.String("service.version", version),
		attribute.String("os.type", "linux"),
	)
}

// usage returns metrics of one kind of trackable.
func usage(kind otelusage.Kind, metrics ...metricdata.Metrics) metricdata.ScopeMetrics {
	return metricdata.ScopeMetrics{
		Scope: instrumentation.Scope{
			Name: otelusage.ScopeName, Version: otelusage.Version,
			Attributes: attribute.NewSet(otelusage.KindKey.String(kind.String())),
		},
		Metrics: metrics,
	}
}

func collected(scopes ...metricdata.ScopeMetrics) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{Resource: identity("1.0.0"), ScopeMetrics: scopes}
}

func point[N int64 | float64](v N, attrs ...attribute.KeyValue) metricdata.DataPoint[N] {
	return metricdata.DataPoint[N]{Value: v, Attributes: attribute.NewSet(attrs...), Time: at}
}

func sum[N int64 | float64](name, description string, points ...metricdata.DataPoint[N]) metricdata.Metrics {
	return metricdata.Metrics{Name: name, Description: description,
		Data: metricdata.Sum[N]{Temporality: metricdata.CumulativeTemporality, DataPoints: points}}
}

func gauge[N int64 | float64](name, description string, points ...metricdata.DataPoint[N]) metricdata.Metrics {
	return metricdata.Metrics{Name: name, Description: description, Data: metricdata.Gauge[N]{DataPoints: points}}
}

func histogram[N int64 | float64](name string, sums ...N) metricdata.Metrics {
	h := metricdata.Histogram[N]{Temporality: metricdata.CumulativeTemporality}
	for _, s := range sums {
		h.DataPoints = append(h.DataPoints, metricdata.HistogramDataPoint[N]{Count: 1, Sum: s})
	}
	return metricdata.Metrics{Name: name, Data: h}
}

func exponential[N int64 | float64](name string, sums ...N) metricdata.Metrics {
	h := metricdata.ExponentialHistogram[N]{Temporality: metricdata.CumulativeTemporality}
	for _, s := range sums {
		h.DataPoints = append(h.DataPoints, metricdata.ExponentialHistogramDataPoint[N]{Count: 1, Sum: s})
	}
	return metricdata.Metrics{Name: name, Data: h}
}

// sample is what a program that did what the protocol page's sample did has.
func sample() *metricdata.ResourceMetrics {
	via := attribute.Key("via")
	return collected(
		usage(otelusage.KindStatistic,
			sum("n", "a number", point[int64](7, via.String("web")), point[int64](3)),
			sum("untouched", "", point[int64](0)),
			sum("otelusage.submissions", "whatever", point[int64](1)),
			sum("otelusage.active", "", point[int64](1)),
		),
		usage(otelusage.KindState,
			gauge("Unit_System", "units", point[int64](1, otelusage.StateKey.String("US Standard"))),
			sum("Unit_System.changes", "units", point[int64](2, otelusage.StateKey.String("US Standard"))),
			sum("Unit_System.occupancy", "", point[int64](1, otelusage.StateKey.String("US Standard"))),
			gauge("server", "", point[int64](0)),
		),
		usage(otelusage.KindTimer, histogram("task_A", 1.5e-06, 0.5e-06)),
		usage(otelusage.KindSequence,
			sum("s", "", point[int64](1)),
			sum("s.checkpoints", "", point[int64](3, otelusage.CheckpointKey.String("A"))),
		),
		metricdata.ScopeMetrics{
			Scope:   instrumentation.Scope{Name: "somebody/else", Attributes: attribute.NewSet(otelusage.KindKey.String("statistic"))},
			Metrics: []metricdata.Metrics{sum("requests", "", point[int64](4))},
		},
	)
}
