package hq

import (
	"context"
	"fmt"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

var _ sdkmetric.Exporter = (*Exporter)(nil)

// Exporter uploads usage to one HQ server. [New] makes it. Its methods may be
// called concurrently. On a nil or zero Exporter those that can fail return an
// error.
type Exporter struct {
	client  *client
	timeout time.Duration
	turns   *forward.Turns // an older total that overtakes a newer one would replace it
}

// New returns an Exporter for the server and key of cfg. It sends nothing, resolves
// no name and makes no connection. The error joins everything that is wrong with
// cfg and quotes none of it. After an error the Exporter is nil.
func New(cfg Config) (*Exporter, error) {
	endpoint, err := cfg.check()
	if err != nil {
		return nil, fmt.Errorf("make HQ exporter: %w", err)
	}
	return &Exporter{client: newClient(cfg, endpoint), timeout: cfg.Timeout, turns: forward.NewTurns()}, nil
}

// Temporality returns cumulative for every kind of instrument: HQ keeps lifetime
// values.
func (e *Exporter) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

// Aggregation returns the SDK's default for the kind of instrument.
func (e *Exporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

// MergeResources returns true: HQ knows only one version of an application, so
// package exporter makes one call with the totals over all resources.
func (e *Exporter) MergeResources() bool { return true }

// PlainText reports whether the server is a plain http:// one on another machine.
// Package exporter then reports outcome.ErrPlainText.
func (e *Exporter) PlainText() bool {
	return e != nil && e.client != nil && forward.PlainText(e.client.endpoint)
}

// Export uploads rm in one request and waits for the answer, at most for the
// timeout. It returns nil if HQ accepted the upload, and if rm holds nothing for
// HQ, in which case nothing is sent. After Shutdown it returns
// [sdkmetric.ErrExporterShutdown]. Every other error is a [*outcome.Error]; see the
// table of the package. rm is neither changed nor kept.
//
// Concurrent calls send one at a time; the wait for that ends with ctx.
func (e *Exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if e == nil || e.client == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if e.turns.Closed() {
		return sdkmetric.ErrExporterShutdown
	}
	body, refused := e.body(rm)
	switch {
	case refused != nil:
		return refused
	case body == nil:
		return nil
	}

	giveBack, err := e.turns.Take(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	return e.send(ctx, body)
}

// body returns what to send, nil for nothing.
func (e *Exporter) body(rm *metricdata.ResourceMetrics) ([]byte, *outcome.Error) {
	p, err := newPayload(rm)
	if err == nil && len(p.Data) == 0 {
		return nil, nil
	}
	if err == nil {
		err = p.identify(rm.Resource)
	}
	if err != nil { // it quotes names and versions, into which a key may have slipped
		err.Reason = e.client.secret.Own(err.Reason)
		return nil, err
	}
	return p.encode(e.client.key())
}

// send makes the one request. The caller holds the turn.
func (e *Exporter) send(ctx context.Context, body []byte) error {
	bounded, cancel := e.turns.Bound(ctx, e.timeout)
	defer cancel()

	a, err := e.client.post(bounded, body)
	if err == nil && a.Cut == nil {
		if o := e.client.judge(a); o != nil { // a typed nil in an error would not be nil
			return o
		}
		return nil
	}
	broken := e.turns.Broken(ctx, bounded, e.client.host(), e.timeout)
	switch {
	case broken != nil:
		return broken
	case err != nil:
		return e.client.unreachable(err)
	}
	return e.client.judge(a)
}

// ForceFlush does nothing and returns nil: an Exporter holds no data. After
// Shutdown it returns [sdkmetric.ErrExporterShutdown].
func (e *Exporter) ForceFlush(context.Context) error {
	switch {
	case e == nil || e.client == nil:
		return errNotMade
	case e.turns.Closed():
		return sdkmetric.ErrExporterShutdown
	}
	return nil
}

// Shutdown lets no further upload begin, waits for one that is under way, and
// closes the connections. If ctx ends first, the upload is cancelled, its Export
// returns a Transient outcome, and Shutdown returns ctx.Err(); the connections are
// closed all the same. Later calls return [sdkmetric.ErrExporterShutdown].
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e == nil || e.client == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return e.turns.Shutdown(ctx, func() error {
		e.client.link.Close() // what is still being dialled has no request any more
		return nil
	})
}

// Format implements [fmt.Formatter] for every verb, as [Exporter.MarshalLog]
// does for a log.
func (e *Exporter) Format(s fmt.State, _ rune) {
	forward.Format(s, "hq.Exporter", e.shown())
}

func (e *Exporter) shown() string {
	if e == nil || e.client == nil {
		return ""
	}
	return e.client.endpoint.Scheme + "://" + e.client.host()
}

// MarshalLog returns what a log may show of the Exporter: its type and the
// server's scheme and host, never the key.
func (e *Exporter) MarshalLog() any {
	return forward.Log("HQ usage forwarder", e.shown())
}
