package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

var _ sdkmetric.Exporter = (*Exporter)(nil)

// errNotMade is what a nil or zero Exporter answers.
var errNotMade = errors.New("the OTLP exporter was not made by otlp.New")

// Exporter sends metrics to one OTLP/HTTP endpoint. [New] makes it. Its methods
// may be called concurrently.
type Exporter struct {
	inner     *otlpmetrichttp.Exporter
	transport *transport
	timeout   time.Duration

	// turn holds a token while an export is under way. otlpmetrichttp has a
	// mutex of its own for that, but a wait for it ignores the context.
	turn chan struct{}

	shutdown sync.Once
	closing  chan struct{} // closed when Shutdown begins: no export starts any more

	// life ends when Shutdown runs out of time and what is under way must go.
	life context.Context
	kill context.CancelFunc
}

// New returns an Exporter for the endpoint that opts or the environment name.
// Nothing is sent, resolved or connected to; the context is not used and is
// there as with every OpenTelemetry exporter. The error joins everything that
// is wrong with opts and the environment, and quotes no secret; the Exporter
// is nil then.
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
	e := &Exporter{
		inner:     inner,
		transport: t,
		timeout:   cfg.timeout,
		turn:      make(chan struct{}, 1),
		closing:   make(chan struct{}),
	}
	e.life, e.kill = context.WithCancel(context.Background())
	return e, nil
}

// newInner returns an otlpmetrichttp exporter that sends through rt. It gets
// every option there is, because it applies the environment first and each
// option then overrides its part: a certificate file in the environment, for
// one, would make it refuse an http endpoint.
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

// Export sends rm in one request and waits for the answer, at most the timeout.
// It returns nil if the destination took all of it, or if rm holds no data
// point, in which case nothing is sent. After Shutdown it returns
// [sdkmetric.ErrExporterShutdown]; every other error is a [*outcome.Error], see
// the table of the package. The temporalities in rm are sent as they are. rm is
// neither changed nor kept.
//
// Concurrent calls are sent one after another; waiting for that ends with ctx.
func (e *Exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if e == nil || e.inner == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	select {
	case <-e.closing:
		return sdkmetric.ErrExporterShutdown
	default:
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

	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return interrupted(ctx)
	case <-e.closing:
		return sdkmetric.ErrExporterShutdown
	}
	// Where several cases are ready select takes any of them.
	select {
	case <-e.closing:
		return sdkmetric.ErrExporterShutdown
	default:
	}
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	return e.send(ctx, rm, points)
}

// send makes the one request. The caller holds the turn.
func (e *Exporter) send(ctx context.Context, rm *metricdata.ResourceMetrics, points int64) error {
	bounded, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()

	x := &exchange{points: points}
	err := e.inner.Export(context.WithValue(bounded, exchangeKey{}, x), rm)
	switch {
	case x.answered && x.outcome == nil:
		// A typed nil in an error would not be nil.
		return nil
	case x.answered:
		return x.outcome
	case ctx.Err() != nil:
		return interrupted(ctx)
	case e.life.Err() != nil:
		return &outcome.Error{
			Class:  outcome.Transient,
			Reason: "the exporter was shut down before an answer came",
			Err:    sdkmetric.ErrExporterShutdown,
		}
	case bounded.Err() != nil:
		return &outcome.Error{
			Class:  outcome.Transient,
			Reason: fmt.Sprintf("%s did not answer within %v", e.transport.host(), e.timeout),
			Err:    bounded.Err(),
		}
	case x.err != nil:
		return e.transport.unreachable(x.err)
	case err != nil:
		return unencodable(err)
	}
	return &outcome.Error{Class: outcome.Unknown, Reason: "export metrics: no request was made"}
}

// interrupted is the outcome of an export whose caller went away.
func interrupted(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		err = errors.Join(err, cause)
	}
	return &outcome.Error{
		Class:  outcome.Transient,
		Reason: "interrupted before an answer came: " + ctx.Err().Error(),
		Err:    err,
	}
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
	select {
	case <-e.closing:
		return sdkmetric.ErrExporterShutdown
	default:
		return ctx.Err()
	}
}

// Shutdown lets no further export begin, waits for one that is under way, and
// closes the connections. When ctx ends first the request is broken off, its
// Export returns Transient, and Shutdown returns ctx.Err(); everything is
// released all the same. Later calls return [sdkmetric.ErrExporterShutdown].
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e == nil || e.inner == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	err := sdkmetric.ErrExporterShutdown
	e.shutdown.Do(func() { err = e.close(ctx) })
	return err
}

func (e *Exporter) close(ctx context.Context) (err error) {
	close(e.closing)
	defer e.kill()
	select {
	case e.turn <- struct{}{}:
	default:
		select {
		case e.turn <- struct{}{}:
		case <-ctx.Done():
			err = ctx.Err()
			e.kill()
			// The request is cancelled now, so this does not take long; the
			// connection is to be gone when Shutdown returns.
			e.turn <- struct{}{}
		}
	}
	<-e.turn
	err = errors.Join(err, e.inner.Shutdown(context.WithoutCancel(ctx)))
	e.transport.close()
	return err
}

// Format implements [fmt.Formatter] for every verb, as [Exporter.MarshalLog]
// does for a log.
func (e *Exporter) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "otlp.Exporter{"+e.shown()+"}")
}

// shown is the destination, without its path: that of a webhook is a secret.
func (e *Exporter) shown() string {
	if e == nil || e.transport == nil {
		return ""
	}
	return redact.URL(e.transport.endpoint)
}

// MarshalLog returns what a log may show of the Exporter: its type and the
// destination's scheme and host, never a header.
func (e *Exporter) MarshalLog() any {
	return struct{ Type, Endpoint string }{"OTLP/HTTP usage forwarder", e.shown()}
}
