package exporter

import (
	"context"
	"database/sql"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// everyKind counts in one trackable of each kind.
type everyKind struct {
	n     *otelusage.Statistic
	level *otelusage.Statistic
	money *otelusage.FloatStatistic
	mode  *otelusage.State
	work  *otelusage.Timer
	steps *otelusage.Sequence
	round int

	want map[string]float64 // what was counted, by metric and attributes
	last string             // state
}

func declareEveryKind(tb testing.TB, tracker *otelusage.Tracker) *everyKind {
	tb.Helper()
	k := everyKind{want: make(map[string]float64), last: "light"}
	var err error
	k.n, err = tracker.Statistic("n", otelusage.Monotonic(), otelusage.WithDescription("a number"), otelusage.WithUnit("{item}"))
	must(tb, err)
	k.level, err = tracker.Statistic("level", otelusage.WithUnit("{step}"))
	must(tb, err)
	k.money, err = tracker.FloatStatistic("money", otelusage.WithUnit("EUR"))
	must(tb, err)
	k.mode, err = tracker.State("mode", "light", otelusage.WithDescription("how it looks"))
	must(tb, err)
	k.work, err = tracker.Timer("work")
	must(tb, err)
	k.steps, err = tracker.Sequence("steps", []string{"a", "b"})
	must(tb, err)
	return &k
}

func (k *everyKind) count() {
	k.round++
	format := []string{"pdf", "svg"}[k.round%2]
	k.n.Add(3)
	k.n.With(attribute.String("format", format)).Inc()
	k.level.Add(5)
	k.level.Add(-7)
	k.money.Add(0.25)
	k.steps.Hit("a")
	k.want["n"] += 3
	k.want[`n{"format":"`+format+`"}`]++
	k.want["level"] -= 2
	k.want["money"] += 0.25
	k.want[`steps.checkpoints{"checkpoint":"a"}`]++
	if k.round%2 == 0 {
		k.steps.Hit("b")
		k.want[`steps.checkpoints{"checkpoint":"b"}`]++
		k.want["steps"]++
	}
	k.enter([]string{"dim", "dark", "light"}[k.round%3])
	k.run(time.Duration(k.round) * time.Second)
}

func (k *everyKind) enter(state string) {
	k.mode.Set(state)
	k.last = state
	k.want[`mode.changes{"state":"`+state+`"}`]++
}

func (k *everyKind) run(d time.Duration) {
	k.work.Record(context.Background(), d)
	k.want["work"] += d.Seconds()
	k.want["runs of work"]++
}

// recordedBy returns what a mirror holds, by metric and attributes.
func recordedBy(tb testing.TB, s *localstore.Store) map[string]float64 {
	tb.Helper()
	list, err := s.Balance(context.Background())
	must(tb, err)
	found := make(map[string]float64)
	for _, b := range list {
		if b.Off != "" {
			tb.Error(b.Off)
		}
		name := b.Name
		if b.Attributes != "{}" {
			name += b.Attributes
		}
		h := b.Recorded.Histogram()
		if h == nil {
			found[name] += b.Recorded.Float64()
			continue
		}
		found[name] += h.Sum
		found["runs of "+name] += float64(h.Count)
	}
	return found
}

// checkDeath checks what the next run finds if the process dies now: a copy of the
// directory is what it leaves.
func (k *everyKind) checkDeath(tb testing.TB, path string) {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "left")
	must(tb, os.CopyFS(dir, os.DirFS(filepath.Dir(path))))
	next := setup{path: filepath.Join(dir, filepath.Base(path))}.start(tb)
	defer next.end()
	diff(tb, recordedBy(tb, next.store), k.want)
	if state, _ := declareEveryKind(tb, next.tracker).mode.Value(); state != k.last {
		tb.Errorf("the state is %q, want %q", state, k.last)
	}
}

// TestNothingIsLostWithTheProcess: whenever it dies, the next run finds what each kind
// counted, once.
func TestNothingIsLostWithTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	known := WithResource(resource.NewSchemaless(attribute.String("service.name", "game")))
	r := setup{path: path, opts: []Option{WithJournal(), known}}.start(t)
	k := declareEveryKind(t, r.tracker)
	k.checkDeath(t, path)
	for _, do := range []func(){
		k.count, k.count, r.record, r.record, k.count, k.count, r.record, k.count,
		func() { must(t, r.store.SetMode(t.Context(), localstore.ModeLocal)) }, k.count, r.record, k.count,
	} {
		do()
		k.checkDeath(t, path)
	}
	r.end()
	k.checkDeath(t, path)
}

// TestTheResourceIsLearned on a provider of the application's: a Reader looks for it as
// soon as something is to be kept, and the first collection tells it, too.
func TestTheResourceIsLearned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	store, err := localstore.Open(path)
	must(t, err)
	exp, err := New(store, WithJournal(), WithCheckInterval(NeverCheck), WithErrorHandler(func(err error) { t.Error(err) }))
	must(t, err)
	reader := NewReader(exp)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
	must(t, err)
	k := declareEveryKind(t, tracker)
	for !reader.knows() { // it looks in a goroutine of its own
		runtime.Gosched()
	}
	k.count()
	k.checkDeath(t, path)
	must(t, provider.Shutdown(t.Context()))
	must(t, store.Close())
	k.checkDeath(t, path)
}

// TestRecordingOffAndOn: while it is off there is no journal, and afterwards one that
// holds nothing of what was counted meanwhile.
func TestRecordingOffAndOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	r := setup{path: path, opts: []Option{WithJournal()}}.start(t)
	k := declareEveryKind(t, r.tracker)
	k.count()
	r.record()
	must(t, r.store.SetMode(t.Context(), localstore.ModeOff))
	r.record()
	if r.exporter.writer.Journal() != nil {
		t.Error("there is a journal while recording is off")
	}
	want, last := maps.Clone(k.want), k.last
	k.count()
	k.want, k.last = want, last
	k.checkDeath(t, path)
	must(t, r.store.SetMode(t.Context(), localstore.ModeLocal))
	r.record() // which drops what was counted while it was off
	r.record()
	if r.exporter.writer.Journal() == nil {
		t.Fatal("there is no journal after recording was switched on again")
	}
	k.checkDeath(t, path)
	for range 3 {
		k.count()
		k.checkDeath(t, path)
	}
	r.end()
	k.checkDeath(t, path)
}

// TestAViewEndsTheJournal before the first recording, which would else be counted
// twice: under the name that was collected and the one that is kept.
func TestAViewEndsTheJournal(t *testing.T) {
	for name, stream := range map[string]sdkmetric.Stream{
		"another name":       {Name: "renamed"},
		"without attributes": {AttributeFilter: attribute.NewAllowKeysFilter()},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			var reported []error
			r := setup{path: path, opts: []Option{WithJournal(), WithErrorHandler(func(err error) { reported = append(reported, err) })},
				sdk: []sdkmetric.Option{sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "n"}, stream))}}.start(t)
			n := r.statistic("n")
			r.record()
			n.With(attribute.String("format", "pdf")).Add(3)
			n.Add(2)
			r.record()
			r.record()
			if r.exporter.writer.Journal() != nil {
				t.Error("the journal goes on")
			}
			if len(reported) != 1 || !strings.Contains(reported[0].Error(), "no journal is kept") {
				t.Errorf("reported %v", reported)
			}
			n.Add(5)
			r.record()
			r.end()
			store, err := localstore.Open(path)
			must(t, err)
			defer store.Close()
			if found := recordedBy(t, store); found["n"]+found["renamed"]+found[`renamed{"format":"pdf"}`] != 10 {
				t.Errorf("recorded: %v, want 10", found)
			}
		})
	}
}

// TestTheLastRecordingWaitsForNobody: where a journal holds what was counted, the next
// process records it.
func TestTheLastRecordingWaitsForNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	r := setup{path: path, opts: []Option{WithJournal(), WithCheckInterval(NeverCheck)}}.start(t)
	k := declareEveryKind(t, r.tracker)
	k.count()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	must(t, err)
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	r.exporter.end()
	must(t, r.export())
	must(t, r.exporter.Shutdown(context.Background()))
	must(t, r.store.Close())
	must(t, tx.Rollback())
	k.checkDeath(t, path)
}

// TestAJournalKnowsWhatIsCollected: each stream of each kind has its slot.
func TestAJournalKnowsWhatIsCollected(t *testing.T) {
	r := setup{opts: []Option{WithJournal()}}.start(t)
	k := declareEveryKind(t, r.tracker)
	k.count()
	k.count()
	var rm metricdata.ResourceMetrics
	must(t, r.reader.Collect(t.Context(), &rm))
	c := r.exporter.collect(&rm)
	for _, change := range c.recording.Changes {
		if change.Slot == nil {
			t.Errorf("%s%s has no slot", change.Series.Metric.Name, encode(change.Series.Attributes))
		}
	}
	for _, move := range c.recording.Moves {
		if move.Slot == nil {
			t.Errorf("%s has no slot", move.Series.Metric.Name)
		}
	}
	if len(c.recording.Changes) < 10 || len(c.recording.Moves) != 1 {
		t.Errorf("%d changes and %d moves were collected", len(c.recording.Changes), len(c.recording.Moves))
	}
	r.end()
}

// knows reports whether series are kept.
func (r *Reader) knows() bool {
	r.exporter.mu.Lock()
	defer r.exporter.mu.Unlock()
	_, known := r.exporter.ownResource()
	return known && len(r.exporter.writer.Journal().Path()) > 0
}
