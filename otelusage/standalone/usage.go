package standalone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Usage is the usage tracking of an application. All methods may be called
// concurrently, and on a nil Usage.
type Usage struct {
	config   Config
	tracker  *otelusage.Tracker
	attached atomic.Bool // whether the tracker is this one's
	made     atomic.Pointer[recorder]
	retry    *retry // of a start that failed, or nil
	errors   errorList
	veto     string // why nothing may be recorded, empty where it may

	asking atomic.Bool // while a person is asked
	agreed atomic.Bool // whether a person agreed before the mirror could be opened
	lent   atomic.Bool // whether somebody has the provider

	once sync.Once
	end  error
}

// ErrNotRecording is returned when there is no mirror: tracking is disabled, or
// the mirror could not be opened.
var ErrNotRecording = errors.New("standalone: nothing is recorded")

// Start begins to track. It never returns nil, and after an error the Usage does
// what is still possible: without a mirror it counts in memory, without a usable
// forwarder it only records. The context bounds Start alone.
//
// A start may fail for a temporary reason, such as a full disk, no file
// descriptors or another process's lock, for which it does not wait. It is then
// retried at each record interval and once more at Shutdown. Counts made
// meanwhile are recorded when it succeeds. Until then, lifetime values lack the
// counts of former runs.
//
// A tracker is for one Start. A second Start in the process with the same
// tracker returns [otelusage.ErrAttached], and the first keeps what the tracker
// counts. The same holds for a second Start without a Config.Tracker while the
// first runs. After the first was closed, a Start without a Config.Tracker makes
// a new tracker, which [Usage.Tracker] returns. Package variables are then no
// longer recorded; this is reported to Config.OnError and kept for [Usage.Err].
func Start(ctx context.Context, c Config) (*Usage, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	u := &Usage{config: c, tracker: c.Tracker}
	if u.tracker == nil {
		u.tracker = otelusage.Default()
	}
	u.errors.handle = c.OnError
	for _, note := range c.Notes {
		u.errors.report(note)
	}
	if u.veto = c.veto(); u.veto != "" {
		return u, u.attach(unheard(), nil)
	}
	if err := context.Cause(ctx); err != nil {
		return u, errors.Join(u.failed(err), u.attach(unheard(), nil))
	}
	forwarder, refused := c.forwarder()
	if refused != nil {
		refused = errors.Join(u.failed(refused), c.shutDownForwarder(ctx))
		u.config.Forwarder = nil // nobody else ends it
	}
	if err := u.claim(); err != nil {
		return u, errors.Join(refused, err)
	}
	made, err := u.open(forwarder, startWait)
	switch {
	case err == nil:
		return u, errors.Join(refused, u.adopt(made))
	case errors.As(err, new(passingError)):
		err = u.failed(err)
		u.retryLater(forwarder)
		return u, errors.Join(refused, err)
	}
	if errors.Is(err, localstore.ErrOptedOut) {
		u.veto = "a link to the null device lies in the mirror's place"
		return u, errors.Join(refused, u.attachClaimed(unheard(), nil))
	}
	return u, errors.Join(refused, u.failed(err), u.attachClaimed(unheard(), nil))
}

func (u *Usage) attach(provider metric.MeterProvider, store *localstore.Store) error {
	opts := []otelusage.Option{otelusage.WithMeterProvider(provider), otelusage.WithErrorHandler(u.errors.report)}
	if store != nil {
		opts = append(opts, otelusage.WithLedger(store))
	}
	if u.config.DeclaredOnly {
		opts = append(opts, otelusage.DeclaredOnly())
	}
	err := u.tracker.Attach(opts...)
	if errors.Is(err, otelusage.ErrClosed) && u.config.Tracker == nil && u.retry == nil {
		u.errors.report(fmt.Errorf("start usage tracking: %w: otelusage.Default was closed by an earlier start, what it counts is not recorded", err))
		u.tracker = new(otelusage.Tracker)
		err = u.tracker.Attach(opts...)
	}
	u.attached.Store(!errors.Is(err, otelusage.ErrAttached) && !errors.Is(err, otelusage.ErrClosed))
	switch {
	case err == nil:
		return nil
	case !u.attached.Load():
		err = fmt.Errorf("%w: nothing that it counts is recorded by this start, see Config.Tracker", err)
	}
	return u.failed(err)
}

// unheard returns a provider that nobody reads: trackables count in memory. It
// is one of its own each time, because trackers on one provider share counts.
func unheard() metric.MeterProvider { return new(noop.MeterProvider) }

func (u *Usage) failed(err error) error {
	err = fmt.Errorf("start usage tracking: %w", err)
	u.errors.keep(err)
	return err
}

// Tracker returns the tracker, never nil.
func (u *Usage) Tracker() *otelusage.Tracker {
	if u == nil {
		return nil
	}
	return u.tracker
}

// Store returns the mirror, nil where nothing is recorded.
func (u *Usage) Store() *localstore.Store {
	if r := u.recorder(); r != nil {
		return r.store
	}
	return nil
}

// MeterProvider returns the provider that the tracker reports to. Instruments
// of an application's own that are made with it are not recorded.
func (u *Usage) MeterProvider() metric.MeterProvider {
	if r := u.recorder(); r != nil {
		u.lent.Store(true)
		return r.provider
	}
	return noop.NewMeterProvider()
}

// Err returns the errors so far, each cause once, joined; nil for none.
func (u *Usage) Err() error {
	if u == nil {
		return nil
	}
	return u.errors.joined()
}

// Flush records what was counted until now and makes it survive a power
// failure.
func (u *Usage) Flush(ctx context.Context) error {
	if r := u.recorder(); r != nil {
		return r.reader.ForceFlush(ctx)
	}
	return nil
}

// Submit records what was counted until now and sends all new data, without
// waiting for the submit interval. It returns exporter.ErrNoConsent when nothing
// may be sent or there is no forwarder.
func (u *Usage) Submit(ctx context.Context) error {
	r := u.recorder()
	switch {
	case u != nil && u.veto != "":
		return fmt.Errorf("%w: %w: %s", exporter.ErrNoConsent, ErrNotRecording, u.veto)
	case r == nil:
		return ErrNotRecording
	}
	if err := r.reader.Record(ctx); err != nil {
		return err
	}
	return r.exporter.Submit(ctx)
}

// Shutdown stops and records running timers, records all counts, and ends the
// tracking. The context bounds the network alone: everything is recorded even if
// the context is already done. Later calls do nothing and return the first result.
func (u *Usage) Shutdown(ctx context.Context) error {
	if u == nil {
		return nil
	}
	u.once.Do(func() { u.end = u.shutdown(ctx) })
	return u.end
}

func (u *Usage) shutdown(ctx context.Context) error {
	u.endRetry()
	var err error
	if u.attached.Load() {
		err = u.tracker.Close()
	}
	r := u.recorder()
	if r == nil || u.config.SubmitInterval < 0 { // nobody else ends the forwarder
		err = errors.Join(err, u.config.shutDownForwarder(ctx))
	}
	if r == nil {
		return err
	}
	return errors.Join(err, r.provider.Shutdown(ctx), r.store.Close())
}

// ErrCloseTimeout is returned by Close when the CloseTimeout passes first.
// Shutdown continues: the counts are recorded as soon as possible, if the process
// lives until then.
var ErrCloseTimeout = errors.New("standalone: usage tracking did not end in time")

// toEnd is how much of the CloseTimeout is kept for the mirror: to note that a
// request was cut off takes a moment.
const toEnd = 100 * time.Millisecond

// endsAtOnce reports whether Shutdown has nothing to wait for: nothing is sent, nobody
// else's instruments are read, and the mirror was not needed yet. What was counted is in
// the journal then, and stays there.
func (u *Usage) endsAtOnce() bool {
	r := u.recorder()
	return r != nil && !r.forwards && u.config.Forwarder == nil && u.retry == nil && !u.lent.Load() && r.store.IsAsleep()
}

// Close is Shutdown within the configuration's CloseTimeout. Unlike the context
// of Shutdown, the timeout also bounds the wait for a mirror that another process
// has locked. Where there is nothing to wait for but the disk, it ends in the goroutine
// of its caller: no forwarder, a mirror that was not needed yet, and nobody has the
// MeterProvider.
func (u *Usage) Close() error {
	if u == nil {
		return nil
	}
	if u.endsAtOnce() { // a goroutine and its timers would take as long as that
		return u.Shutdown(context.Background())
	}
	timeout := u.config.closeTimeout()
	ctx, cancel := context.WithTimeout(context.Background(), timeout-min(toEnd, timeout/10))
	end := make(chan error, 1)
	go func() {
		defer cancel()
		end <- u.Shutdown(ctx)
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case err := <-end:
		return err
	case <-timer.C:
		return ErrCloseTimeout
	}
}
