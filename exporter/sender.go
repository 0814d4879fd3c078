package exporter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/guard"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// maxRequests bounds the requests of one attempt, halves included.
const maxRequests = 16

// sender submits: in a goroutine of its own when a submission is due, and on
// request. It is running at first; from stopped on no attempt begins; from the
// end of ctx on the one under way is broken off and its lease given back. Only
// then is the forwarder shut down.
type sender struct {
	e           *Exporter
	kind        outbox.Forwarder
	temporality metricdata.Temporality
	forwarder   *guard.Forwarder
	merge       bool // totals over all versions, under this process's resource

	wake    chan struct{} // has room for one: a check is requested
	stopped chan struct{} // closed: no further attempt begins
	done    chan struct{} // closed: the goroutine has ended

	turn   chan struct{} // holds a token while an attempt is under way: one at a time, whoever asks
	cancel context.CancelFunc
	ctx    context.Context // ends at shutdown, after the grace: attempts under way end with it
	once   sync.Once       // of stop
	erased atomic.Bool     // in this process
}

func newSender(e *Exporter) *sender {
	s := &sender{
		e: e, kind: outbox.Cumulative, temporality: metricdata.CumulativeTemporality,
		forwarder: guard.New(e.config.forwarder),
		wake:      make(chan struct{}, 1), stopped: make(chan struct{}), done: make(chan struct{}), turn: make(chan struct{}, 1),
	}
	if s.forwarder.Temporality() == metricdata.DeltaTemporality {
		s.kind, s.temporality = outbox.Delta, metricdata.DeltaTemporality
	}
	s.merge = s.kind == outbox.Cumulative && s.forwarder.MergesResources()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if e.maySend && !e.config.manual {
		go s.loop()
	} else {
		close(s.done)
	}
	return s
}

// loop checks whether a submission is due: at start, when an export wakes it, and
// at every check interval. It records first, unless an export has just done so,
// so that the submission carries what was counted until then.
func (s *sender) loop() {
	defer close(s.done)
	ticker := time.NewTicker(s.e.config.checkInterval)
	defer ticker.Stop()
	for recorded, atStart := false, true; ; atStart = false {
		if (recorded || s.prepare()) && (atStart || s.linger()) {
			if err := s.submit(s.ctx, false); worthReporting(err) {
				apart(s.stopped, func() { s.e.reported.report(err) })
			}
		}
		select {
		case <-s.stopped:
			return
		case <-s.wake:
			recorded = true
		case <-ticker.C:
			recorded = false
		}
		select {
		case <-s.stopped: // rather than begin another attempt
			return
		default:
		}
	}
}

// prepare lets the reader record if a submission is due, and reports whether to
// make an attempt: not if none was due before the recording, but if that could
// not be read, because the attempt meets and reports the same error.
func (s *sender) prepare() bool {
	if due, err := s.e.store.Outbox().Due(s.ctx, s.request(false)); err != nil || !due {
		return err != nil
	}
	reader := s.e.reader.Load()
	if reader == nil {
		return true // another reader's exports wake the loop
	}
	apart(s.stopped, func() {
		if err := reader.recordUnlessShut(s.ctx); worthReporting(err) {
			s.e.reported.report(err)
		}
	})
	select {
	case <-s.wake: // by this recording
	default:
	}
	return true
}

// worthReporting leaves out errors that are part of normal operation.
func worthReporting(err error) bool {
	return err != nil && !errors.Is(err, outbox.ErrNoConsent) && !errors.Is(err, outbox.ErrLeased) &&
		!errors.Is(err, outbox.ErrLeaseLost) && !errors.Is(err, context.Canceled) && !errors.Is(err, sdkmetric.ErrExporterShutdown)
}

// check wakes the loop. It never waits.
func (s *sender) check() {
	if s == nil {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// submit makes one attempt, or with force as many as it takes to send all that is
// new. One may not be enough: a batch that was sealed earlier lacks what was
// recorded since, and no batch holds two points of one stream.
func (s *sender) submit(ctx context.Context, force bool) error {
	select {
	case <-s.stopped:
		return sdkmetric.ErrExporterShutdown
	default:
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return sdkmetric.ErrExporterShutdown
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if err := s.takeBack(ctx, force); err != nil {
		return err
	}
	for {
		retry, err := s.attempt(ctx, force)
		if err != nil || !force || !retry {
			return err
		}
	}
}

// attempt sends one batch, or as much of it as one attempt may. retry says that
// another attempt can follow at once.
func (s *sender) attempt(ctx context.Context, force bool) (retry bool, err error) {
	request := s.request(force)
	if s.merge {
		var known bool
		if request.Resource, known = s.e.ownResource(); !known {
			return false, nil // until the first export tells
		}
	}
	sub, err := s.e.store.Outbox().Begin(ctx, request)
	if err != nil || sub == nil {
		return false, err
	}
	retry, err = s.sendParts(ctx, sub)
	if errors.Is(err, outbox.ErrLeaseLost) {
		_ = s.takeBack(ctx, force) // after an erasure; at worst the next check does it
	}
	return retry, err
}

func (s *sender) request(force bool) outbox.Request {
	return outbox.Request{
		Forwarder: s.kind, MaySend: s.e.maySend, Force: force,
		Interval: s.e.config.submitInterval, Lease: 2*s.e.config.requestTimeout + 10*time.Second, Merge: s.merge,
		Unlinkable: s.e.config.unlinkable, Rotation: s.e.config.rotation,
	}
}

// sendParts makes the requests of a submission. retry is as in attempt.
func (s *sender) sendParts(ctx context.Context, sub *outbox.Submission) (retry bool, err error) {
	for requests := 0; requests < maxRequests || s.kind == outbox.Cumulative; requests++ {
		part, err := sub.Next(ctx)
		if errors.Is(err, outbox.ErrNoConsent) {
			return false, errors.Join(err, sub.Release(ctx, false))
		}
		if err != nil {
			return false, err
		}
		if part == nil {
			return (sub.Resumed() || sub.Left()) && sub.Failed() == nil, submitError(sub.Failed())
		}
		o, failure := s.send(ctx, part)
		if ctx.Err() != nil && failure != nil {
			return false, errors.Join(ctx.Err(), sub.Release(ctx, s.ctx.Err() != nil))
		}
		more, err := sub.Settle(ctx, part, o)
		if err != nil {
			return false, err
		}
		if !more {
			return false, submitError(failure)
		}
	}
	retry, err = sub.Pause(ctx)
	return retry, errors.Join(err, submitError(sub.Failed()))
}

func submitError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("submit usage: %w", err)
}

func (s *sender) send(ctx context.Context, part *series.Part) (outbox.Outcome, error) {
	err := s.forwarder.Export(ctx, s.e.config.requestTimeout, ResourceMetrics(part, s.temporality))
	return guard.OutcomeOf(err), err
}

// stop ends the sender within the grace. The context bounds the network, not the
// writes to the mirror.
func (s *sender) stop(ctx context.Context) error {
	var err error
	s.once.Do(func() {
		close(s.stopped)
		grace := time.NewTimer(s.patience())
		defer grace.Stop()
		select {
		case s.turn <- struct{}{}: // nothing is under way, or it has ended
			<-s.turn
		case <-grace.C:
		case <-ctx.Done():
		}
		s.cancel()
		<-s.done
		s.turn <- struct{}{} // for good, once an attempt of Submit has given its lease back
		err = s.forwarder.Shutdown(s.e.config.shutdownGrace)
	})
	return err
}

// patience is how long this shutdown waits for a request under way: the grace. If
// the last requests were all cut off by exits, the program never runs long enough
// for one. Then most shutdowns do not wait at all, and a few wait longer.
func (s *sender) patience() time.Duration {
	if len(s.turn) == 0 || !s.e.maySend {
		return s.e.config.shutdownGrace // nothing is under way
	}
	often, err := s.e.store.Outbox().OftenCutOff()
	if err != nil || !often {
		return s.e.config.shutdownGrace
	}
	if wait, err := s.e.store.Outbox().MayWait(s.e.config.submitInterval); err == nil && wait {
		return max(s.e.config.submitWait, s.e.config.shutdownGrace)
	}
	return 0
}
