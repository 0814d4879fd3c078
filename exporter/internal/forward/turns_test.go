package forward

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

func nothing() error { return nil }

func TestOneExportAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns()
		giveBack, err := turns.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second := make(chan error)
		go func() {
			giveBack, err := turns.Take(t.Context())
			if err == nil {
				giveBack()
			}
			second <- err
		}()
		synctest.Wait()
		select {
		case err := <-second:
			t.Fatalf("two have the turn, %v", err)
		default:
		}
		giveBack()
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

// Waiting for the turn ends with the caller's context, and with Shutdown.
func TestWaitingForTheTurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns()
		giveBack, err := turns.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		_, err = turns.Take(ctx)
		var o *outcome.Error
		if !errors.As(err, &o) || o.Class != outcome.Transient || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cause) {
			t.Errorf("after the deadline: %v", err)
		}
		waiting := make(chan error)
		go func() { _, err := turns.Take(t.Context()); waiting <- err }()
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- turns.Shutdown(t.Context(), nothing) }()
		if err := <-waiting; err != sdkmetric.ErrExporterShutdown {
			t.Errorf("at shutdown: %v", err)
		}
		giveBack()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := turns.Take(t.Context()); err != sdkmetric.ErrExporterShutdown || !turns.Closed() {
			t.Errorf("after shutdown: %v", err)
		}
	})
}

// TestWhatBreaksARequestOff: the caller, the timeout and a shutdown, each with an
// outcome of its own.
func TestWhatBreaksARequestOff(t *testing.T) {
	for name, tt := range map[string]struct {
		caller, shutdown time.Duration // 0 for never
		reason           string
		err              error
	}{
		"timeout":  {0, 0, "h did not answer within 10s", context.DeadlineExceeded},
		"caller":   {time.Second, 0, "interrupted before an answer came: context deadline exceeded", context.DeadlineExceeded},
		"shutdown": {0, time.Second, "the exporter was shut down before an answer came", sdkmetric.ErrExporterShutdown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				turns := NewTurns()
				giveBack, err := turns.Take(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				if tt.caller > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.caller)
					defer cancel()
				}
				bounded, cancel := turns.Bound(ctx, 10*time.Second)
				defer cancel()
				if o := turns.Broken(ctx, bounded, "h", 10*time.Second); o != nil {
					t.Errorf("at first: %v", o)
				}
				ended := make(chan error, 1)
				if tt.shutdown > 0 {
					patience, cancel := context.WithTimeout(t.Context(), tt.shutdown)
					defer cancel()
					go func() { ended <- turns.Shutdown(patience, nothing) }()
				}
				<-bounded.Done()
				o := turns.Broken(ctx, bounded, "h", 10*time.Second)
				if o == nil || o.Class != outcome.Transient || o.Reason != tt.reason || !errors.Is(o, tt.err) {
					t.Errorf("got %v, want %s", o, tt.reason)
				}
				giveBack()
				if tt.shutdown > 0 {
					if err := <-ended; err != context.DeadlineExceeded {
						t.Errorf("Shutdown returned %v", err)
					}
				}
			})
		})
	}
}

func TestShutdownReleasesOnce(t *testing.T) {
	turns, released, broken := NewTurns(), 0, errors.New("broken")
	release := func() error { released++; return broken }
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := turns.Shutdown(done, release); !errors.Is(err, broken) || errors.Is(err, context.Canceled) {
		t.Errorf("with nothing under way: %v", err)
	}
	if err := turns.Shutdown(t.Context(), release); err != sdkmetric.ErrExporterShutdown || released != 1 {
		t.Errorf("then: %v, released %d times", err, released)
	}
}
