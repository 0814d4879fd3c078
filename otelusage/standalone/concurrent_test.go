package standalone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestEverythingAtOnceWhileAStartIsTriedAgain: whoever asks, decides, sends,
// counts and ends meanwhile, each count is in the mirror once, and no goroutine
// is left.
func TestEverythingAtOnceWhileAStartIsTriedAgain(t *testing.T) {
	before := goroutines()
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "mirror")
			path := filepath.Join(dir, "usage.db")
			must(t, os.WriteFile(dir, nil, 0o600)) // a file where the directory is to be
			c := config(path)
			c.RecordInterval = time.Millisecond
			c.Forwarder = new(counting)
			u, err := Start(t.Context(), c)
			if err == nil {
				t.Fatal("Start succeeded")
			}
			n, err := u.Tracker().Statistic("n")
			must(t, err)
			var group sync.WaitGroup
			ctx := t.Context()
			local := c
			local.Forwarder = nil
			second := func() error {
				other, err := Start(ctx, local)
				_ = other.Close()
				return err
			}
			for range 2 {
				for _, call := range []func() error{
					func() error { return u.Flush(ctx) }, func() error { return u.Submit(ctx) },
					func() error { return u.Enable(ctx) }, func() error { return u.Disable(ctx) },
					func() error { _, err := u.Consent(ctx); return err }, u.Err,
					second,
					func() error { u.Store().Path(); u.MeterProvider(); return nil },
				} {
					group.Go(func() {
						for range 20 {
							_ = call()
						}
					})
				}
			}
			for range 4 {
				group.Go(func() {
					for range 50 {
						n.Inc()
						runtime.Gosched()
					}
				})
			}
			group.Go(func() {
				time.Sleep(time.Duration(round) * 500 * time.Microsecond)
				must(t, os.Remove(dir))
			})
			if round%2 == 0 {
				group.Wait()
			}
			for range 3 {
				group.Go(func() { _ = u.Close() })
			}
			group.Wait()
			err = u.Close()
			if round%2 == 0 {
				must(t, err)
				if got := lifetime(t, path, "n"); got != 200 {
					t.Errorf("the mirror holds %d of 200: %v", got, u.Err())
				}
			}
			if err := second(); !errors.Is(err, otelusage.ErrAttached) && !errors.Is(err, otelusage.ErrClosed) {
				t.Errorf("a start with the tracker of one that ended: %v", err)
			}
			if f := c.Forwarder.(*counting); f.ends.Load() != 1 {
				t.Errorf("the forwarder was shut down %d times", f.ends.Load())
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); goroutines() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if after := goroutines(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// goroutines counts those of this module.
func goroutines() (n int) {
	buf := make([]byte, 1<<20)
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "anonymoususage-go/exporter") || strings.Contains(g, "standalone.(*retry)") || strings.Contains(g, "connectionOpener") {
			n++
		}
	}
	return n
}

// counting is a forwarder that accepts everything.
type counting struct{ ends atomic.Int32 }

func (*counting) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}
func (*counting) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}
func (*counting) Export(context.Context, *metricdata.ResourceMetrics) error { return nil }
func (*counting) ForceFlush(context.Context) error                          { return nil }
func (f *counting) Shutdown(context.Context) error                          { f.ends.Add(1); return nil }
