package exporter

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func init() { children["old release"] = oldRelease }

// oldRelease is a process of the release that knows the former names. It counts,
// records and ends.
func oldRelease(path, url, destination string) error {
	ctx := context.Background()
	forwarder, err := forwarderTo(ctx, destination, url)
	if err != nil {
		return err
	}
	store, err := localstore.Open(path)
	if err != nil {
		return err
	}
	exp, err := New(store, WithForwarder(forwarder), WithCheckInterval(NeverCheck))
	if err != nil {
		return err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(NewReader(exp)))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
	if err != nil {
		return err
	}
	n, err := tracker.Statistic("old_n")
	if err != nil {
		return err
	}
	n.Add(1000)
	if err := provider.Shutdown(ctx); err != nil {
		return err
	}
	return store.Close()
}

func forwarderTo(ctx context.Context, destination, url string) (sdkmetric.Exporter, error) {
	if destination == "OTLP" {
		return otlp.New(ctx, otlp.WithEndpointURL(url))
	}
	return hq.New(hq.Config{Host: url, APIKey: "k"})
}

// release is a running process of one release, in which everything is called as
// its prefix says.
type release struct {
	*run
	n    *otelusage.Statistic
	mode *otelusage.State
	play *otelusage.Timer
	trip *otelusage.Sequence
}

func startRelease(t *testing.T, s setup, prefix, former string) *release {
	t.Helper()
	r := &release{run: s.start(t)}
	from := func(name string) otelusage.TrackableOption {
		if former == "" {
			return nil
		}
		return otelusage.RenamedFrom(former + name)
	}
	var err error
	r.n, err = r.tracker.Statistic(prefix+"n", from("n"))
	must(t, err)
	r.mode, err = r.tracker.State(prefix+"mode", otelusage.NoState, from("mode"))
	must(t, err)
	r.play, err = r.tracker.Timer(prefix+"play", from("play"))
	must(t, err)
	r.trip, err = r.tracker.Sequence(prefix+"trip", []string{"A", "B"}, from("trip"))
	must(t, err)
	return r
}

// use counts n, a run of a minute, a trip, and sets the mode.
func (r *release) use(n int64, mode string) {
	r.n.Add(n)
	r.n.With(attribute.String("via", "web")).Add(n)
	r.play.Record(context.Background(), time.Minute)
	r.trip.AdvanceTo("B")
	r.mode.Set(mode)
	r.record()
}

// TestARenamedTrackableOverReleases: an installation is upgraded to a release that
// renames everything, while processes of the old release run on and start again.
// Nothing is counted apart in the mirror and at HQ, a Collector has each count
// once, under the name that its release has, and no total ever falls.
func TestARenamedTrackableOverReleases(t *testing.T) {
	for _, destination := range []string{"OTLP", "HQ"} {
		t.Run(destination, func(t *testing.T) {
			collector, server := faulty.Start(), startHeadquarters(t)
			t.Cleanup(collector.Close)
			url := map[string]string{"OTLP": collector.URL, "HQ": server.URL}[destination]
			s := outboxSetup(t)
			at := func(version string) setup {
				s := s
				forwarder, err := forwarderTo(t.Context(), destination, url)
				must(t, err)
				s.version, s.opts = version, []Option{WithForwarder(forwarder), WithSubmitInterval(submitEvery)}
				return s
			}
			highest := make(map[string]float64)
			submit := func(r *release) {
				t.Helper()
				s.clock.advance(2 * submitEvery)
				r.submit()
				for name, v := range server.values() {
					f, isNumber := v.(float64)
					if isNumber && f < highest[name] {
						t.Errorf("HQ's %s fell from %v to %v", name, highest[name], f)
					}
					highest[name] = f
				}
			}

			first := startRelease(t, at("1.0.0"), "old_", "")
			first.use(1, "easy")
			submit(first)
			first.end()
			old := startRelease(t, at("1.0.0"), "old_", "")
			old.use(10, "hard") // which waits to be sent when the next one starts

			next := startRelease(t, at("1.1.0"), "new_", "old_")
			if mode, _ := next.mode.Value(); next.n.Value() != 11 || next.n.With(attribute.String("via", "web")).Value() != 11 ||
				next.play.Total() != 2*time.Minute || next.play.Count() != 2 || next.trip.Completions() != 2 || mode != "hard" || next.mode.Changes() != 2 {
				t.Errorf("restored %v, %v, %v, %v", next.n, next.mode, next.play, next.trip)
			}
			next.use(100, "hard")
			submit(next)
			old.use(10_000, "easy")
			submit(old)
			child := command(t, "old release", s.path, url, destination)
			if out, err := child.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("old release: %v: %s", err, out)
			}
			next.use(100_000, "hard")
			submit(next)
			old.end()
			next.end()

			again := startRelease(t, at("1.1.0"), "new_", "old_")
			const total = 1 + 10 + 100 + 1000 + 10_000 + 100_000
			if mode, _ := again.mode.Value(); again.n.Value() != total || again.play.Count() != 5 || again.trip.Completions() != 5 ||
				mode != "easy" || again.mode.Changes() != 3 { // as the old release left it
				t.Errorf("restored %v, %v, %v, %v", again.n, again.mode, again.play, again.trip)
			}
			again.use(1_000_000, "hard")
			submit(again)
			snap, err := again.store.Snapshot(t.Context(), snapshot.Query{})
			must(t, err)
			if len(snap.Trackables) != 4 {
				t.Errorf("%d trackables are in the mirror, want 4", len(snap.Trackables))
			}
			again.end()

			if destination == "HQ" {
				server.holds(t, map[string]any{"new_n": 2.0*(total+1_000_000) - 1000, "new_play": 6 * 60.0, "new_trip": 6.0, "new_mode": "hard",
					"old_n": 2.0, "old_play": 60.0, "old_trip": 1.0})
				return
			}
			got := collector.Whole()
			for name, want := range map[string]int64{
				"old_n": 1 + 10 + 1000 + 10_000, "new_n": 100 + 100_000 + 1_000_000,
				"old_n{via=web}": 1 + 10 + 10_000, "new_n{via=web}": 100 + 100_000 + 1_000_000,
				"old_trip": 3, "new_trip": 3, "old_trip.checkpoints{checkpoint=A}": 3, "new_trip.checkpoints{checkpoint=B}": 3,
				"old_mode.occupancy{state=easy}": 0, "old_mode.occupancy{state=hard}": 0,
				"new_mode.occupancy{state=hard}": 1, "new_mode.occupancy{state=easy}": 0,
			} {
				if got[name] != want {
					t.Errorf("the Collector holds %s = %d, want %d", name, got[name], want)
				}
			}
			if runs := collector.Counts(); runs["old_play"] != 3 || runs["new_play"] != 3 {
				t.Errorf("the Collector holds %v", runs)
			}
		})
	}
}
