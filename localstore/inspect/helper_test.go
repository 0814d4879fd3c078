package inspect

import (
	"bytes"
	"context"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/bucketed"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// hostileText is what a terminal would act upon, and what it would show in
// another order.
const hostileText = "\x1b[31mred\x07 \u009b2J \u202egnp.exe <b>"

// start is when the mirror of the tests was made, a Sunday.
var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// recorder records into a mirror with a clock of its own.
type recorder struct {
	t      testing.TB
	store  *localstore.Store
	writer *recording.Writer
	now    time.Time
}

func newRecorder(t testing.TB, opts ...localstore.Option) *recorder {
	t.Helper()
	r := &recorder{t: t, now: start}
	path := filepath.Join(t.TempDir(), "usage.db")
	store, err := localstore.Open(path, append([]localstore.Option{
		localstore.WithClock(r.clock),
		localstore.WithInstallationID("11111111-2222-4333-8444-555555555555"),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	r.store = store
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if r.writer, err = store.Writer(true); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *recorder) declare(d otelusage.Declaration) {
	r.t.Helper()
	if _, err := r.store.Declare(d); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) record(rec recording.Recording) {
	r.t.Helper()
	rec.MaySend = true
	if err := r.writer.Record(r.t.Context(), rec); err != nil {
		r.t.Fatal(err)
	}
}

var deltaRequest = outbox.Request{Forwarder: outbox.Delta, MaySend: true, Force: true, Interval: time.Hour, Lease: time.Minute}

func (r *recorder) clock() time.Time { return r.now }

// submit sends what is new, answered with o.
func (r *recorder) submit(o outbox.Outcome) (sent []*series.Part) {
	r.t.Helper()
	sub, err := r.store.Outbox().Begin(r.t.Context(), deltaRequest)
	if err != nil || sub == nil {
		r.t.Fatalf("begin: %v, %v", sub, err)
	}
	for {
		part, err := sub.Next(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		if part == nil {
			return sent
		}
		sent = append(sent, part)
		goOn, err := sub.Settle(r.t.Context(), part, o)
		if err != nil {
			r.t.Fatal(err)
		}
		if !goOn {
			return sent
		}
	}
}

func resourceOf(version string) *series.Resource {
	return &series.Resource{Attributes: attribute.NewSet(
		attribute.String("service.name", "game"), attribute.String("service.version", version))}
}

// series is of a trackable's metric.
func newSeries(r *series.Resource, kind otelusage.Kind, m series.Metric, attrs ...attribute.KeyValue) *series.Series {
	m.Scope = &series.Scope{Name: otelusage.ScopeName, Version: "1", Attributes: attribute.NewSet(otelusage.KindKey.String(kind.String()))}
	return &series.Series{Resource: r, Metric: &m, Attributes: attribute.NewSet(attrs...)}
}

func add(s *series.Series, n int64) recording.Change {
	return recording.Change{Series: s, Delta: series.Int64Value(n)}
}

var bounds = []float64{1, 60, 3600}

func took(values ...float64) series.Value {
	count, sum, buckets := bucketed.Histogram(bounds, values...)
	return series.HistogramValue(&series.Histogram{Count: count, Sum: sum, Bounds: bounds, Buckets: buckets})
}

// played is a mirror with two weeks of a game: two versions, an accepted and a
// failed submission, something pending, and hostile text.
func played(t testing.TB) *recorder {
	t.Helper()
	r := newRecorder(t)
	for _, d := range []otelusage.Declaration{
		{Name: "quests_complete", Kind: otelusage.KindStatistic, Description: "Quests handed in", Unit: "{quest}", Monotonic: true},
		{Name: "distance", Kind: otelusage.KindStatistic, Float: true, Unit: "km"},
		{Name: "unused", Kind: otelusage.KindStatistic},
		{Name: "server", Kind: otelusage.KindState, Description: hostileText},
		{Name: "play_time", Kind: otelusage.KindTimer, Description: "Length of a session", Unit: "s"},
		{Name: "round_trip", Kind: otelusage.KindSequence, Checkpoints: []string{"town", "forest", "town"}},
	} {
		r.declare(d)
	}
	one, two := resourceOf("1.0"), resourceOf("2.0")
	quests := series.Metric{Name: "quests_complete", Type: series.TypeSum, Monotonic: true, Unit: "{quest}"}
	own := &series.Series{Resource: one, Metric: &series.Metric{Scope: &series.Scope{Name: "game/http"}, Name: "http.requests",
		Type: series.TypeSum, Monotonic: true, Description: "Requests of the application's own"}}
	r.record(recording.Recording{Changes: []recording.Change{
		add(newSeries(one, otelusage.KindStatistic, quests), 3),
		{Series: newSeries(one, otelusage.KindStatistic, series.Metric{Name: "distance", Type: series.TypeSum, Float: true, Unit: "km"}), Delta: series.Float64Value(1.25)},
		{Series: newSeries(one, otelusage.KindTimer, series.Metric{Name: "play_time", Type: series.TypeHistogram, Float: true, Unit: "s", Bounds: bounds}), Delta: took(30, 45, 900)},
		add(newSeries(one, otelusage.KindSequence, series.Metric{Name: "round_trip", Type: series.TypeSum, Monotonic: true}), 1),
		add(own, 7),
	}, Moves: []recording.Move{{Series: newSeries(one, otelusage.KindState, series.Metric{Name: "server", Type: series.TypeGauge}), State: "Avalon", Moved: true}}})
	r.now = r.now.Add(90 * time.Minute)
	r.submit(outbox.Outcome{Verdict: outbox.Transient, Status: 503, Reason: "busy " + hostileText})
	r.now = r.now.Add(time.Minute)
	r.submit(outbox.Outcome{Verdict: outbox.Accepted, Status: 200})
	for i := range 13 {
		r.now = start.Add(time.Duration(i+1) * day)
		changes := []recording.Change{add(newSeries(two, otelusage.KindStatistic, quests, attribute.String("via", "web")), int64(i))}
		if i%4 == 0 {
			hits := series.Metric{Name: "round_trip" + otelusage.CheckpointsSuffix, Type: series.TypeSum, Monotonic: true}
			changes = append(changes,
				recording.Change{Series: newSeries(two, otelusage.KindTimer, series.Metric{Name: "play_time", Type: series.TypeHistogram, Float: true, Unit: "s", Bounds: bounds}), Delta: took(float64(i)*600 + 0.5)},
				add(newSeries(two, otelusage.KindSequence, hits, otelusage.CheckpointKey.String("town")), 2),
				add(newSeries(two, otelusage.KindSequence, hits, otelusage.CheckpointKey.String("forest")), 1))
		}
		r.record(recording.Recording{Changes: changes})
	}
	r.now = r.now.Add(time.Hour)
	moved := series.Metric{Name: "server" + otelusage.ChangesSuffix, Type: series.TypeSum, Monotonic: true}
	r.record(recording.Recording{
		Changes: []recording.Change{add(newSeries(two, otelusage.KindState, moved, otelusage.StateKey.String(hostileText)), 1)},
		Moves:   []recording.Move{{Series: newSeries(two, otelusage.KindState, series.Metric{Name: "server", Type: series.TypeGauge}), State: hostileText, Moved: true}},
	})
	r.now = r.now.Add(5 * time.Minute)
	return r
}

// result is what a command did.
type result struct {
	code        int
	out, errors string
}

// run runs a command on a recorder's mirror.
func (r *recorder) run(args ...string) result {
	r.t.Helper()
	return runWith(r.t.Context(), Options{File: r.store.Path(), Now: r.clock}, args...)
}

func runWith(ctx context.Context, o Options, args ...string) result {
	var out, errors bytes.Buffer
	o.Stdout, o.Stderr = &out, &errors
	if o.Stdin == nil {
		o.Stdin = strings.NewReader("")
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	code := Run(ctx, args, o)
	return result{code, out.String(), errors.String()}
}
