package standalone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// retry tries a start again that failed for a reason that can pass. Until one
// succeeds the tracker is not attached: it keeps what it counts, and attaching
// adds that to the lifetimes that are restored then.
type retry struct {
	forwarder sdkmetric.Exporter
	quit      chan struct{}
	done      chan struct{}
}

// waiting are the trackers of starts that are to be tried again. A second start
// must not take one of them away.
var waiting sync.Map

// retryLater begins to try again at each record interval.
func (u *Usage) retryLater(forwarder sdkmetric.Exporter) {
	interval := u.config.RecordInterval
	if interval <= 0 {
		interval = exporter.DefaultRecordInterval
	}
	u.retry = &retry{forwarder: forwarder, quit: make(chan struct{}), done: make(chan struct{})}
	go u.retry.loop(interval, func() bool { return u.tryAgain(startWait) })
}

func (r *retry) loop(interval time.Duration, try func() (over bool)) {
	defer close(r.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-r.quit:
			return
		case <-ticker.C:
			if try() {
				return
			}
		}
	}
}

// tryAgain makes one more start. over says that there is no reason for another.
// A cause is reported once, however often it is met.
func (u *Usage) tryAgain(wait time.Duration) (over bool) {
	made, err := u.open(u.retry.forwarder, wait)
	if err != nil {
		if !errors.Is(err, localstore.ErrOptedOut) {
			u.errors.report(fmt.Errorf("start usage tracking: %w", err))
		}
		return !errors.As(err, new(passingError))
	}
	u.errors.report(u.adopt(made))
	return true
}

// adopt connects the tracker to what records from now on.
func (u *Usage) adopt(made *recorder) error {
	err := u.attachClaimed(made.provider, made.store)
	made.store.SetBusyTimeout(localstore.DefaultBusyTimeout)
	u.made.Store(made)
	if !u.agreed.Load() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), localstore.DefaultBusyTimeout)
	defer cancel()
	return errors.Join(err, u.keepAgreed(ctx))
}

// endRetry stops trying, after one last time: what was counted has no other way
// into the mirror.
func (u *Usage) endRetry() {
	if u.retry == nil {
		return
	}
	close(u.retry.quit)
	<-u.retry.done
	if u.made.Load() == nil {
		u.tryAgain(localstore.DefaultBusyTimeout)
	}
	if u.made.Load() == nil {
		u.keepAgreedAhead()
		_ = u.attachClaimed(unheard(), nil)
	}
}

// attachClaimed attaches the tracker, and gives the claim to it back only then:
// a start in between would take it away.
func (u *Usage) attachClaimed(provider metric.MeterProvider, store *localstore.Store) error {
	claimed := u.tracker // attaching may replace one that was closed
	defer waiting.Delete(claimed)
	return u.attach(provider, store)
}

// claim reports otelusage.ErrAttached where another start waits with u's
// tracker.
func (u *Usage) claim() error {
	if _, taken := waiting.LoadOrStore(u.tracker, true); taken {
		return u.failed(fmt.Errorf("%w: nothing that it counts is recorded by this start, see Config.Tracker", otelusage.ErrAttached))
	}
	return nil
}
