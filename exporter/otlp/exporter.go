package otlp

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlphttp"
)

var _ sdkmetric.Exporter = (*Exporter)(nil)

// Exporter sends metrics to one OTLP/HTTP endpoint. [New] makes it. Its methods may
// be called concurrently. On a nil or zero Exporter those that can fail return an
// error.
type Exporter struct {
	core *otlphttp.Exporter
}

// New returns an Exporter for the endpoint given in opts or in the environment. It
// sends nothing, resolves no name and makes no connection. The context is not
// used; OpenTelemetry exporters have it by convention. The error joins everything
// that is wrong with opts or the environment and quotes no secret. After an error
// the Exporter is nil.
func New(_ context.Context, opts ...Option) (*Exporter, error) {
	core, err := otlphttp.New("otlp", newClient, opts)
	if err != nil {
		return nil, err
	}
	return &Exporter{core: core}, nil
}

// newClient returns a client whose endpoint stands for the transport's. What
// otlpmetrichttp cannot parse, such as the zone of an address, it would print.
func newClient(rt http.RoundTripper, compression Compression) (otlphttp.Client, error) {
	return newInner(rt, "http://localhost", compression)
}

// newInner returns an otlpmetrichttp exporter that sends through rt. Every option is
// given, because otlpmetrichttp applies the environment first and each option
// overrides only its part of it. For example, a certificate file in the environment
// would make it refuse an http endpoint.
func newInner(rt http.RoundTripper, endpoint string, compression Compression) (*otlpmetrichttp.Exporter, error) {
	c := otlpmetrichttp.NoCompression
	if compression == GzipCompression {
		c = otlpmetrichttp.GzipCompression
	}
	return otlpmetrichttp.New(context.Background(),
		otlpmetrichttp.WithEndpointURL(endpoint),
		otlpmetrichttp.WithHTTPClient(&http.Client{Transport: rt}),
		otlpmetrichttp.WithHeaders(nil),
		otlpmetrichttp.WithTLSClientConfig(nil),
		otlpmetrichttp.WithProxy(nil),
		otlpmetrichttp.WithTimeout(DefaultTimeout),
		otlpmetrichttp.WithCompression(c),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: false}),
		otlpmetrichttp.WithTemporalitySelector(otlphttp.Temporality),
		otlpmetrichttp.WithAggregationSelector(sdkmetric.DefaultAggregationSelector),
	)
}

// shared returns what is common to the forwarders, nil for a nil Exporter.
func (e *Exporter) shared() *otlphttp.Exporter {
	if e == nil {
		return nil
	}
	return e.core
}

// Temporality returns delta for every kind of instrument, gauges and up-down
// counters included: the destination gets what was added since the last
// accepted submission.
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is ignored.
func (e *Exporter) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return e.shared().Temporality(kind)
}

// Aggregation returns the SDK's default for the kind of instrument.
// OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION is ignored.
func (e *Exporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return e.shared().Aggregation(kind)
}

// PlainText reports whether the endpoint is a plain http:// one on another machine.
// Package exporter then reports outcome.ErrPlainText.
func (e *Exporter) PlainText() bool { return e.shared().PlainText() }

// Export sends rm in one request and waits for the answer, at most for the timeout.
// It returns nil if the destination took everything, and if rm holds no data point,
// for which nothing is sent. After Shutdown it returns
// [sdkmetric.ErrExporterShutdown]. Every other error is a *outcome.Error; see the
// table of the package. The temporalities in rm are sent as they are. rm is neither
// changed nor kept.
//
// Concurrent calls send one at a time; the wait for that ends with ctx.
func (e *Exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	return e.shared().Export(ctx, rm)
}

// ForceFlush does nothing: an Exporter holds no data. It returns
// [sdkmetric.ErrExporterShutdown] after Shutdown, otherwise ctx.Err().
func (e *Exporter) ForceFlush(ctx context.Context) error { return e.shared().ForceFlush(ctx) }

// Shutdown lets no further export begin, waits for one that is under way, and
// closes the connections. If ctx ends first, the request is cancelled, its Export
// returns a Transient outcome, and Shutdown returns ctx.Err(); the connections are
// closed all the same. Later calls return [sdkmetric.ErrExporterShutdown].
func (e *Exporter) Shutdown(ctx context.Context) error { return e.shared().Shutdown(ctx) }

// Format implements [fmt.Formatter] for every verb, as [Exporter.MarshalLog]
// does for a log.
func (e *Exporter) Format(s fmt.State, verb rune) { e.shared().Format(s, verb) }

// MarshalLog returns what a log may show of the Exporter: its type and the
// destination's scheme and host, never a header.
func (e *Exporter) MarshalLog() any { return e.shared().MarshalLog() }
