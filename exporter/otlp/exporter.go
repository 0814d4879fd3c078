package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

var _ sdkmetric.Exporter = (*Exporter)(nil)

// errNotMade is what a nil or zero Exporter answers.
var errNotMade = errors.New("the OTLP exporter was not made by otlp.New")

// Exporter sends metrics to one OTLP/HTTP endpoint. [New] makes it. Its methods may
// be called concurrently. On a nil or zero Exporter those that can fail return an
// error.
type Exporter struct {
	inner     *otlpmetrichttp.Exporter
	transport *transport
	timeout   time.Duration

	// otlpmetrichttp takes turns too, with a mutex, but a wait for it ignores
	// the context.
	turns *forward.Turns
}

// New returns an Exporter for the endpoint given in opts or in the environment. It
// sends nothing, resolves no name and makes no connection. The context is not
// used; OpenTelemetry exporters have it by convention. The error joins everything
// that is wrong with opts or the environment and quotes no secret. After an error
// the Exporter is nil.
func New(_ context.Context, opts ...Option) (*Exporter, error) {
	cfg, err := newConfig(opts, os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("make OTLP exporter: %w", err)
	}
	t := newTransport(cfg)
	// The transport knows the endpoint. What otlpmetrichttp cannot parse, such
	// as the zone of an address, it would print.
	inner, err := newInner(t, "http://localhost", cfg.compression)
	if err != nil {
		return nil, fmt.Errorf("make OTLP exporter: %w", err)
	}
	return &Exporter{inner: inner, transport: t, timeout: cfg.timeout, turns: forward.NewTurns()}, nil
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
		otlpmetrichttp.WithTemporalitySelector(temporality),
		otlpmetrichttp.WithAggregationSelector(sdkmetric.DefaultAggregationSelector),
	)
}

func temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

// Temporality returns delta for every kind of instrument, gauges and up-down
// counters included: the destination gets what was added since the last
// accepted submission.
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is ignored.
func (e *Exporter) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return temporality(kind)
}

// Aggregation returns the SDK's default for the kind of instrument.
// OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION is ignored.
func (e *Exporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

// PlainText reports whether the endpoint is a plain http:// one on another machine.
// Package exporter then reports outcome.ErrPlainText.
func (e *Exporter) PlainText() bool {
	return e != nil && e.transport != nil && forward.PlainText(e.transport.endpoint)
}

// Export sends rm in one request and waits for the answer, at most for the timeout.
// It returns nil if the destination took everything, and if rm holds no data point,
// for which nothing is sent. After Shutdown it returns
// [sdkmetric.ErrExporterShutdown]. Every other error is a [*outcome.Error]; see the
// table of the package. The temporalities in rm are sent as they are. rm is neither
// changed nor kept.
//
// Concurrent calls send one at a time; the wait for that ends with ctx.
func (e *Exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if e == nil || e.inner == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if e.turns.Closed() {
		return sdkmetric.ErrExporterShutdown
	}
	if rm == nil {
		return &outcome.Error{Class: outcome.Refused, Reason: "export metrics: nil was given"}
	}
	points, err := inspect(rm)
	if err != nil {
		return unencodable(err)
	}
	if points == 0 {
		return nil
	}

	giveBack, err := e.turns.Take(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	return e.send(ctx, rm, points)
}

// send makes the one request. The caller holds the turn.
func (e *Exporter) send(ctx context.Context, rm *metricdata.ResourceMetrics, points int64) error {
	bounded, cancel := e.turns.Bound(ctx, e.timeout)
	defer cancel()

	x := &exchange{points: points}
	err := e.inner.Export(context.WithValue(bounded, exchangeKey{}, x), rm)
	switch {
	case x.answered && x.outcome == nil:
		return nil // a typed nil in an error would not be nil
	case x.answered:
		return x.outcome
	}
	broken := e.turns.Broken(ctx, bounded, e.transport.host(), e.timeout)
	switch {
	case broken != nil:
		return broken
	case x.err != nil:
		return e.transport.unreachable(x.err)
	case err != nil:
		return unencodable(err)
	}
	return &outcome.Error{Class: outcome.Unknown, Reason: "export metrics: no request was made"}
}

// unencodable is the outcome of an export of which nothing was sent. Halving
// leads to the point that is at fault.
func unencodable(err error) error {
	return &outcome.Error{
		Class:  outcome.TooLarge,
		Reason: redact.Shorten(redact.Line("encode metrics: " + err.Error())),
		Err:    err,
	}
}

// ForceFlush does nothing: an Exporter holds no data. It returns
// [sdkmetric.ErrExporterShutdown] after Shutdown, otherwise ctx.Err().
func (e *Exporter) ForceFlush(ctx context.Context) error {
	if e == nil || e.inner == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if e.turns.Closed() {
		return sdkmetric.ErrExporterShutdown
	}
	return ctx.Err()
}

// Shutdown lets no further export begin, waits for one that is under way, and
// closes the connections. If ctx ends first, the request is cancelled, its Export
// returns a Transient outcome, and Shutdown returns ctx.Err(); the connections are
// closed all the same. Later calls return [sdkmetric.ErrExporterShutdown].
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e == nil || e.inner == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return e.turns.Shutdown(ctx, func() error {
		defer e.transport.link.Close()
		return e.inner.Shutdown(context.WithoutCancel(ctx))
	})
}

// Format implements [fmt.Formatter] for every verb, as [Exporter.MarshalLog]
// does for a log.
func (e *Exporter) Format(s fmt.State, _ rune) {
	forward.Format(s, "otlp.Exporter", e.shown())
}

// shown is the destination without its path, which may be a secret, as a webhook's.
func (e *Exporter) shown() string {
	if e == nil || e.transport == nil {
		return ""
	}
	return redact.URL(e.transport.endpoint)
}

// MarshalLog returns what a log may show of the Exporter: its type and the
// destination's scheme and host, never a header.
func (e *Exporter) MarshalLog() any {
	return forward.Log("OTLP/HTTP usage forwarder", e.shown())
}
