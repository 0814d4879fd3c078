package otlphttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

var _ sdkmetric.Exporter = (*Exporter)(nil)

// ErrNotMade is what a nil or zero Exporter answers.
var ErrNotMade = errors.New("the OTLP exporter was not made by New")

// Client encodes metrics and posts them over the [http.RoundTripper] that it was
// made with. The address and the headers of its requests are replaced, their
// bodies, Content-Type, Content-Encoding and User-Agent kept. It is used by one
// goroutine at a time.
type Client interface {
	Export(context.Context, *metricdata.ResourceMetrics) error
	Shutdown(context.Context) error
}

// NewClient returns a Client whose requests go through rt.
type NewClient func(rt http.RoundTripper, compression Compression) (Client, error)

// Exporter is an [sdkmetric.Exporter] around a [Client]. [New] makes it. Its methods
// may be called concurrently. On a nil or zero Exporter those that can fail return
// [ErrNotMade].
type Exporter struct {
	name      string // of the package that users import
	inner     Client
	transport *transport
	timeout   time.Duration

	// otlpmetrichttp takes turns too, with a mutex, but a wait for it ignores
	// the context.
	turns *forward.Turns
}

// New returns the Exporter of the package name. The error joins everything that is
// wrong with opts or the environment and quotes no secret. After an error the
// Exporter is nil.
func New(name string, client NewClient, opts []Option) (*Exporter, error) {
	cfg, err := newConfig(opts, os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("make OTLP exporter: %w", err)
	}
	t := newTransport(name, cfg)
	inner, err := client(t, cfg.compression)
	if err != nil {
		return nil, fmt.Errorf("make OTLP exporter: %w", err)
	}
	return &Exporter{name: name, inner: inner, transport: t, timeout: cfg.timeout, turns: forward.NewTurns()}, nil
}

// Temporality is what an Exporter's Temporality returns.
func Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

// Temporality returns delta for every kind of instrument.
func (e *Exporter) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return Temporality(kind)
}

// Aggregation returns the SDK's default for the kind of instrument.
func (e *Exporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

// Export sends rm in one request and waits for the answer, at most for the timeout.
// It returns nil if the destination took everything, and if rm holds no data point,
// for which nothing is sent. rm is neither changed nor kept.
func (e *Exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if e == nil || e.inner == nil {
		return ErrNotMade
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
	points, err := Inspect(rm)
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
		return ErrNotMade
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
		return ErrNotMade
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
	forward.Format(s, e.label(), e.shown())
}

// label names the type as users know it.
func (e *Exporter) label() string {
	if e == nil || e.name == "" {
		return "otlp.Exporter"
	}
	return e.name + ".Exporter"
}

// shown is the destination without its path, which may be a secret, as a webhook's.
func (e *Exporter) shown() string {
	if e == nil || e.transport == nil {
		return ""
	}
	return redact.URL(e.transport.endpoint)
}

// PlainText reports whether the endpoint is a plain http:// one on another machine.
func (e *Exporter) PlainText() bool {
	return e != nil && e.transport != nil && forward.PlainText(e.transport.endpoint)
}

// MarshalLog returns what a log may show of the Exporter: its type and the
// destination's scheme and host, never a header.
func (e *Exporter) MarshalLog() any {
	return forward.Log("OTLP/HTTP usage forwarder", e.shown())
}
