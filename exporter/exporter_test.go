package exporter

import (
	"context"
	"errors"
	"maps"
	"math"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func TestExporterForwardsEachCountOnceOverRuns(t *testing.T) {
	forwarder, path, clock := delta(), filepath.Join(t.TempDir(), "usage.db"), newClock()
	for i := range 3 {
		r := setup{path: path, clock: clock, opts: []Option{WithForwarder(forwarder)}}.start(t)
		quests := r.statistic("quests")
		if got, want := quests.Value(), int64(5*i); got != want {
			t.Errorf("run %d starts from %d, want %d", i, got, want)
		}
		quests.Add(2)
		r.record()
		quests.With(attribute.String("via", "web")).Add(7)
		quests.Add(3)
		r.record()
		clock.advance(2 * time.Hour)
		r.submit()
		r.submit() // nothing new: no request
		r.end()
	}
	if n := len(forwarder.requests()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 quests": 15, "1.0.0 quests{via=web}": 21})
}

func TestIntervalsOfSubmissionsAreContiguous(t *testing.T) {
	forwarder, clock := delta(), newClock()
	r := setup{clock: clock, opts: []Option{WithForwarder(forwarder)}}.start(t)
	n := r.statistic("n")
	for _, step := range []time.Duration{time.Hour, -3 * time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour, time.Minute} {
		clock.advance(step)
		n.Inc()
		r.record()
		r.submit()
	}
	r.end()
	end := r.store.CreatedAt().Truncate(24 * time.Hour) // when it was made is not told
	for i, rm := range forwarder.requests() {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				sum, ok := m.Data.(metricdata.Sum[int64])
				if !ok || m.Name != "n" {
					continue
				}
				p := sum.DataPoints[0]
				if !p.StartTime.Equal(end) || !p.Time.After(p.StartTime) {
					t.Errorf("submission %d covers %v to %v, want a start of %v", i, p.StartTime, p.Time, end)
				}
				end = p.Time
			}
		}
	}
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 n": 5})
}

func TestOccupancyFollowsTheStateOverRestartAndUpgrade(t *testing.T) {
	forwarder, path, clock := delta(), filepath.Join(t.TempDir(), "usage.db"), newClock()
	start := func(version string) *run {
		return setup{path: path, clock: clock, version: version, opts: []Option{WithForwarder(forwarder)}}.start(t)
	}
	r := start("1.0.0")
	r.state("units", "").Set("Metric")
	r.record()
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{
		"1.0.0 units.changes{state=Metric}": 1, "1.0.0 units.occupancy{state=Metric}": 1})

	r = start("1.0.0") // a restart moves nothing
	r.state("units", "US")
	r.record()
	r.submit()
	r.end()
	if n := len(forwarder.requests()); n != 1 {
		t.Errorf("a restart submitted: %d requests, want 1", n)
	}

	r = start("1.1.0") // an upgrade takes the state over, a change moves it
	units := r.state("units", "")
	r.record()
	units.Set("US")
	r.record()
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{
		"1.0.0 units.changes{state=Metric}":   1,
		"1.0.0 units.occupancy{state=Metric}": 0, // +1 and -1
		"1.1.0 units.changes{state=US}":       1,
		"1.1.0 units.occupancy{state=US}":     1,
	})
}

// TestInitialStates hold for as long as none was set: they are what the
// installation is in and no change, and a later one takes an earlier one's place.
func TestInitialStates(t *testing.T) {
	forwarder, path, clock := delta(), filepath.Join(t.TempDir(), "usage.db"), newClock()
	start := func(version string) *run {
		return setup{path: path, clock: clock, version: version, opts: []Option{WithForwarder(forwarder)}}.start(t)
	}
	step := func(version, initial string, set []string, want map[string]float64) {
		t.Helper()
		r := start(version)
		units := r.state("units", initial)
		for _, state := range set {
			units.Set(state)
		}
		r.record()
		r.submit()
		r.end()
		sums := usage(received(forwarder.requests()))
		maps.DeleteFunc(sums, func(_ string, n float64) bool { return n == 0 })
		diff(t, sums, want)
	}
	step("1.0.0", "Metric", nil, map[string]float64{"1.0.0 units.occupancy{state=Metric}": 1})
	step("1.0.0", "Metric", []string{"Metric"}, map[string]float64{"1.0.0 units.occupancy{state=Metric}": 1})
	if n := len(forwarder.requests()); n != 1 {
		t.Errorf("a restart submitted: %d requests, want 1", n)
	}
	step("1.0.0", "US", nil, map[string]float64{"1.0.0 units.occupancy{state=US}": 1})
	step("1.0.0", "", nil, map[string]float64{})
	step("1.1.0", "US", nil, map[string]float64{"1.1.0 units.occupancy{state=US}": 1})
	step("1.1.0", "US", []string{"Metric"}, map[string]float64{"1.1.0 units.occupancy{state=Metric}": 1, "1.1.0 units.changes{state=Metric}": 1})
	step("1.1.0", "US", nil, map[string]float64{"1.1.0 units.occupancy{state=Metric}": 1, "1.1.0 units.changes{state=Metric}": 1})
	step("1.1.0", "US", []string{""}, map[string]float64{"1.1.0 units.changes": 1, "1.1.0 units.changes{state=Metric}": 1})
	step("1.1.0", "US", nil, map[string]float64{"1.1.0 units.changes": 1, "1.1.0 units.changes{state=Metric}": 1}) // it was cleared
}

// TestInitialStatesOfTwoProcesses: of what two processes that run together pass
// the later one holds, until one of them sets a state.
func TestInitialStatesOfTwoProcesses(t *testing.T) {
	forwarder, path, clock := delta(), filepath.Join(t.TempDir(), "usage.db"), newClock()
	begin := func(initial string) (*run, *otelusage.State) {
		r := setup{path: path, clock: clock, opts: []Option{WithForwarder(forwarder)}}.start(t)
		return r, r.state("units", initial)
	}
	holds := func(r *run, want map[string]float64) {
		t.Helper()
		r.submit()
		sums := usage(received(forwarder.requests()))
		maps.DeleteFunc(sums, func(_ string, n float64) bool { return n == 0 })
		diff(t, sums, want)
	}
	a, unitsOfA := begin("Metric")
	b, unitsOfB := begin("US")
	a.record()
	b.record()
	a.record()
	holds(a, map[string]float64{"1.0.0 units.occupancy{state=US}": 1})
	if v, _ := unitsOfA.Value(); v != "Metric" || unitsOfA.Changes() != 0 {
		t.Errorf("the first one is in %q, %d changes", v, unitsOfA.Changes())
	}
	unitsOfA.Set("US")
	a.record()
	b.record()
	set := map[string]float64{"1.0.0 units.occupancy{state=US}": 1, "1.0.0 units.changes{state=US}": 1}
	holds(b, set)
	c, _ := begin("Imperial")
	c.record()
	holds(c, set)
	unitsOfB.Set("Metric")
	b.record()
	holds(b, map[string]float64{"1.0.0 units.occupancy{state=Metric}": 1, "1.0.0 units.changes{state=US}": 1, "1.0.0 units.changes{state=Metric}": 1})
	for _, r := range []*run{a, b, c} {
		r.end()
	}
}

// TestAnInitialStateThatIsDeclaredLate, by another package, is no change.
func TestAnInitialStateThatIsDeclaredLate(t *testing.T) {
	forwarder := delta()
	r := setup{opts: []Option{WithForwarder(forwarder)}}.start(t)
	r.state("units", "")
	r.record()
	units := r.state("units", "Metric")
	r.record()
	if v, _ := units.Value(); v != "Metric" || units.Changes() != 0 {
		t.Errorf("it is in %q, %d changes", v, units.Changes())
	}
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 units.occupancy{state=Metric}": 1})
}

func TestInstrumentsOfTheApplicationAreLeftOut(t *testing.T) {
	forwarder := delta()
	r := setup{opts: []Option{WithForwarder(forwarder)}}.start(t)
	counter, err := r.provider.Meter("app").Int64Counter("requests")
	must(t, err)
	counter.Add(t.Context(), 5, metric.WithAttributes(attribute.String("user", "alice")))
	r.statistic("n").Inc()
	r.record()
	r.submit()
	r.end()
	diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 n": 1})
}

func TestAdmittedScopesLoseTheirAttributesButNoCount(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []Option
		want map[string]float64
	}{
		{"none by default", nil, map[string]float64{"1.0.0 requests": 12, "1.0.0 latency": 3}},
		{"named keys", []Option{WithAttributeKeys("route")}, map[string]float64{
			"1.0.0 requests{route=/a}": 8, "1.0.0 requests{route=/b}": 4, "1.0.0 latency{route=/a}": 2, "1.0.0 latency{route=/b}": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forwarder := delta()
			r := setup{opts: append(tt.opts, WithForwarder(forwarder), WithScopes("app"))}.start(t)
			meter := r.provider.Meter("app")
			requests, err := meter.Int64Counter("requests")
			must(t, err)
			latency, err := meter.Float64Histogram("latency")
			must(t, err)
			free, err := meter.Float64Gauge("free")
			must(t, err)
			for i, p := range []struct{ user, route string }{{"alice", "/a"}, {"bob", "/a"}, {"carol", "/b"}} {
				with := metric.WithAttributes(attribute.String("user", p.user), attribute.String("route", p.route))
				requests.Add(t.Context(), 4, with)
				latency.Record(t.Context(), float64(i), with)
				free.Record(t.Context(), 0.5)
				r.record()
			}
			r.submit()
			r.end()
			diff(t, usage(received(forwarder.requests())), tt.want)
		})
	}
}

func TestExponentialHistogramsAddUpOverScaleChanges(t *testing.T) {
	forwarder := delta()
	r := setup{
		opts: []Option{WithForwarder(forwarder)},
		sdk: []sdkmetric.Option{sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "play"},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 20, MaxScale: 20}}))},
	}.start(t)
	play, err := r.tracker.Timer("play")
	must(t, err)
	var count uint64
	var total float64
	for i, d := range []time.Duration{time.Second, time.Second + time.Millisecond, time.Hour, time.Millisecond, 30 * 24 * time.Hour, 0} {
		play.Record(t.Context(), d)
		count, total = count+1, total+d.Seconds()
		r.record()
		if i%2 == 1 {
			r.submit()
		}
	}
	r.end()
	var gotCount, inBuckets uint64
	var gotTotal float64
	for _, rm := range forwarder.requests() {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				data, ok := m.Data.(metricdata.ExponentialHistogram[float64])
				if !ok {
					continue
				}
				for _, p := range data.DataPoints {
					gotCount, gotTotal = gotCount+p.Count, gotTotal+p.Sum
					inBuckets += p.ZeroCount
					for _, n := range p.PositiveBucket.Counts {
						inBuckets += n
					}
				}
			}
		}
	}
	if gotCount != count || inBuckets != count || gotTotal != total {
		t.Errorf("received %d (%d in buckets) of %v s, want %d of %v s", gotCount, inBuckets, gotTotal, count, total)
	}
}

func TestCumulativeForwarderGetsSharedTotals(t *testing.T) {
	forwarder, clock := &recordingForwarder{temporality: metricdata.CumulativeTemporality}, newClock()
	r := setup{clock: clock, opts: []Option{WithForwarder(forwarder)}}.start(t)
	n := r.statistic("n")
	n.Add(3) // waits when sending is switched off, and so is withheld with the rest
	r.record()
	must(t, r.store.Disable(t.Context()))
	n.Add(100)
	r.record()
	must(t, r.store.Enable(t.Context()))
	r.record() // notices the change of mind
	n.Add(4)
	r.record()
	r.submit()
	r.end()
	last := forwarder.requests()[len(forwarder.requests())-1:]
	diff(t, usage(received(last)), map[string]float64{"1.0.0 n": 4})
}

func TestExporterIsOneReadersAlone(t *testing.T) {
	r := setup{}.start(t)
	if _, err := New(r.store); !errors.Is(err, recording.ErrInUse) {
		t.Errorf("second exporter: %v, want ErrInUse", err)
	}
	r.end()
}

func TestExporterAfterShutdown(t *testing.T) {
	r := setup{opts: []Option{WithForwarder(delta())}}.start(t)
	must(t, r.exporter.Shutdown(t.Context()))
	ctx := t.Context()
	for name, err := range map[string]error{
		"Export":     r.exporter.Export(ctx, &metricdata.ResourceMetrics{}),
		"ForceFlush": r.exporter.ForceFlush(ctx),
		"Submit":     r.exporter.Submit(ctx),
		"Shutdown":   r.exporter.Shutdown(ctx),
	} {
		if !errors.Is(err, sdkmetric.ErrExporterShutdown) {
			t.Errorf("%s after Shutdown: %v, want ErrExporterShutdown", name, err)
		}
	}
	must(t, r.store.Close())
}

func TestPeriodicReaderRecordsOnShutdownWithACancelledContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	store, err := localstore.Open(path)
	must(t, err)
	reader, err := ReaderFactory(store, WithForwarder(delta()))(t.Context())
	must(t, err)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
	must(t, err)
	n, err := tracker.Statistic("n")
	must(t, err)
	n.Add(42)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, provider.Shutdown(ctx))
	must(t, store.Close())

	r := setup{path: path}.start(t)
	if got := r.statistic("n").Value(); got != 42 {
		t.Errorf("the mirror holds %d, want 42", got)
	}
	r.end()
}

func TestEnvironmentVetoes(t *testing.T) {
	for _, tt := range []struct {
		name, key, value string
		recorded         int64
	}{
		{"do not track", "DO_NOT_TRACK", "1", 5},
		{"do not track, in words", "DO_NOT_TRACK", "TRUE", 5},
		{"do not track, yes", "DO_NOT_TRACK", " yes ", 5},
		{"do not track, enabled", "DO_NOT_TRACK", "enabled", 5},
		{"disabled", "OTEL_SDK_DISABLED", "true", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forwarder, path := delta(), filepath.Join(t.TempDir(), "usage.db")
			t.Setenv(tt.key, tt.value)
			r := setup{path: path, opts: []Option{WithForwarder(forwarder)}}.start(t)
			r.statistic("n").Add(5)
			r.record()
			if err := r.exporter.Submit(t.Context()); !errors.Is(err, ErrNoConsent) {
				t.Errorf("Submit: %v, want ErrNoConsent", err)
			}
			r.end()
			t.Setenv(tt.key, "")
			r = setup{path: path, opts: []Option{WithForwarder(forwarder)}}.start(t)
			if got := r.statistic("n").Value(); got != tt.recorded {
				t.Errorf("recorded %d, want %d", got, tt.recorded)
			}
			r.statistic("n").Add(1)
			r.record()
			r.submit()
			r.end()
			diff(t, usage(received(forwarder.requests())), map[string]float64{"1.0.0 n": 1})
		})
	}
}

// Streams that are added up in one series are differenced each for itself: one
// that is not observed for a while, or the order of their sum, is no restart.
func TestAdmittedStreamsThatComeAndGoCountOnce(t *testing.T) {
	forwarder := delta()
	r := setup{opts: []Option{WithForwarder(forwarder), WithScopes("app")}}.start(t)
	away := false
	_, err := r.provider.Meter("app").Float64ObservableCounter("c",
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			for i := range 40 {
				if i > 0 || !away {
					o.Observe(0.1*float64(i+1), metric.WithAttributes(attribute.Int("i", i)))
				}
			}
			return nil
		}))
	must(t, err)
	for i := range 20 {
		away = i%3 == 1
		r.record()
	}
	r.submit()
	r.end()
	if got, want := received(forwarder.requests())["1.0.0 c"], 82.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("received %v, want %v", got, want)
	}
}
