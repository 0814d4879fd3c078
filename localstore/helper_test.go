package localstore

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/bucketed"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// clock is a Store's time under the control of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock starts on a Wednesday.
func newClock() *clock { return &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

const day = 24 * time.Hour

func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "mirror", "usage.db")
}

// open opens a mirror whose balance must hold when the test ends.
func open(t testing.TB, path string, c *clock, opts ...Option) *Store {
	t.Helper()
	s, err := Open(path, append([]Option{
		WithClock(c.now),
		WithRandom(func() float64 { return 0.5 }),
		WithErrorHandler(func(err error) { t.Errorf("error handler: %v", err) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.db.IsClosed() {
			return
		}
		balanced(t, s)
		closeStore(t, s)
	})
	return s
}

func fresh(t testing.TB, opts ...Option) (*Store, *clock) {
	t.Helper()
	c := newClock()
	return open(t, newPath(t), c, opts...), c
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func newWriter(t testing.TB, s *Store) *recording.Writer {
	t.Helper()
	w, err := s.Writer(true)
	if err != nil {
		t.Fatal(err)
	}
	writers.Store(s, w)
	writers.Store(w, s)
	t.Cleanup(func() { writers.Delete(s); writers.Delete(w) })
	return w
}

// writers are those that newWriter made, with their Stores.
var writers sync.Map

func writerOf(t testing.TB, s *Store) *recording.Writer {
	t.Helper()
	w, ok := writers.Load(s)
	if !ok {
		t.Fatal("the Store has no writer")
	}
	return w.(*recording.Writer)
}

func storeOf(t testing.TB, w *recording.Writer) *Store {
	t.Helper()
	s, ok := writers.Load(w)
	if !ok {
		t.Fatal("the writer has no Store")
	}
	return s.(*Store)
}

// balances returns the balance by metric name and attributes, resources added.
func balances(t testing.TB, s *Store) map[string]health.Balance {
	t.Helper()
	list, err := s.Balance(sqlitedb.Background)
	if err != nil {
		t.Fatal(err)
	}
	sums := make(map[string]health.Balance)
	for _, b := range list {
		if b.Off != "" {
			t.Errorf("balance: %s", b.Off)
		}
		key := b.Name + b.Attributes
		sum, ok := sums[key]
		if !ok {
			sums[key] = b
			continue
		}
		into := [...]*series.Value{&sum.Recorded, &sum.Accepted, &sum.Partial, &sum.InFlight, &sum.Pending, &sum.SetAside, &sum.Withheld, &sum.Unrecorded}
		for i, v := range [...]series.Value{b.Recorded, b.Accepted, b.Partial, b.InFlight, b.Pending, b.SetAside, b.Withheld, b.Unrecorded} {
			*into[i] = into[i].Add(v)
		}
		sums[key] = sum
	}
	return sums
}

// balanced fails when a count of any series is unaccounted for.
func balanced(t testing.TB, s *Store) {
	t.Helper()
	balances(t, s)
}

// wants says where the counts of a whole-number series should be.
type wants struct{ recorded, accepted, partial, inFlight, pending, setAside, withheld int64 }

func checkBalance(t testing.TB, s *Store, key string, want wants) {
	t.Helper()
	b := balances(t, s)[key]
	got := wants{b.Recorded.Int64(), b.Accepted.Int64(), b.Partial.Int64(), b.InFlight.Int64(), b.Pending.Int64(), b.SetAside.Int64(), b.Withheld.Int64()}
	if got != want {
		t.Errorf("balance of %s = %+v, want %+v", key, got, want)
	}
}

func scope(kind otelusage.Kind) *series.Scope {
	return &series.Scope{
		Name: otelusage.ScopeName, Version: otelusage.Version,
		Attributes: attribute.NewSet(otelusage.KindKey.String(kind.String())),
	}
}

// version is the resource of one version of an application.
func version(v string) *series.Resource {
	return &series.Resource{Attributes: attribute.NewSet(attribute.String("service.name", "game"), attribute.String("service.version", v))}
}

func statistic(r *series.Resource, name string, attrs ...attribute.KeyValue) *series.Series {
	m := &series.Metric{Scope: scope(otelusage.KindStatistic), Name: name, Type: series.TypeSum}
	return &series.Series{Resource: r, Metric: m, Attributes: attribute.NewSet(attrs...)}
}

func floatStatistic(r *series.Resource, name string, attrs ...attribute.KeyValue) *series.Series {
	s := statistic(r, name, attrs...)
	s.Metric.Float = true
	return s
}

var timerBounds = []float64{1, 10, 100}

func timer(r *series.Resource, name string, bounds []float64) *series.Series {
	m := &series.Metric{Scope: scope(otelusage.KindTimer), Name: name, Unit: "s", Type: series.TypeHistogram, Float: true, Bounds: bounds}
	return &series.Series{Resource: r, Metric: m}
}

func exponentialTimer(r *series.Resource, name string) *series.Series {
	m := &series.Metric{Scope: scope(otelusage.KindTimer), Name: name, Unit: "s", Type: series.TypeExponential, Float: true}
	return &series.Series{Resource: r, Metric: m}
}

func state(r *series.Resource, name string) *series.Series {
	return &series.Series{Resource: r, Metric: &series.Metric{Scope: scope(otelusage.KindState), Name: name, Type: series.TypeGauge}}
}

func stateChanges(r *series.Resource, name, value string) *series.Series {
	m := &series.Metric{Scope: scope(otelusage.KindState), Name: name + otelusage.ChangesSuffix, Type: series.TypeSum, Monotonic: true}
	return &series.Series{Resource: r, Metric: m, Attributes: attribute.NewSet(otelusage.StateKey.String(value))}
}

func sequence(r *series.Resource, name string) *series.Series {
	m := &series.Metric{Scope: scope(otelusage.KindSequence), Name: name, Type: series.TypeSum, Monotonic: true}
	return &series.Series{Resource: r, Metric: m}
}

// observe buckets seconds between explicit boundaries.
func observe(bounds []float64, values ...float64) series.Value {
	count, sum, buckets := bucketed.Histogram(bounds, values...)
	return series.HistogramValue(&series.Histogram{Count: count, Sum: sum, Bounds: bounds, Buckets: buckets})
}

func add(s *series.Series, n int64) recording.Change {
	return recording.Change{Series: s, Delta: series.Int64Value(n)}
}

func record(t testing.TB, w *recording.Writer, changes ...recording.Change) {
	t.Helper()
	recordAll(t, w, recording.Recording{Changes: changes, MaySend: true})
}

// recordOrCarry records where the mirror turns out damaged. It returns what is to
// be recorded again, as an exporter does: where an open file keeps its name the
// others have to close it first.
func recordOrCarry(t testing.TB, w *recording.Writer, s *series.Series, n int64) (carried int64) {
	t.Helper()
	if place.OpenKeepsName { // they have none to notice it in before this returns
		s := storeOf(t, w)
		s.SetBusyTimeout(0)
		defer s.SetBusyTimeout(DefaultBusyTimeout)
	}
	err := w.Notice(t.Context(), true)
	if err == nil {
		err = w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(s, n)}, MaySend: true})
	}
	switch {
	case err == nil && !place.OpenKeepsName:
		return 0
	case !errors.Is(err, ErrBusy) || !place.OpenKeepsName:
		t.Errorf("record: %v", err)
	}
	return n
}

// skipWhereOpenFilesStay: TestAnOpenMirrorStays shows that what the test is about
// cannot happen there.
func skipWhereOpenFilesStay(t testing.TB) {
	t.Helper()
	if place.OpenKeepsName {
		t.Skip("a file can be neither removed nor replaced while it is open")
	}
}

func move(t testing.TB, w *recording.Writer, s *series.Series, value string) {
	t.Helper()
	recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: s, State: value, Moved: true}}, MaySend: true})
}

func recordAll(t testing.TB, w *recording.Writer, r recording.Recording) {
	t.Helper()
	if err := w.Notice(t.Context(), r.MaySend); err != nil { // as a reader of ours does before it collects
		t.Fatal(err)
	}
	if err := w.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// openTogether opens a mirror several times at once, and records n + 1 the given
// number of times in each.
func openTogether(t testing.TB, path string, many, records int) []*Store {
	t.Helper()
	stores := make([]*Store, many)
	var group sync.WaitGroup
	for i := range stores {
		group.Go(func() {
			s, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			w, err := s.Writer(true)
			n := statistic(version("1"), "n")
			for range records {
				if err == nil {
					err = w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 1)}, MaySend: true})
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return stores
}

func setMode(t testing.TB, s *Store, m consent.Mode) {
	t.Helper()
	if err := s.SetMode(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

const interval = time.Hour

// request asks for a submission whatever the interval says.
func request(f outbox.Forwarder) outbox.Request {
	return outbox.Request{Forwarder: f, MaySend: true, Force: true, Interval: interval, Lease: time.Minute}
}

// mergedRequest asks for the totals of all versions under one resource.
func mergedRequest(r *series.Resource) outbox.Request {
	merged := request(outbox.Cumulative)
	merged.Merge, merged.Resource = true, r.Attributes
	return merged
}

func begin(t testing.TB, s *Store, r outbox.Request) *outbox.Submission {
	t.Helper()
	sub, err := s.Outbox().Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// mustBegin is begin for what has to be due.
func mustBegin(t testing.TB, s *Store) *outbox.Submission {
	t.Helper()
	sub := begin(t, s, request(outbox.Delta))
	if sub == nil {
		t.Fatal("nothing is due")
	}
	return sub
}

func next(t testing.TB, sub *outbox.Submission) *series.Part {
	t.Helper()
	p, err := sub.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func settle(t testing.TB, sub *outbox.Submission, p *series.Part, o outbox.Outcome) (more bool) {
	t.Helper()
	more, err := sub.Settle(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return more
}

var accepted = outbox.Outcome{Verdict: outbox.Accepted, Status: 200}

// attemptWith makes one attempt to send, as an exporter does, with a destination
// that answers. It returns the parts that were sent.
func attemptWith(t testing.TB, s *Store, r outbox.Request, answer func(*series.Part) outbox.Outcome) (sent []*series.Part) {
	t.Helper()
	sub := begin(t, s, r)
	if sub == nil {
		return nil
	}
	for {
		p := next(t, sub)
		if p == nil {
			return sent
		}
		sent = append(sent, p)
		more := settle(t, sub, p, answer(p))
		balanced(t, s)
		if !more {
			return sent
		}
	}
}

func submit(t testing.TB, s *Store) []*series.Part {
	t.Helper()
	return attemptWith(t, s, request(outbox.Delta), func(*series.Part) outbox.Outcome { return accepted })
}

// always answers every part alike.
func always(o outbox.Outcome) func(*series.Part) outbox.Outcome {
	return func(*series.Part) outbox.Outcome { return o }
}

// wire is everything of a part that is sent, as text.
func wire(p *series.Part) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s [%d, %d)\n", series.EncodeAttributes(p.Resource), p.Start.UnixNano(), p.End.UnixNano())
	for _, s := range p.Scopes {
		fmt.Fprintf(&b, "%s %s %s %s\n", s.Scope.Name, s.Scope.Version, s.Scope.SchemaURL, series.EncodeAttributes(s.Scope.Attributes))
		for _, m := range s.Metrics {
			x := m.Metric
			fmt.Fprintf(&b, "\t%s %q %q %s %v %v %v\n", x.Name, x.Unit, x.Description, x.Type, x.Monotonic, x.Float, x.Bounds)
			for _, point := range m.Points {
				fmt.Fprintf(&b, "\t\t%s %s\n", series.EncodeAttributes(point.Attributes), point.Value)
			}
		}
	}
	return b.String()
}

// points returns a part's values by metric name and attributes.
func points(p *series.Part) map[string]series.Value {
	values := make(map[string]series.Value)
	for _, s := range p.Scopes {
		for _, m := range s.Metrics {
			for _, point := range m.Points {
				key := m.Metric.Name + series.EncodeAttributes(point.Attributes)
				values[key] = values[key].Add(point.Value)
			}
		}
	}
	return values
}

// serviceVersion is the version of the application that a part is from.
func serviceVersion(p *series.Part) string {
	v, _ := p.Resource.Value("service.version")
	return v.AsString()
}

// text reads one value of the file, as text.
func text(t testing.TB, s *Store, query string, args ...any) string {
	t.Helper()
	s.db.Lock()
	defer s.db.Unlock()
	var v any
	if err := s.db.Conn.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return fmt.Sprint(v)
}

func expect(t testing.TB, s *Store, want, query string, args ...any) {
	t.Helper()
	if got := text(t, s, query, args...); got != want {
		t.Errorf("%s = %s, want %s", query, got, want)
	}
}

func execute(t testing.TB, s *Store, query string, args ...any) {
	t.Helper()
	s.db.Lock()
	defer s.db.Unlock()
	if _, err := s.db.Conn.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// damagedFiles lists what was set aside beside a mirror.
func damagedFiles(t testing.TB, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.Contains(name, ".damaged-") && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			names = append(names, name)
		}
	}
	return names
}

// exponentialOf is a histogram of observations, of the given scale or coarser.
func exponentialOf(values []float64, scale int32) series.Value {
	var sum series.Value
	for _, v := range values {
		h := &series.ExponentialHistogram{Count: 1, Sum: v, Scale: scale}
		bucket := series.ExponentialBuckets{Offset: int32(math.Ceil(math.Log2(math.Abs(v))*math.Exp2(float64(scale)))) - 1, Counts: []uint64{1}}
		switch {
		case v == 0:
			h.ZeroCount = 1
		case v > 0:
			h.Positive = bucket
		default:
			h.Negative = bucket
		}
		sum = sum.Add(series.ExponentialValue(h))
	}
	return sum
}

// came is what a forwarder's submissions have come to.
type came struct{ accepted, failures, retryAt int64 }

func cameTo(t testing.TB, s *Store, f outbox.Forwarder) (p came) {
	t.Helper()
	err := s.db.Look(t.Context(), func(tx *mirrordb.Tx) error {
		return tx.Each(`SELECT accepted, failures, retry_at FROM forwarders WHERE kind = ?1`, func(rows *sql.Rows) error {
			return rows.Scan(&p.accepted, &p.failures, &p.retryAt)
		}, string(f))
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
