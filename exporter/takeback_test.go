package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// occupied adds up by installation, mirror and state what a destination got:
// all of it, and without what is not newer than the last of its stream.
func occupied(requests []*metricdata.ResourceMetrics) (all, newest map[string]int64) {
	all, newest = make(map[string]int64), make(map[string]int64)
	ends := make(map[string]time.Time)
	for _, rm := range requests {
		id, _ := rm.Resource.Set().Value("app.installation.id")
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				sum, ok := m.Data.(metricdata.Sum[int64])
				if !ok || !strings.HasSuffix(m.Name, otelusage.OccupancySuffix) {
					continue
				}
				for _, p := range sum.DataPoints {
					key := id.AsString() + " " + m.Name + encode(p.Attributes)
					all[key] += p.Value
					if p.Time.After(ends[key]) {
						ends[key] = p.Time
						newest[key] += p.Value
					}
				}
			}
		}
	}
	return all, newest
}

// nowhere checks that installations which were erased are in no state. exact
// says that it is so for a destination that adds up all that comes, too.
func nowhere(t *testing.T, what string, requests []*metricdata.ResourceMetrics, exact bool, ids []string) {
	t.Helper()
	all, newest := occupied(requests)
	for name, sums := range map[string]map[string]int64{"adds up all": all, "drops what is old": newest} {
		if name == "adds up all" && !exact {
			continue
		}
		for key, n := range sums {
			for _, id := range ids {
				if strings.HasPrefix(key, id) && n != 0 {
					t.Errorf("%s: who %s holds %d of %s", what, name, n, key)
				}
			}
		}
	}
}

// stateWalk is a process that moves a State and submits, and another one that
// erases at chosen moments.
type stateWalk struct {
	recordingForwarder // the destination of both
	a, b               *run
	at                 map[int]bool
	moment             int
	erased             []string
	tb                 testing.TB
}

func (w *stateWalk) pass() {
	if w.at[w.moment] {
		w.erased = append(w.erased, w.b.store.InstallationID())
		must(w.tb, w.b.exporter.Erase(context.Background()))
	}
	w.moment++
}

// Export is a's forwarder: the other process can erase before a request is
// processed and before its answer arrives.
func (w *stateWalk) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	w.pass()
	err := w.recordingForwarder.Export(ctx, rm)
	w.pass()
	return err
}

// direct is b's.
type direct struct{ sdkmetric.Exporter }

func walkStates(t *testing.T, at map[int]bool) (moments int) {
	w := &stateWalk{recordingForwarder: recordingForwarder{temporality: metricdata.DeltaTemporality}, at: at, tb: t}
	s := setup{path: filepath.Join(t.TempDir(), "usage.db"), clock: newClock()}
	s.opts = []Option{WithForwarder(direct{&w.recordingForwarder})}
	w.b = s.start(t)
	s.opts = []Option{WithForwarder(w)}
	w.a = s.start(t)
	theme := w.a.state("theme", "dark")
	for i := range 3 {
		w.pass()
		must(t, w.a.export())
		w.pass()
		_ = w.a.exporter.Submit(t.Context()) // lost to an erasure
		theme.Set(fmt.Sprint("light", i))
		s.clock.advance(time.Minute)
	}
	moments, w.at = w.moment, nil
	s.clock.advance(outbox.MaxLease)
	must(t, w.a.exporter.Submit(t.Context()))
	nowhere(t, fmt.Sprint("erased at ", at), w.requests(), true, w.erased)
	for _, r := range []*run{w.b, w.a} {
		must(t, r.tracker.Close())
		must(t, r.exporter.Shutdown(t.Context()))
		must(t, r.provider.Shutdown(t.Context()))
		must(t, r.store.Close())
	}
	return moments
}

// TestErasuresBetweenAnySteps walks every moment at which another process can
// erase while this one submits, and every two that are close; with -short every
// fourth moment.
func TestErasuresBetweenAnySteps(t *testing.T) {
	moments := walkStates(t, nil)
	for first := range moments {
		if testing.Short() && first%4 != 0 {
			continue
		}
		walkStates(t, map[int]bool{first: true})
		for second := first + 1; second < min(moments, first+4) && !testing.Short(); second++ {
			walkStates(t, map[int]bool{first: true, second: true})
		}
	}
}

// TestNothingHappensBetweenTakingBackAndErasing: what another process submits
// while the states are taken back is the new installation's.
func TestNothingHappensBetweenTakingBackAndErasing(t *testing.T) {
	s, f := setup{path: filepath.Join(t.TempDir(), "usage.db"), clock: newClock()}, delta()
	s.opts = []Option{WithForwarder(direct{f})}
	b := s.start(t)
	theme := b.state("theme", "dark")
	b.record()
	b.submit()
	g := delta()
	g.answer = func(ctx context.Context, rm *metricdata.ResourceMetrics) error {
		theme.Set("light")
		must(t, errors.Join(b.export(), b.exporter.Submit(ctx)))
		return f.Export(ctx, rm)
	}
	s.opts = []Option{WithForwarder(g)}
	a := s.start(t)
	old := a.store.InstallationID()
	must(t, a.exporter.Erase(t.Context()))
	if len(g.requests()) == 0 {
		t.Fatal("nothing was taken back")
	}
	nowhere(t, "the erased one", f.requests(), true, []string{old})
	a.end()
	b.end()
}

// TestErasingWhileItsOwnRequestIsUnderWay: Erase does not wait for it without
// end, and it is taken back when its answer comes.
func TestErasingWhileItsOwnRequestIsUnderWay(t *testing.T) {
	f := delta()
	under, answer := make(chan struct{}, 9), make(chan error)
	f.answer = func(context.Context, *metricdata.ResourceMetrics) error {
		under <- struct{}{}
		return <-answer
	}
	r := setup{opts: []Option{WithForwarder(f)}}.start(t)
	r.state("theme", "dark")
	r.record()
	done := make(chan error, 1)
	go func() { done <- r.exporter.Submit(context.Background()) }()
	<-under
	old := r.store.InstallationID()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, r.exporter.Erase(ctx))
	close(answer) // also that of what takes it back
	if err := <-done; !errors.Is(err, outbox.ErrLeaseLost) {
		t.Errorf("Submit: %v, want ErrLeaseLost", err)
	}
	nowhere(t, "the erased one", f.requests(), true, []string{old})
	if n := len(f.requests()); n != 3 { // with the request to delete
		t.Errorf("%d requests, want 3", n)
	}
	f.answer = nil
	r.end()
}

// eraseElsewhere erases as a process without a destination does.
func eraseElsewhere(t *testing.T, o *sending) (old string) {
	t.Helper()
	s, err := localstore.Open(o.setup.path, localstore.WithClock(o.setup.clock.now))
	must(t, err)
	old = s.InstallationID()
	must(t, errors.Join(s.Erase(t.Context()), s.Close()))
	return old
}

// inState returns how many are in a state at a receiver that works like a
// Collector.
func inState(r *faulty.Receiver, state string) int64 {
	return r.Whole()["theme.occupancy{state="+state+"}"]
}

// TestErasedAfterALostAnswer: the destination has taken the batch in, and nobody
// knows. What takes it back is tried again, over restarts, until it arrives.
func TestErasedAfterALostAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for answers")
	}
	for _, fault := range []faulty.Fault{faulty.Lost, faulty.Unanswered, faulty.Hangup, faulty.Silence} {
		t.Run(fault.Name, func(t *testing.T) {
			receiver := faulty.Start()
			t.Cleanup(receiver.Close)
			o := outboxTo(t, receiver, receiver.URL, otlp.WithTimeout(50*time.Millisecond))
			o.state("theme", "dark")
			o.record()
			behave := fault
			receiver.Behave(func() faulty.Fault { return behave })
			if err := o.exporter.Submit(t.Context()); err == nil {
				t.Fatal("Submit knows that it arrived")
			}
			old := eraseElsewhere(t, o)
			for _, behave = range []faulty.Fault{faulty.Status(503, ""), faulty.Hangup, fault, fault, faulty.Lost, faulty.Status(429, "60")} {
				if err := o.exporter.Submit(t.Context()); err == nil {
					t.Fatal("nothing is left to take back")
				}
				o.setup.clock.advance(time.Minute)
				o.restart(t, receiver.URL, otlp.WithTimeout(50*time.Millisecond))
			}
			behave = faulty.Well
			o.restart(t, receiver.URL) // with time for an answer
			o.submit()
			if n := inState(receiver, "dark"); n != 0 {
				t.Errorf("%d are in the state, want none", n)
			}
			before := len(receiver.Bodies())
			o.submit()
			if again := len(receiver.Bodies()); again != before {
				t.Errorf("%d requests more", again-before)
			}
			o.end()
			forgotten(t, o.setup.path, []string{old})
		})
	}
}

func init() { children["submit a state"] = submitStates }

// submitStates is in one state, and is killed while it submits that it has moved
// to another.
func submitStates(path, url, _ string) error {
	ctx := context.Background()
	store, err := localstore.Open(path)
	if err != nil {
		return err
	}
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(url))
	if err != nil {
		return err
	}
	exp, err := New(store, WithForwarder(forwarder))
	if err != nil {
		return err
	}
	reader := NewReader(exp)
	tracker, err := otelusage.New(otelusage.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))), otelusage.WithLedger(store))
	if err != nil {
		return err
	}
	theme, err := tracker.State("theme", "dark")
	if err != nil {
		return err
	}
	if err := errors.Join(reader.Record(ctx), exp.Submit(ctx)); err != nil {
		return err
	}
	theme.Set("light")
	return errors.Join(reader.Record(ctx), exp.Submit(ctx))
}

// TestErasedAfterAProcessWasKilledInItsRequest, which the receiver had taken in.
func TestErasedAfterAProcessWasKilledInItsRequest(t *testing.T) {
	receiver := faulty.Start()
	t.Cleanup(receiver.Close)
	path := filepath.Join(t.TempDir(), "usage.db")
	under, requests := make(chan struct{}), 0
	receiver.Behave(func() faulty.Fault {
		if requests++; requests != 2 {
			return faulty.Well
		}
		close(under)
		return faulty.Unanswered
	})
	cmd := command(t, "submit a state", path, receiver.URL, "")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	select {
	case <-under:
	case <-time.After(time.Minute):
		t.Errorf("no request: %s", stderr.Bytes())
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	if dark, light := inState(receiver, "dark"), inState(receiver, "light"); dark != 0 || light != 1 {
		t.Fatalf("%d and %d are in the states, want one in the second", dark, light)
	}

	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL(receiver.URL))
	must(t, err)
	later := newClock()
	later.t = time.Now()
	r := setup{path: path, clock: later, opts: []Option{WithForwarder(forwarder)}}.start(t)
	old := []string{r.store.InstallationID(), r.store.MirrorID()}
	must(t, r.exporter.Erase(t.Context()))
	if n := len(receiver.Bodies()); n != 2 {
		t.Errorf("%d requests, while nobody knows whether that of the other process is under way", n)
	}
	later.advance(outbox.MaxLease)
	must(t, r.exporter.sender.submit(t.Context(), false))
	for _, state := range []string{"dark", "light"} {
		if n := inState(receiver, state); n != 0 {
			t.Errorf("%d are in the state %s, want none", n, state)
		}
	}
	forgotten(t, path, old)
	r.end()
}

// TestTakingBackIsCutOffByExitsLikeASubmission: it is logged, and tried again.
func TestTakingBackIsCutOffByExitsLikeASubmission(t *testing.T) {
	o := outboxTo(t, faulty.Start(), "http://127.0.0.1:1")
	t.Cleanup(o.receiver.Close)
	o.state("theme", "dark")
	o.record()
	_ = o.exporter.Submit(t.Context())
	eraseElsewhere(t, o)
	f := &silentForwarder{temporality: metricdata.DeltaTemporality, asked: make(chan struct{}, 1)}
	o.restartWith(t, f)
	done := make(chan error, 1)
	go func() { done <- o.exporter.Submit(context.Background()) }()
	select {
	case <-f.asked:
	case err := <-done:
		t.Fatalf("nothing is taken back: %v", err)
	}
	_ = o.exporter.Shutdown(t.Context())
	if err := <-done; err == nil {
		t.Error("Submit succeeded")
	}
	var n int
	o.query(t, `SELECT count(*) FROM submission_log WHERE reason LIKE '%ended before an answer%'`, &n)
	if n != 1 {
		t.Errorf("%d entries in the log, want 1", n)
	}
	must(t, o.store.Close())
	o.run = nil
	o.restart(t, o.receiver.URL)
	o.submit()
	if n := len(o.receiver.Bodies()); n != 3 { // with the request to delete
		t.Errorf("%d requests, want 3", n)
	}
	o.end()
}
