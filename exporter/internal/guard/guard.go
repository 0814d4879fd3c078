// Package guard calls a forwarder, which may be anybody's, and reads its answers.
package guard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

// Forwarder calls a forwarder that may panic or never return. It is idle or busy;
// while busy, no second call is made: a forwarder need not expect one.
type Forwarder struct {
	exporter sdkmetric.Exporter
	busy     atomic.Bool // a call is under way, maybe one that was given up
}

// New returns what calls f.
func New(f sdkmetric.Exporter) *Forwarder { return &Forwarder{exporter: f} }

var errBusy = &outcome.Error{Class: outcome.Transient, Reason: "the forwarder has not come back from an earlier request"}

// late is how much longer than its deadline a forwarder may take to notice it.
const late = 100 * time.Millisecond

// Export sends rm within the timeout. A forwarder that does not return is given up
// and not called until it does.
func (g *Forwarder) Export(ctx context.Context, timeout time.Duration, rm *metricdata.ResourceMetrics) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	err, returned := g.call(func() error {
		defer cancel()
		return g.exporter.Export(ctx, rm)
	}, ctx.Done())
	if !returned {
		return &outcome.Error{Class: outcome.Transient, Reason: "the forwarder did not come back in time", Err: context.Cause(ctx)}
	}
	return err
}

// call runs f in its own goroutine, and waits for it until shortly after expired.
func (g *Forwarder) call(f func() error, expired <-chan struct{}) (err error, returned bool) {
	if !g.busy.CompareAndSwap(false, true) {
		return errBusy, true
	}
	result := make(chan error, 1)
	go func() {
		answered := false
		defer func() {
			if !answered { // f ended its goroutine with runtime.Goexit
				g.busy.Store(false)
			}
		}()
		err := safely(f)
		answered = true
		g.busy.Store(false) // before the result is sent: its receiver may make the next call at once
		result <- err
	}()
	select {
	case err := <-result:
		return err, true
	case <-expired:
	}
	timer := time.NewTimer(late)
	defer timer.Stop()
	select {
	case err := <-result:
		return err, true
	case <-timer.C:
		return nil, false
	}
}

// safely turns a panic into an error.
func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &outcome.Error{Class: outcome.Unknown, Reason: fmt.Sprintf("the forwarder panicked: %v", p)}
		}
	}()
	return f()
}

// Temporality returns the forwarder's, of a counter.
func (g *Forwarder) Temporality() (t metricdata.Temporality) {
	_ = safely(func() error { // a forwarder that panics gets totals, and will panic at Export
		t = g.exporter.Temporality(sdkmetric.InstrumentKindCounter)
		return nil
	})
	return t
}

// MergesResources reports whether the forwarder's destination knows one version
// at a time: its forwarder has a method MergeResources that says so.
func (g *Forwarder) MergesResources() (merges bool) {
	m, ok := g.exporter.(interface{ MergeResources() bool })
	if ok {
		_ = safely(func() error { merges = m.MergeResources(); return nil })
	}
	return merges
}

// PlainText returns outcome.ErrPlainText if something may be sent and the forwarder has a method PlainText that says so.
func (g *Forwarder) PlainText(maySend bool) (err error) {
	m, ok := g.exporter.(interface{ PlainText() bool })
	if !ok || !maySend {
		return nil
	}
	_ = safely(func() error {
		if m.PlainText() {
			err = fmt.Errorf("exporter: %w: %v", outcome.ErrPlainText, g.exporter)
		}
		return nil
	})
	return err
}

// Shutdown gives the forwarder a bounded time to end.
func (g *Forwarder) Shutdown(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	err, returned := g.call(func() error {
		defer cancel()
		return g.exporter.Shutdown(ctx)
	}, ctx.Done())
	if !returned {
		return errors.New("shut down forwarder: it did not come back in time")
	}
	return err
}

// OutcomeOf reads what a forwarder's error says of the data.
func OutcomeOf(err error) outbox.Outcome {
	if err == nil {
		return outbox.Outcome{Verdict: outbox.Accepted}
	}
	var e *outcome.Error
	if !errors.As(err, &e) || e == nil {
		return outbox.Outcome{Verdict: outbox.Unknown, Reason: excerpt(err.Error())}
	}
	o := outbox.Outcome{Status: e.Status, RetryAfter: e.RetryAfter, Rejected: e.Rejected, Reason: excerpt(e.Error()), Advice: excerpt(e.Advice)}
	switch e.Class {
	case outcome.Transient:
		o.Verdict = outbox.Transient
	case outcome.TooLarge:
		o.Verdict = outbox.TooLarge
	case outcome.Partial:
		o.Verdict = outbox.Partial
	case outcome.Refused:
		o.Verdict = outbox.Refused
	default:
		o.Verdict = outbox.Unknown
	}
	return o
}

// maxReason bounds a reason in the submission log, in bytes.
const maxReason = 500

// excerpt cuts a text that may hold anything, at a rune.
func excerpt(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxReason {
		return s
	}
	end := maxReason
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
