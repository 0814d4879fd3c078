package exporter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// maxRequests bounds the requests of one attempt, halves included.
const maxRequests = 16

// sender submits: in a goroutine of its own when one is due, and on request.
type sender struct {
	e           *Exporter
	kind        outbox.Forwarder
	temporality metricdata.Temporality
	forwarder   *guarded
	merge       bool // totals over all versions, under this process's resource

	wake    chan struct{} // has room for one: a look is asked for
	stopped chan struct{} // closed: no further attempt begins
	done    chan struct{} // closed: the goroutine has ended

	turn   chan struct{} // holds one token: attempts are made one at a time
	cancel context.CancelFunc
	ctx    context.Context // ends attempts at shutdown
	once   sync.Once
}

func newSender(e *Exporter) *sender {
	s := &sender{
		e: e, kind: outbox.Cumulative, temporality: metricdata.CumulativeTemporality,
		forwarder: &guarded{exporter: e.config.forwarder},
		wake:      make(chan struct{}, 1), stopped: make(chan struct{}), done: make(chan struct{}), turn: make(chan struct{}, 1),
	}
	if s.forwarder.temporality() == metricdata.DeltaTemporality {
		s.kind, s.temporality = outbox.Delta, metricdata.DeltaTemporality
	}
	s.merge = s.kind == outbox.Cumulative && s.forwarder.mergesResources()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if e.maySend && !e.config.manual {
		go s.loop()
	} else {
		close(s.done)
	}
	return s
}

// loop looks whether a submission is due: at start, when woken by an export,
// and every check interval. Unless an export has just done so it records first,
// so that a submission has what was counted until then.
func (s *sender) loop() {
	defer close(s.done)
	ticker := time.NewTicker(s.e.config.checkInterval)
	defer ticker.Stop()
	for recorded := false; ; {
		if recorded || s.prepare() {
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
// make an attempt: none where it was not due before the recording, but one where
// something is wrong, which it finds out too.
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

// worthReporting leaves out what is no failure.
func worthReporting(err error) bool {
	return err != nil && !errors.Is(err, outbox.ErrNoConsent) && !errors.Is(err, outbox.ErrLeased) &&
		!errors.Is(err, outbox.ErrLeaseLost) && !errors.Is(err, context.Canceled) && !errors.Is(err, sdkmetric.ErrExporterShutdown)
}

// check asks for a look. It never waits.
func (s *sender) check() {
	if s == nil {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// submit makes one attempt, and more of them if asked for all that is new: a
// batch that was under way leaves what was recorded since for the next, and any
// batch what a receiver would take for a second point of one stream.
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
		again, err := s.attempt(ctx, force)
		if err != nil || !force || !again {
			return err
		}
	}
}

// attempt sends one batch, or as much of it as one attempt may. again says that
// more can follow at once.
func (s *sender) attempt(ctx context.Context, force bool) (again bool, err error) {
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
	again, err = s.sendParts(ctx, sub)
	if errors.Is(err, outbox.ErrLeaseLost) {
		_ = s.takeBack(ctx, force) // after an erasure; at worst the next look does it
	}
	return again, err
}

func (s *sender) request(force bool) outbox.Request {
	return outbox.Request{
		Forwarder: s.kind, MaySend: s.e.maySend, Force: force,
		Interval: s.e.config.submitInterval, Lease: 2*s.e.config.requestTimeout + 10*time.Second, Merge: s.merge,
	}
}

// sendParts makes the requests of a submission.
func (s *sender) sendParts(ctx context.Context, sub *outbox.Submission) (again bool, err error) {
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
		goOn, err := sub.Settle(ctx, part, o)
		if err != nil {
			return false, err
		}
		if !goOn {
			return false, submitError(failure)
		}
	}
	again, err = sub.Pause(ctx)
	return again, errors.Join(err, submitError(sub.Failed()))
}

func submitError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("submit usage: %w", err)
}

func (s *sender) send(ctx context.Context, part *series.Part) (outbox.Outcome, error) {
	err := s.forwarder.export(ctx, s.e.config.requestTimeout, ResourceMetrics(part, s.temporality))
	return outcomeOf(err), err
}

// stop ends the sender within the grace. The context bounds the network, never
// what is written to the mirror.
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
		s.turn <- struct{}{} // an attempt of Submit gives its lease back
		err = s.forwarder.shutdown(s.e.config.shutdownGrace)
	})
	return err
}

// patience is how long this shutdown waits for a request. A program that never
// runs for as long as one takes waits longer now and then, and otherwise not at
// all once its requests were cut off.
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
