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

// DefaultRecordInterval is the time between recordings, and so the most that a
// killed process can lose.
const DefaultRecordInterval = time.Minute

// Reader collects and exports on the record interval. The SDK's periodic reader
// does so too, but gives the last collection up when the context of Shutdown
// has ended, and hands every failure to otel.Handle; this one loses nothing and
// reports each cause once, to the exporter's error handler. It also looks, before
// it collects, what is decided: with the SDK's reader, one recording more is
// withheld after each decision of another process. And it records once more when
// the time for a submission has come between two recordings. All methods may be
// called concurrently, and on a nil Reader, which records nothing.
type Reader struct {
	*sdkmetric.ManualReader
	exporter *Exporter

	mu   sync.Mutex
	rm   metricdata.ResourceMetrics // used again: idle collections allocate little
	once sync.Once
	quit chan struct{}
	done chan struct{}
}

// NewReader returns a reader that exports to e, every record interval from now.
// Give it to one MeterProvider, whose Shutdown ends both. It never returns nil:
// the reader of a nil Exporter, as a failed [New] leaves it, records nothing.
func NewReader(e *Exporter) *Reader {
	r := &Reader{
		ManualReader: sdkmetric.NewManualReader(
			sdkmetric.WithTemporalitySelector(e.Temporality), sdkmetric.WithAggregationSelector(e.Aggregation),
			sdkmetric.WithCardinalityLimitSelector(e.CardinalityLimit)),
		exporter: e, quit: make(chan struct{}), done: make(chan struct{}),
	}
	if e.missing() || e.disabled {
		close(r.done)
	} else {
		e.reader.Store(r)
		go r.loop(e.config.recordInterval)
	}
	return r
}

// missing reports a Reader that [NewReader] did not make.
func (r *Reader) missing() bool { return r == nil || r.ManualReader == nil }

// Collect is sdkmetric.ManualReader.Collect: what is collected is not recorded.
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

func (r *Reader) loop(interval time.Duration) {
	defer close(r.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-r.quit:
			return
		case <-ticker.C:
			apart(r.quit, func() { r.exporter.reported.report(r.recordUnlessShut(context.Background())) })
		}
	}
}

// Record collects and exports now. The context is passed on for its values
// alone: a recording takes milliseconds and is not cut short.
func (r *Reader) Record(ctx context.Context) error {
	if r.missing() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return r.recordIf(ctx, func() bool { return true })
}

// recordUnlessShut is Record for who does not wait for it at a shutdown: no
// callback of the application is called once that has returned.
func (r *Reader) recordUnlessShut(ctx context.Context) error {
	return r.recordIf(ctx, func() bool {
		select {
		case <-r.quit:
			return false
		default:
			return true
		}
	})
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

// Erase is [Exporter.Erase] with no collection under way, and records what
// follows from the moment it returns. Nothing is recorded meanwhile. After an
// error other than localstore.ErrErasePending nothing was erased.
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

// ForceFlush records now, and makes what was recorded survive a power failure.
func (r *Reader) ForceFlush(ctx context.Context) error {
	if r.missing() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return errors.Join(r.Record(ctx), r.exporter.ForceFlush(ctx))
}

// Shutdown records once more, whatever became of the context, and shuts the
// exporter down. The context bounds the network alone. Later calls return
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
		<-r.done
		err = errors.Join(r.Record(ctx), r.exporter.Shutdown(ctx), r.ManualReader.Shutdown(context.WithoutCancel(ctx)))
	})
	return err
}

// ReaderFactory returns a function that makes a [Reader] with an Exporter of its
// own, in the form that go.opentelemetry.io/contrib/exporters/autoexport
// registers.
func ReaderFactory(store *localstore.Store, opts ...Option) func(context.Context) (sdkmetric.Reader, error) {
	return func(context.Context) (sdkmetric.Reader, error) {
		e, err := New(store, opts...)
		if err != nil {
			return nil, err
		}
		return NewReader(e), nil
	}
}
