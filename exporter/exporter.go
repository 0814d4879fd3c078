package exporter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/keeping"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var _ sdkmetric.Exporter = (*Exporter)(nil)

// Exporter records into a mirror and submits from it. Give it to exactly one
// reader, best made by [NewReader]. All methods may be called concurrently, and
// on a nil Exporter, as a failed [New] leaves it: it records nothing,
// [Exporter.Submit], [Exporter.Erase] and [Exporter.Consent] say so, and
// everything else does nothing. The application's trackables count in memory then.
type Exporter struct {
	config      config
	store       *localstore.Store
	environment userAttributes
	disabled    bool
	veto        string // why this process may not send, whatever the mirror says
	maySend     bool   // there is no veto

	// mu guards what follows, to stopped. It is held over a recording, so that
	// the committed values and the mirror change together. It is taken after the
	// Reader's, never held while a handler or the sender's goroutine is waited for.
	mu         sync.Mutex
	writer     *recording.Writer
	keeper     *keeping.Keeper // nil without a journal; set by New
	resources  map[attribute.Distinct]*series.Resource
	metrics    map[metricKey][]*knownMetric
	unresolved []commit // of a recording whose outcome is unknown; nothing is recorded before it is resolved
	pending    error    // of the last export, while its counts wait for the next
	ending     bool     // the next recording is the last
	stopped    bool     // Shutdown was called

	own      atomic.Pointer[attribute.Set] // the resource that was recorded under last, for totals
	reader   atomic.Pointer[Reader]        // that NewReader made
	reported reporter
	sender   *sender // nil without a forwarder
}

// errNotMade is what a nil or zero Exporter answers where it cannot do what it
// is asked for.
var errNotMade = fmt.Errorf("exporter: nothing is recorded: %w", localstore.ErrNotOpen)

// missing reports an Exporter that [New] did not make.
func (e *Exporter) missing() bool { return e == nil || e.store == nil }

// New returns an exporter that records into store. It returns
// [recording.ErrInUse] while another exporter records into the same Store, and
// localstore.ErrNotOpen for a nil Store. The caller keeps the Store and closes it
// after the provider's Shutdown.
func New(store *localstore.Store, opts ...Option) (*Exporter, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	if store == nil {
		return nil, fmt.Errorf("exporter: %w", localstore.ErrNotOpen)
	}
	e := &Exporter{
		config: c, store: store, environment: newUserAttributes(os.Getenv),
		resources: make(map[attribute.Distinct]*series.Resource),
		metrics:   make(map[metricKey][]*knownMetric),
	}
	e.reported.handle = c.onError
	x := c.circumstances()
	store.SetCircumstances(x)
	e.disabled, e.veto = x.RecordingVeto() != "", x.SendingVeto()
	e.maySend = e.veto == ""
	if e.disabled {
		return e, nil
	}
	if c.requireConsent {
		if err := store.RequireConsent(context.Background()); err != nil {
			return nil, fmt.Errorf("exporter: %w", err)
		}
	}
	if c.unlinkable && c.forwarder != nil {
		if err := store.SetUnlinkable(context.Background(), true); err != nil {
			return nil, fmt.Errorf("exporter: %w", err)
		}
	}
	if e.writer, err = store.Writer(e.maySend); err != nil {
		return nil, fmt.Errorf("exporter: %w", err)
	}
	if c.journal {
		e.startJournal()
	}
	if c.forwarder != nil {
		e.sender = newSender(e)
		e.reported.report(e.sender.forwarder.PlainText(e.maySend))
	}
	return e, nil
}

// Temporality is cumulative for every kind of instrument: the SDK forgets a
// delta whose export failed.
func (e *Exporter) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

// Aggregation is the SDK's default for every kind of instrument.
func (e *Exporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

// CardinalityLimit is the SDK's default for every kind of instrument, which has
// room for all that otelusage.MaxSeries allows. A [Reader] has it; give it to
// another reader with sdkmetric.WithCardinalityLimitSelector, so that the
// user's OTEL_GO_X_CARDINALITY_LIMIT has no part in what is counted.
func (e *Exporter) CardinalityLimit(sdkmetric.InstrumentKind) (limit int, fallback bool) {
	return otelusage.MaxSeries + 1, false
}

// Export writes to the mirror what was counted since the last successful export.
// If it fails, nothing is lost: the next export carries it. The context does not
// cut it short. It waits at most the store's busy timeout for another process's
// transaction.
func (e *Exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if ctx == nil {
		ctx = context.Background()
	}
	problems, err := e.export(ctx, rm)
	e.reportAll(problems)
	return err
}

// reportAll is called with no lock held: a handler may call the exporter and its
// reader.
func (e *Exporter) reportAll(problems []error) {
	for _, p := range problems {
		e.reported.report(p)
	}
}

func (e *Exporter) export(ctx context.Context, rm *metricdata.ResourceMetrics) (problems []error, err error) {
	if e.missing() {
		return nil, nil
	}
	defer func() { problems = append(problems, e.keeper.TakeProblems()...) }()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return nil, sdkmetric.ErrExporterShutdown
	}
	if e.disabled || rm == nil {
		return nil, nil
	}
	// First, because the differences are taken from what is certainly in the mirror.
	if e.pending = e.settle(ctx); e.pending != nil {
		return nil, fmt.Errorf("export to mirror: %w", e.pending)
	}
	c := e.collect(rm)
	recorded, err := e.record(ctx, c)
	if e.pending = err; err != nil {
		return c.problems, fmt.Errorf("export to mirror: %w", err)
	}
	e.renewJournal()
	if recorded { // otherwise there is nothing new to send
		e.sender.check()
	}
	return c.problems, nil
}

// settle finds out what became of a recording whose outcome was unknown. The
// caller holds the lock.
func (e *Exporter) settle(ctx context.Context) error {
	if e.unresolved == nil {
		return nil
	}
	committed, err := e.writer.Resolve(ctx)
	if errors.Is(err, recording.ErrUnknownOutcome) {
		return err
	}
	if committed {
		apply(e.unresolved)
	}
	e.unresolved = nil
	return nil
}

// notice reads the decision before a collection begins, so that its counts fall
// under the decision they were made under. If that fails, they fall under the one
// that was read before.
func (e *Exporter) notice(ctx context.Context) {
	if e.missing() || e.disabled {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.stopped && !e.ending { // what is counted after the last collection is not recorded
		_ = e.writer.Notice(ctx, e.maySend)
	}
}

// record writes what a collection found, or leaves that to the next process. The
// caller holds the lock.
func (e *Exporter) record(ctx context.Context, c *collection) (recorded bool, err error) {
	c.recording.MaySend = e.maySend
	recorded = true
	switch {
	case e.ending:
		recorded, err = e.writer.End(ctx, c.recording)
	case len(c.commits) == 0:
		err = e.writer.Observe(ctx, e.maySend)
	default:
		err = e.writer.Record(ctx, c.recording)
	}
	switch {
	case err == nil && recorded: // also at the end: another recording may be on its way
		apply(c.commits)
	case errors.Is(err, recording.ErrUnknownOutcome):
		e.unresolved = c.commits
	}
	return recorded, err
}

// Submit sends what is new, without waiting for the submit interval. It returns
// nil if everything was accepted or nothing was new, [ErrNoConsent] if nothing may
// be sent, localstore.ErrLeased while another process is sending, and the forwarder's
// error if the submission was not accepted. To send what was counted until now,
// call the provider's ForceFlush first.
func (e *Exporter) Submit(ctx context.Context) error {
	if e.missing() {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	e.mu.Lock()
	stopped := e.stopped
	e.mu.Unlock()
	if stopped {
		return sdkmetric.ErrExporterShutdown
	}
	switch {
	case !e.maySend:
		return fmt.Errorf("%w: %s", ErrNoConsent, e.veto)
	}
	return e.sender.submit(ctx, true)
}

// retractionTimeout bounds what Erase sends.
const retractionTimeout = 2 * time.Second

// Erase is localstore.Store.Erase. It also tries once, for at most two seconds, to
// take back at the destination the states that this installation reported. States
// that a request under way names are taken back however long that takes; see
// outbox.Outbox.BeginRetraction. A destination that is sent totals has nothing to
// take back, and heartbeats stay: they identify nobody. With consent it also asks a
// destination of deltas to delete what was sent under the old ids, as often as it
// takes: otelusage.erased, a sum of 1. [Unlinkable] leaves nothing to ask for. What was counted but not
// recorded is discarded. No collection may be under way, and counting starts anew
// with the next one: [Reader.Erase] takes care of both.
func (e *Exporter) Erase(ctx context.Context) error {
	if e.missing() {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if e.sender != nil && e.sender.kind == outbox.Delta {
		return e.sender.erase(ctx)
	}
	return e.store.Erase(ctx)
}

// ForceFlush makes what was recorded survive a power failure. It does not submit.
// After a failed export it returns that export's error until one succeeds.
func (e *Exporter) ForceFlush(ctx context.Context) error {
	if e.missing() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return sdkmetric.ErrExporterShutdown
	}
	if e.disabled {
		return nil
	}
	return errors.Join(e.pending, e.store.Sync(ctx))
}

// Shutdown ends submissions and shuts the forwarder down. A submission under way
// may continue for the shutdown grace or until the context ends; after that the
// next run sends it. Later calls return sdkmetric.ErrExporterShutdown.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e.missing() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	e.mu.Lock()
	if e.stopped {
		e.mu.Unlock()
		return sdkmetric.ErrExporterShutdown
	}
	e.stopped = true
	err := e.pending
	e.mu.Unlock()
	if e.sender != nil {
		err = errors.Join(err, e.sender.stop(ctx))
	}
	if e.writer != nil {
		e.store.KeepWith(nil)
		e.writer.Close()
	}
	return err
}

// MarshalLog describes the exporter for OpenTelemetry's own log, without the
// forwarder's configuration.
func (e *Exporter) MarshalLog() any {
	type log struct {
		Type, Mirror   string
		Forwarder      string
		SubmitInterval string
	}
	if e.missing() {
		return log{Type: "usage"}
	}
	return log{"usage", e.store.Path(), fmt.Sprintf("%T", e.config.forwarder), e.config.submitInterval.String()}
}
