package exporter

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// lock holds the mirror's write lock as a person at a prompt would.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	conn, err := db.Conn(t.Context())
	must(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	return func() {
		_, err := conn.ExecContext(t.Context(), "ROLLBACK")
		must(t, errors.Join(err, conn.Close(), db.Close()))
	}
}

func TestFailedExportIsCarriedByTheNext(t *testing.T) {
	forwarder, path := delta(), filepath.Join(t.TempDir(), "usage.db")
	r := setup{path: path, store: []localstore.Option{localstore.WithBusyTimeout(time.Millisecond)}, opts: []Option{WithForwarder(forwarder)}}.start(t)
	n := r.statistic("n")
	n.Add(1)
	r.record()
	unlock := lock(t, path)
	for range 3 {
		n.Add(10)
		if err := r.export(); err == nil {
			t.Error("an export to a locked mirror succeeded")
		}
	}
	if err := r.exporter.ForceFlush(t.Context()); err == nil {
		t.Error("ForceFlush hides that counts wait")
	}
	unlock()
	n.Add(100)
	r.record()
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 n": 131})
}

func TestMisbehavingForwardersLoseNothing(t *testing.T) {
	blocked := make(chan struct{})
	t.Cleanup(func() { close(blocked) })
	once := func(f func(context.Context, *metricdata.ResourceMetrics) error) func(context.Context, *metricdata.ResourceMetrics) error {
		first := true
		return func(ctx context.Context, rm *metricdata.ResourceMetrics) error {
			if first {
				first = false
				return f(ctx, rm)
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(context.Context, *metricdata.ResourceMetrics) error
		fails  bool
	}{
		{"panics", func(context.Context, *metricdata.ResourceMetrics) error { panic("no") }, true},
		{"plain error", func(context.Context, *metricdata.ResourceMetrics) error { return errors.New("no") }, true},
		{"typed nil error", func(context.Context, *metricdata.ResourceMetrics) error { var e *outcome.Error; return e }, true},
		{"refuses", func(context.Context, *metricdata.ResourceMetrics) error {
			return &outcome.Error{Class: outcome.Refused, Status: 401, Reason: "no key"}
		}, true},
		{"changes the data and fails", func(_ context.Context, rm *metricdata.ResourceMetrics) error {
			for _, sm := range rm.ScopeMetrics {
				for i := range sm.Metrics {
					if sum, ok := sm.Metrics[i].Data.(metricdata.Sum[int64]); ok {
						sum.DataPoints[0].Value = -1
					}
					sm.Metrics[i].Name = "spoiled"
				}
			}
			return errors.New("no")
		}, true},
		{"blocks until its deadline", func(ctx context.Context, _ *metricdata.ResourceMetrics) error {
			<-ctx.Done()
			return ctx.Err()
		}, true},
		{"takes all", func(context.Context, *metricdata.ResourceMetrics) error { return nil }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forwarder, clock := delta(), newClock()
			answer := once(tt.answer)
			var taken []*metricdata.ResourceMetrics
			forwarder.answer = func(ctx context.Context, rm *metricdata.ResourceMetrics) error {
				err := answer(ctx, rm)
				if err == nil {
					taken = append(taken, rm)
				}
				return err
			}
			r := setup{clock: clock, opts: []Option{WithForwarder(forwarder), WithRequestTimeout(20 * time.Millisecond)}}.start(t)
			r.statistic("n").Add(7)
			r.record()
			err := r.exporter.Submit(t.Context())
			if (err != nil) != tt.fails {
				t.Errorf("Submit: %v", err)
			}
			r.balanced()
			r.statistic("n").Add(1)
			r.record()
			r.submit()
			r.end()
			diff(t, usage(received(taken)), map[string]float64{"1.0.0 n": 8})
		})
	}
}

func TestForwarderThatNeverReturnsIsLeftBehind(t *testing.T) {
	forwarder, release := delta(), make(chan struct{})
	forwarder.answer = func(context.Context, *metricdata.ResourceMetrics) error { <-release; return nil }
	r := setup{opts: []Option{WithForwarder(forwarder), WithRequestTimeout(time.Millisecond), WithShutdownGrace(time.Millisecond)}}.start(t)
	r.statistic("n").Add(7)
	r.record()
	for range 2 {
		if err := r.exporter.Submit(t.Context()); err == nil {
			t.Error("Submit succeeded without an answer")
		}
		r.balanced()
	}
	if n := len(forwarder.requests()); n != 1 {
		t.Errorf("%d requests while the first is out, want 1", n)
	}
	close(release)
	must(t, r.tracker.Close())
	_ = r.exporter.Shutdown(t.Context()) // the forwarder may have come back by now or not
	must(t, r.store.Close())
}

func TestTypedNilForwarderIsRefused(t *testing.T) {
	store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"))
	must(t, err)
	defer store.Close()
	var missing *recordingForwarder
	if _, err := New(store, WithForwarder(missing)); err == nil {
		t.Error("a nil *recordingForwarder was accepted")
	}
	if _, err := New(nil); err == nil {
		t.Error("a nil store was accepted")
	}
}

func TestCallbackErrorOfTheApplicationLosesNothing(t *testing.T) {
	forwarder, path := delta(), filepath.Join(t.TempDir(), "usage.db")
	r := setup{path: path, opts: []Option{WithForwarder(forwarder)}}.start(t)
	fail := true
	_, err := r.provider.Meter("app").Int64ObservableGauge("broken", broken(func() error {
		if fail {
			return errors.New("broken")
		}
		return nil
	}))
	must(t, err)
	n := r.statistic("n")
	n.Add(3)
	var rm metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &rm); err == nil {
		t.Fatal("the collection succeeded")
	}
	fail = false
	n.Add(4)
	r.record()
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 n": 7})
}

func TestIdleCollectionsLeaveTheFilesUntouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	r := setup{path: path, opts: []Option{WithForwarder(delta())}}.start(t)
	r.statistic("n").Add(3)
	r.state("mode", "on")
	r.record()
	r.submit()
	before := files(t, path)
	for range 100 {
		must(t, r.export())
	}
	for name, content := range files(t, path) {
		if before[name] != content {
			t.Errorf("%s changed", name)
		}
	}
	r.end()
}

func files(t *testing.T, path string) map[string]string {
	t.Helper()
	contents := make(map[string]string)
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		must(t, err)
		contents[filepath.Base(path+suffix)] = string(b)
	}
	return contents
}

func TestShutdownGivesAnAttemptBackWithinTheGrace(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "usage.db"), newClock()
	silent := delta()
	under := make(chan struct{}, 1)
	silent.answer = func(ctx context.Context, _ *metricdata.ResourceMetrics) error {
		under <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	r := setup{path: path, clock: clock, opts: []Option{WithForwarder(silent), WithShutdownGrace(time.Millisecond)}}.start(t)
	r.statistic("n").Add(7)
	r.record()
	done := make(chan error, 1)
	go func() { done <- r.exporter.Submit(context.Background()) }()
	<-under
	must(t, r.exporter.Shutdown(t.Context()))
	if err := <-done; err == nil {
		t.Error("Submit succeeded without an answer")
	}
	must(t, r.store.Close())

	// The lease was given back: the next run sends at once, the very same.
	forwarder := delta()
	r = setup{path: path, clock: clock, opts: []Option{WithForwarder(forwarder)}}.start(t)
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 n": 7})
}

var _ sdkmetric.Exporter = (*recordingForwarder)(nil)
