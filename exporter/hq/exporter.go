package hq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

var _ sdkmetric.Exporter = (*Exporter)(nil)

// Exporter uploads usage to one HQ server. [New] makes it. Its methods may be
// called concurrently.
type Exporter struct {
	client  *client
	timeout time.Duration

	// turn holds a token while an upload is under way: an older total that
	// overtakes a newer one would replace it.
	turn chan struct{}

	shutdown sync.Once
	closing  chan struct{} // closed when Shutdown begins: no upload starts any more

	// life ends when Shutdown runs out of time and what is under way must go.
	life context.Context
	kill context.CancelFunc
}

// New returns an Exporter for the server and key of cfg. Nothing is sent,
// resolved or connected to. The error joins everything that is wrong with cfg
// and quotes none of it; the Exporter is nil then.
func New(cfg Config) (*Exporter, error) {
	endpoint, err := cfg.check()
	if err != nil {
		return nil, fmt.Errorf("make HQ exporter: %w", err)
	}
	e := &Exporter{
		client:  newClient(cfg, endpoint),
		timeout: cfg.Timeout,
		turn:    make(chan struct{}, 1),
		closing: make(chan struct{}),
	}
	e.life, e.kill = context.WithCancel(context.Background())
	return e, nil
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

// MergeResources returns true: package exporter is to make one call with the
// totals over all resources, as HQ knows one version of an application only.
func (e *Exporter) MergeResources() bool { return true }

// Export uploads rm in one request and waits for the answer, at most the
// timeout. It returns nil if HQ accepted it, or if rm holds nothing for HQ, in
// which case nothing is sent. After Shutdown it returns
// [sdkmetric.ErrExporterShutdown]; every other error is a [*outcome.Error], see
// the table of the package. rm is neither changed nor kept.
//
// Concurrent calls are sent one after another; waiting for that ends with ctx.
func (e *Exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if e == nil || e.client == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if e.closed() {
		return sdkmetric.ErrExporterShutdown
	}
	body, refused := e.body(rm)
	switch {
	case refused != nil:
		return refused
	case body == nil:
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
	switch {
	case e.closed():
		return sdkmetric.ErrExporterShutdown
	case ctx.Err() != nil:
		return interrupted(ctx)
	}
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
	bounded, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()

	a, err := e.client.post(bounded, body)
	switch {
	case err == nil && a.cut == nil:
		if o := e.client.judge(a); o != nil { // a typed nil in an error would not be nil
			return o
		}
		return nil
	case ctx.Err() != nil:
		return interrupted(ctx)
	case e.life.Err() != nil:
		return &outcome.Error{
			Class:  outcome.Transient,
			Reason: "the exporter was shut down before an answer came",
			Err:    sdkmetric.ErrExporterShutdown,
		}
	case bounded.Err() != nil:
		return e.client.late(e.timeout)
	case err != nil:
		return e.client.unreachable(err)
	}
	return e.client.judge(a)
}

// interrupted is the outcome of an upload whose caller went away.
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

func (e *Exporter) closed() bool {
	select {
	case <-e.closing:
		return true
	default:
		return false
	}
}

// ForceFlush does nothing and returns nil: an Exporter holds no data. After
// Shutdown it returns [sdkmetric.ErrExporterShutdown].
func (e *Exporter) ForceFlush(context.Context) error {
	switch {
	case e == nil || e.client == nil:
		return errNotMade
	case e.closed():
		return sdkmetric.ErrExporterShutdown
	}
	return nil
}

// Shutdown lets no further upload begin, waits for one that is under way, and
// breaks it off when ctx ends, returning ctx.Err(). Later calls return
// [sdkmetric.ErrExporterShutdown].
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e == nil || e.client == nil {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	err := sdkmetric.ErrExporterShutdown
	e.shutdown.Do(func() { err = e.close(ctx) })
	return err
}

func (e *Exporter) close(ctx context.Context) error {
	close(e.closing)
	defer e.client.dialled.Close() // what is still being dialled has no request any more
	defer e.kill()
	select {
	case e.turn <- struct{}{}: // nothing is under way, whatever ctx says
		return nil
	default:
	}
	select {
	case e.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		e.kill()
		e.turn <- struct{}{} // the request is cancelled now, so this does not take long
		return ctx.Err()
	}
}

// Format implements [fmt.Formatter] for every verb, as [Exporter.MarshalLog]
// does for a log.
func (e *Exporter) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "hq.Exporter{"+e.shown()+"}")
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
	return struct{ Type, Endpoint string }{"HQ usage forwarder", e.shown()}
}
