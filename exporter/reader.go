package exporter

import (
	"context"
	"errors"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// Reader collects and exports at each record interval. So does the SDK's periodic
// reader, but with these differences:
//
//   - The Reader makes its last collection even if the context of Shutdown has
//     ended.
//   - It reports each cause of failure once, to the exporter's error handler; the
//     SDK's reader hands every failure to otel.Handle.
//   - It reads the decision before it collects. With the SDK's reader, one more
//     recording is withheld after each decision of another process.
//   - It also records when a submission becomes due between two recordings.
//
// All methods may be called concurrently, and on a nil Reader, which records
// nothing.
type Reader struct {
	*sdkmetric.ManualReader
	exporter *Exporter

	// mu guards rm, and makes collection and export one step: exports arrive in
	// the order of their collections. It is taken before the Exporter's.
	mu sync.Mutex
	rm metricdata.ResourceMetrics // reused: idle collections allocate little

	began time.Time
	tick  *time.Timer   // calls recordAgain; nil where nothing is recorded
	once  sync.Once     // of Shutdown
	quit  chan struct{} // closed when Shutdown begins
}

// NewReader returns a Reader that exports to e at every record interval from now.
// Give it to one MeterProvider, whose Shutdown ends both. It never returns nil: the
// Reader of a nil Exporter, as a failed [New] leaves it, records nothing.
func NewReader(e *Exporter) *Reader {
	r := &Reader{
		ManualReader: sdkmetric.NewManualReader(
			sdkmetric.WithTemporalitySelector(e.Temporality), sdkmetric.WithAggregationSelector(e.Aggregation),
			sdkmetric.WithCardinalityLimitSelector(e.CardinalityLimit)),
		exporter: e, quit: make(chan struct{}), began: time.Now(),
	}
	if !e.missing() && !e.disabled {
		e.reader.Store(r)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tick = time.AfterFunc(e.config.recordInterval, r.recordAgain)
	}
	return r
}

// missing reports a Reader that [NewReader] did not make.
func (r *Reader) missing() bool { return r == nil || r.ManualReader == nil }

// Collect is sdkmetric.ManualReader.Collect. It records nothing.
func (r *Reader) Collect(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if r.missing() {
		return sdkmetric.ErrReaderNotRegistered
	}
	return r.ManualReader.Collect(ctx, rm)
}

// MarshalLog describes the reader for OpenTelemetry's own log.
func (r *Reader) MarshalLog() any {
	if r.missing() {
		return (*Exporter)(nil).MarshalLog()
	}
	return r.exporter.MarshalLog()
}

// end says that the next recording is the last.
func (e *Exporter) end() {
	if e.missing() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ending = true
}

// recordAgain records, and makes the timer call it at the next multiple of the interval.
// It runs in a goroutine of its own, for which nobody waits: it calls code of the
// application, a callback that may take long, or a handler that may shut down the Reader.
func (r *Reader) recordAgain() {
	r.exporter.reported.report(r.recordUnlessShut(context.Background()))
	r.mu.Lock()
	defer r.mu.Unlock()
	if interval := r.exporter.config.recordInterval; !r.isShut() {
		r.tick.Reset(interval - time.Since(r.began)%interval)
	}
}

func (r *Reader) isShut() bool {
	select {
	case <-r.quit:
		return true
	default:
		return false
	}
}

// Record collects and exports now, and returns the errors of both. Of the context
// only the values are used: a recording takes milliseconds and is not cut short.
func (r *Reader) Record(ctx context.Context) error {
	if r.missing() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return r.recordIf(ctx, func() bool { return true })
}

// recordUnlessShut is Record for a goroutine that Shutdown does not wait for: once
// Shutdown has returned, no callback of the application is called.
func (r *Reader) recordUnlessShut(ctx context.Context) error {
	return r.recordIf(ctx, func() bool { return !r.isShut() })
}

// recordIf records if that is wanted once the lock is held, and reports
// without it.
func (r *Reader) recordIf(ctx context.Context, wanted func() bool) error {
	problems, err := func() ([]error, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !wanted() {
			return nil, nil
		}
		return r.record(ctx)
	}()
	r.exporter.reportAll(problems)
	return err
}

// record is called with the lock held, and leaves it to the caller to report.
func (r *Reader) record(ctx context.Context) (problems []error, err error) {
	ctx = context.WithoutCancel(ctx)
	r.exporter.notice(ctx)
	err = r.Collect(ctx, &r.rm)
	if errors.Is(err, sdkmetric.ErrReaderNotRegistered) {
		return nil, nil // its provider is yet to be made
	}
	if errors.Is(err, sdkmetric.ErrReaderShutdown) {
		return nil, err
	}
	problems, exportErr := r.exporter.export(ctx, &r.rm)
	return problems, errors.Join(err, exportErr)
}

// Erase is [Exporter.Erase] while no collection is under way. What is counted
// after it returns is recorded. After an error other than
// localstore.ErrErasePending nothing was erased.
func (r *Reader) Erase(ctx context.Context) error {
	if r.missing() {
		return errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	problems, err := r.erase(ctx)
	r.exporter.reportAll(problems)
	return err
}

func (r *Reader) erase(ctx context.Context) (problems []error, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.exporter.Erase(ctx)
	if err != nil && !errors.Is(err, localstore.ErrErasePending) {
		return nil, err
	}
	// What was counted until here is the baseline.
	problems, recordErr := r.record(ctx)
	return append(problems, recordErr), err
}

// ForceFlush records now, and makes what was recorded survive a power failure. It
// returns the errors of both.
func (r *Reader) ForceFlush(ctx context.Context) error {
	if r.missing() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return errors.Join(r.Record(ctx), r.exporter.ForceFlush(ctx))
}

// Shutdown records once more, even if the context has ended, and shuts the
// exporter down. Where another process has the mirror locked and a journal holds
// what was counted, it leaves that to the next process that records. The context bounds only the network. Later calls return
// sdkmetric.ErrReaderShutdown.
func (r *Reader) Shutdown(ctx context.Context) error {
	if r.missing() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	err := sdkmetric.ErrReaderShutdown
	r.once.Do(func() {
		close(r.quit)
		if r.tick != nil {
			r.tick.Stop()
		}
		r.exporter.end()
		err = errors.Join(r.Record(ctx), r.exporter.Shutdown(ctx), r.ManualReader.Shutdown(context.WithoutCancel(ctx)))
	})
	return err
}

// ReaderFactory returns a function that makes a [Reader] with its own Exporter, in
// the form that go.opentelemetry.io/contrib/exporters/autoexport registers. Its
// error is that of [New].
func ReaderFactory(store *localstore.Store, opts ...Option) func(context.Context) (sdkmetric.Reader, error) {
	return func(context.Context) (sdkmetric.Reader, error) {
		e, err := New(store, opts...)
		if err != nil {
			return nil, err
		}
		return NewReader(e), nil
	}
}
