package forward

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// Turns lets a forwarder's exports run one at a time, and ends them. It is open
// at first, closing from the moment Shutdown begins, and dead once Shutdown has
// returned or its context has ended. Its methods may be called concurrently.
type Turns struct {
	turn    chan struct{} // holds a token while an export has the turn
	closing chan struct{} // closed when Shutdown begins: no export takes a turn any more
	once    sync.Once     // closes closing

	// life ends when Shutdown returns or runs out of time. It breaks off the
	// request that is under way.
	life context.Context
	kill context.CancelFunc
}

// NewTurns returns Turns that nobody has taken.
func NewTurns() *Turns {
	t := &Turns{turn: make(chan struct{}, 1), closing: make(chan struct{})}
	t.life, t.kill = context.WithCancel(context.Background())
	return t
}

// Closed reports whether Shutdown was called.
func (t *Turns) Closed() bool {
	select {
	case <-t.closing:
		return true
	default:
		return false
	}
}

// Take waits for the turn and returns the function that gives it back. The wait
// ends with ctx, as a Transient outcome, and with Shutdown, as
// [sdkmetric.ErrExporterShutdown].
func (t *Turns) Take(ctx context.Context) (giveBack func(), err error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, interrupted(ctx)
	case <-t.closing:
		return nil, sdkmetric.ErrExporterShutdown
	}
	giveBack = func() { <-t.turn }
	// Where several cases are ready select takes any of them.
	switch {
	case t.Closed():
		err = sdkmetric.ErrExporterShutdown
	case ctx.Err() != nil:
		err = interrupted(ctx)
	default:
		return giveBack, nil
	}
	giveBack()
	return nil, err
}

// Bound returns the context of one request: it ends with ctx, after the timeout,
// and when Shutdown runs out of time. The caller has the turn, and calls cancel.
func (t *Turns) Bound(ctx context.Context, timeout time.Duration) (bounded context.Context, cancel func()) {
	bounded, end := context.WithTimeout(ctx, timeout)
	unhook := context.AfterFunc(t.life, end)
	return bounded, func() { unhook(); end() }
}

// Broken returns the outcome of a request to host without an answer if one of
// the three bounds of [Turns.Bound] is why, else nil. The caller's context comes
// first: it knows its own cause best.
func (t *Turns) Broken(ctx, bounded context.Context, host string, timeout time.Duration) *outcome.Error {
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx)
	case t.life.Err() != nil:
		return &outcome.Error{
			Class:  outcome.Transient,
			Reason: "the exporter was shut down before an answer came",
			Err:    sdkmetric.ErrExporterShutdown,
		}
	case bounded.Err() != nil:
		return &outcome.Error{
			Class:  outcome.Transient,
			Reason: fmt.Sprintf("%s did not answer within %v", host, timeout),
			Err:    bounded.Err(),
		}
	}
	return nil
}

// interrupted is the outcome of an export whose caller went away.
func interrupted(ctx context.Context) *outcome.Error {
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

// Shutdown lets no further export begin, waits for one that is under way, and
// calls release, which closes what the exports used. When ctx ends first, the
// request is broken off, release is called all the same, and ctx.Err() returned.
// Later calls return [sdkmetric.ErrExporterShutdown].
func (t *Turns) Shutdown(ctx context.Context, release func() error) error {
	err := sdkmetric.ErrExporterShutdown
	t.once.Do(func() {
		close(t.closing)
		defer t.kill()
		err = t.wait(ctx)
		if failed := release(); failed != nil {
			err = errors.Join(err, failed)
		}
	})
	return err
}

// wait takes the turn for good.
func (t *Turns) wait(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}: // nothing is under way, whatever ctx says
		return nil
	default:
	}
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		t.kill()
		t.turn <- struct{}{} // the request is cancelled now, so this does not take long
		return ctx.Err()
	}
}
