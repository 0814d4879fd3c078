package otlp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlphttp"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp/light"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

var encoders = []func(*metricdata.ResourceMetrics) ([]byte, error){Encode, light.Encode}

func TestDeltasArriveExactly(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		values := []int64{1, -1, 1<<53 + 1, math.MaxInt64, math.MinInt64}
		for _, c := range []Compression{GzipCompression, NoCompression} {
			r := startReceiver(t, acceptAll, nil)
			e := newExporter(t, WithEndpointURL(r.URL), WithCompression(c))
			if err := e.Export(t.Context(), delta(values...)); err != nil {
				t.Fatal(err)
			}
			got := r.only(t)
			if gzipped := got.header.Get("Content-Encoding") == "gzip"; gzipped != (c == GzipCompression) {
				t.Errorf("with %s the encoding is %q", c, got.header.Get("Content-Encoding"))
			}
			rm := got.metrics.GetResourceMetrics()[0]
			if a := rm.GetResource().GetAttributes()[0]; a.GetKey() != "service.name" || a.GetValue().GetStringValue() != "game" {
				t.Errorf("resource is %v", rm.GetResource())
			}
			sm := rm.GetScopeMetrics()[0]
			if a := sm.GetScope().GetAttributes()[0]; a.GetKey() != "otelusage.kind" || a.GetValue().GetStringValue() != "statistic" {
				t.Errorf("scope is %v", sm.GetScope())
			}
			sum := sm.GetMetrics()[0].GetSum()
			if sum.GetAggregationTemporality() != metricpb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA || !sum.GetIsMonotonic() {
				t.Errorf("sum is %v", sum)
			}
			for i, p := range sum.GetDataPoints() {
				if p.GetAsInt() != values[i] || p.GetStartTimeUnixNano() != uint64(start.UnixNano()) || p.GetTimeUnixNano() != uint64(end.UnixNano()) {
					t.Errorf("point %d is %v", i, p)
				}
			}
			for _, encode := range encoders {
				want, err := encode(delta(values...))
				if err != nil || !bytes.Equal(got.body, want) {
					t.Errorf("Encode differs from what was sent (%v)", err)
				}
			}
		}
	})
}

func TestExportChangesNothing(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, reply(503, "", ""), nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		rm := delta(1, 2)
		_ = e.Export(t.Context(), rm)
		if !reflect.DeepEqual(rm, delta(1, 2)) {
			t.Error("Export changed its argument")
		}
	})
}

func TestNothingToExportIsNotSent(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, acceptAll, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		for _, rm := range []*metricdata.ResourceMetrics{{}, delta(), {ScopeMetrics: []metricdata.ScopeMetrics{{}}}} {
			if err := e.Export(t.Context(), rm); err != nil {
				t.Error(err)
			}
		}
		if o := outcomeOf(t, e.Export(t.Context(), nil)); o.Class != outcome.Refused {
			t.Errorf("nil is %v", o.Class)
		}
		if n := len(r.requests()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
	})
}

func TestWhatCannotBeEncodedIsNotSent(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, acceptAll, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		text := delta(1, 2)
		sum := text.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64])
		sum.DataPoints[1].Attributes = attribute.NewSet(attribute.String("k", "\xff"))
		temporality := delta(1)
		temporality.ScopeMetrics[0].Metrics[0].Data = metricdata.Sum[int64]{DataPoints: make([]metricdata.DataPoint[int64], 1)}
		data := delta(1)
		data.ScopeMetrics[0].Metrics = append(data.ScopeMetrics[0].Metrics, metricdata.Metrics{Name: "nothing"})
		for name, rm := range map[string]*metricdata.ResourceMetrics{"text": text, "temporality": temporality, "data": data} {
			if o := outcomeOf(t, e.Export(t.Context(), rm)); o.Class != outcome.TooLarge || o.Status != 0 {
				t.Errorf("%s: got %v, %d", name, o.Class, o.Status)
			}
			for _, encode := range encoders {
				if _, err := encode(rm); err == nil {
					t.Errorf("%s: Encode succeeds", name)
				}
			}
		}
		for _, encode := range encoders {
			if _, err := encode(nil); err == nil {
				t.Error("Encode takes nil")
			}
		}
		if n := len(r.requests()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
	})
}

func TestEveryKindOfDataIsCounted(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		const d = metricdata.DeltaTemporality
		rm := &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{}}}
		for _, data := range []metricdata.Aggregation{
			metricdata.Gauge[int64]{DataPoints: make([]metricdata.DataPoint[int64], 1)},
			metricdata.Gauge[float64]{DataPoints: make([]metricdata.DataPoint[float64], 1)},
			metricdata.Sum[int64]{Temporality: d, DataPoints: make([]metricdata.DataPoint[int64], 1)},
			metricdata.Sum[float64]{Temporality: d, DataPoints: make([]metricdata.DataPoint[float64], 1)},
			metricdata.Histogram[int64]{Temporality: d, DataPoints: make([]metricdata.HistogramDataPoint[int64], 1)},
			metricdata.Histogram[float64]{Temporality: d, DataPoints: make([]metricdata.HistogramDataPoint[float64], 1)},
			metricdata.ExponentialHistogram[int64]{Temporality: d, DataPoints: make([]metricdata.ExponentialHistogramDataPoint[int64], 1)},
			metricdata.ExponentialHistogram[float64]{Temporality: d, DataPoints: make([]metricdata.ExponentialHistogramDataPoint[float64], 1)},
			metricdata.Summary{DataPoints: make([]metricdata.SummaryDataPoint, 1)},
		} {
			rm.ScopeMetrics[0].Metrics = append(rm.ScopeMetrics[0].Metrics, metricdata.Metrics{Name: "m", Data: data})
		}
		if n, err := otlphttp.Inspect(rm); n != 9 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
		r := startReceiver(t, acceptAll, nil)
		if err := newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), rm); err != nil {
			t.Fatal(err)
		}
		if n := len(r.only(t).metrics.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics()); n != 9 {
			t.Errorf("%d metrics arrived", n)
		}
	})
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDefaultTransportIsNeverUsed(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		transport, client := http.DefaultTransport, http.DefaultClient
		defer func() { http.DefaultTransport, http.DefaultClient = transport, client }()
		var used atomic.Int64
		http.DefaultTransport = roundTripperFunc(func(r *http.Request) (*http.Response, error) {
			used.Add(1)
			return nil, errors.New("wrapped by the application")
		})
		http.DefaultClient = &http.Client{Transport: http.DefaultTransport}
		r := startReceiver(t, acceptAll, nil)
		if err := newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), delta(1)); err != nil {
			t.Error(err)
		}
		r.only(t)
		if used.Load() != 0 {
			t.Error("http.DefaultTransport was used")
		}
	})
}

func TestConcurrentExports(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		var n atomic.Int64
		r := startReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			if n.Add(1)%2 == 0 {
				reply(429, "", "")(w, req)
				return
			}
			acceptAll(w, req)
		}, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		var ok, transient atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 25 {
					var o *outcome.Error
					switch err := e.Export(t.Context(), delta(1)); {
					case err == nil:
						ok.Add(1)
					case errors.As(err, &o) && o.Class == outcome.Transient && o.Status == 429:
						transient.Add(1)
					default:
						t.Errorf("got %v", err)
					}
					_ = e.ForceFlush(t.Context())
				}
			})
		}
		wg.Wait()
		if ok.Load() != 100 || transient.Load() != 100 || len(r.requests()) != 200 {
			t.Errorf("%d accepted, %d not, %d requests", ok.Load(), transient.Load(), len(r.requests()))
		}
	})
}

func TestWaitForAnotherExportEndsWithItsContext(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		arrived, release := make(chan struct{}), make(chan struct{})
		r := startReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			close(arrived)
			<-release
			acceptAll(w, req)
		}, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		first := make(chan error)
		go func() { first <- e.Export(context.Background(), delta(1)) }()
		<-arrived
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := e.Export(ctx, delta(2))
		if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(release)
		if err := <-first; err != nil {
			t.Error(err)
		}
		r.only(t)
	})
}

func TestAfterShutdownEverythingReturnsErrExporterShutdown(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, acceptAll, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		if err := e.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		if err := e.Export(t.Context(), delta(1)); err != nil {
			t.Error(err)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for _, ctx := range []context.Context{t.Context(), cancelled} {
			for name, err := range map[string]error{
				"Export":       e.Export(ctx, delta(1)),
				"empty Export": e.Export(ctx, delta()),
				"nil Export":   e.Export(ctx, nil),
				"ForceFlush":   e.ForceFlush(ctx),
				"Shutdown":     e.Shutdown(ctx),
			} {
				if !errors.Is(err, sdkmetric.ErrExporterShutdown) {
					t.Errorf("%s returned %v", name, err)
				}
			}
		}
		r.only(t)
		noClientLeft(t, r)
	})
}

func TestHTTP1IsSpokenAndNoConnectionLeft(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		var proto string
		r := startReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			proto = req.Proto
			acceptAll(w, req)
		}, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
		pool := x509.NewCertPool()
		pool.AddCert(r.Certificate())
		e := newExporter(t, WithEndpointURL(r.URL), WithTLSConfig(&tls.Config{RootCAs: pool}))
		if err := e.Export(t.Context(), delta(1)); err != nil || proto != "HTTP/1.1" {
			t.Fatalf("over %s: %v", proto, err)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		noClientLeft(t, r)
	})
}

func TestWithProxy(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		proxy := startReceiver(t, acceptAll, nil)
		e := newExporter(t, WithEndpointURL("http://usage.invalid"), WithProxy(func(*http.Request) (*url.URL, error) {
			return url.Parse(proxy.URL)
		}))
		if err := e.Export(t.Context(), delta(1)); err != nil {
			t.Fatal(err)
		}
		if got := proxy.only(t); got.host != "usage.invalid" || got.path != DefaultPath {
			t.Errorf("the proxy was asked for %s%s", got.host, got.path)
		}
	})
}

func TestIdleShutdownIgnoresContextErrors(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := newExporter(t, WithEndpointURL("http://h")).Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownWaitsForAnExport(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		arrived, release := make(chan struct{}), make(chan struct{})
		r := startReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			close(arrived)
			<-release
			acceptAll(w, req)
		}, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		exported, waited, down := make(chan error, 1), make(chan error, 1), make(chan error, 1)
		go func() { exported <- e.Export(context.Background(), delta(1)) }()
		<-arrived
		go func() { waited <- e.Export(context.Background(), delta(2)) }()
		go func() { down <- e.Shutdown(context.Background()) }()
		if err := <-waited; !errors.Is(err, sdkmetric.ErrExporterShutdown) {
			t.Errorf("the export that waited returned %v", err)
		}
		close(release)
		if err := <-exported; err != nil {
			t.Errorf("the export under way returned %v", err)
		}
		if err := <-down; err != nil {
			t.Errorf("Shutdown returned %v", err)
		}
		r.only(t)
	})
}

func TestShutdownBreaksOffWhenItsContextEnds(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		arrived, release := make(chan struct{}), make(chan struct{})
		r := startReceiver(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-release }, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		exported := make(chan error, 1)
		go func() { exported <- e.Export(context.Background(), delta(1)) }()
		<-arrived
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown returned %v", err)
		}
		err := <-exported
		if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, sdkmetric.ErrExporterShutdown) {
			t.Errorf("Export returned %v", err)
		}
		close(release)
		noClientLeft(t, r)
	})
}

// noClientLeft checks that Shutdown itself released the connections, before
// the server closes them.
func noClientLeft(t *testing.T, r *receiver) {
	t.Helper()
	noLeaks(t)
	r.Close()
}

func TestNilAndZeroExportersDoNotPanic(t *testing.T) {
	for _, e := range []forwarder{(*Exporter)(nil), new(Exporter), (*light.Exporter)(nil), new(light.Exporter)} {
		for name, err := range map[string]error{
			"Export":     e.Export(t.Context(), delta(1)),
			"ForceFlush": e.ForceFlush(t.Context()),
			"Shutdown":   e.Shutdown(t.Context()),
		} {
			if !errors.Is(err, otlphttp.ErrNotMade) {
				t.Errorf("%s of %T returned %v", name, e, err)
			}
		}
		_, _, _ = e.MarshalLog(), e.Temporality(0), e.Aggregation(sdkmetric.InstrumentKindCounter)
	}
}

func TestLogsShowNoHeader(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		e := newExporter(t, WithEndpointURL("https://h/hook/secret-path"), WithHeaders(map[string]string{"Key": "hunter2"}))
		for _, s := range []string{
			fmt.Sprintf("%+v", e.MarshalLog()), fmt.Sprintf("%v", e), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e),
		} {
			if strings.Contains(s, "hunter2") || strings.Contains(s, "secret-path") {
				t.Errorf("printed: %s", s)
			}
		}
		if !strings.Contains(fmt.Sprint(e.MarshalLog()), "https://h") {
			t.Errorf("MarshalLog is %v", e.MarshalLog())
		}
	})
}

func TestWithPeriodicReader(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, acceptAll, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e)))
		c, err := provider.Meter("m").Int64Counter("c")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{5, 7} {
			c.Add(t.Context(), n)
			if err := provider.ForceFlush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range []int64{5, 7} {
			got := r.requests()[i].metrics.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics()[0].GetSum().GetDataPoints()[0].GetAsInt()
			if got != want {
				t.Errorf("delta %d is %d, want %d", i, got, want)
			}
		}
		if err := provider.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
