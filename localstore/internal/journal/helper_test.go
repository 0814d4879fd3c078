package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

var testResource = &series.Resource{Attributes: attribute.NewSet(attribute.String("service.name", "app"))}

var testScope = &series.Scope{Name: "scope", Version: "1", Attributes: attribute.NewSet(attribute.String("otelusage.kind", "statistic"))}

var testBounds = []float64{0.1, 1, 10}

func numberOf(name string, attrs ...attribute.KeyValue) *series.Series {
	return &series.Series{Resource: testResource, Attributes: attribute.NewSet(attrs...),
		Metric: &series.Metric{Scope: testScope, Name: name, Unit: "1", Description: "of " + name, Type: series.TypeSum, Monotonic: true}}
}

func floatOf(name string) *series.Series {
	s := numberOf(name)
	s.Metric.Float, s.Metric.Monotonic = true, false
	return s
}

// another is a series of a name that no other has.
func another(s *series.Series) *series.Series {
	s.Metric.Name += fmt.Sprint("_", names.Add(1))
	return s
}

var names atomic.Int64

func timesOf(name string) *series.Series {
	s := numberOf(name)
	s.Metric.Type, s.Metric.Bounds, s.Metric.Float = series.TypeHistogram, testBounds, true
	return s
}

func stateOf(name string) *series.Series {
	s := numberOf(name)
	s.Metric.Type, s.Metric.Monotonic = series.TypeGauge, false
	return s
}

// counter is a cell with its slot. It is changed by one goroutine.
type counter struct {
	flag   Flag
	slot   *Slot
	series *series.Series
	shape  journalfile.Shape
	v      journalfile.Value
	taken  journalfile.Value // by the latest recording that was settled
}

// keep makes a cell and begins to keep it.
func keep(t testing.TB, j *Journal, of *series.Series) *counter {
	t.Helper()
	c := &counter{series: of}
	state := of.Metric.Type == series.TypeGauge
	var err error
	if c.shape, err = journalfile.ShapeOf(of.Metric, state); err == nil {
		c.slot, err = j.Add(Kept{of, state, &c.flag, c.read, journalfile.Value{}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *counter) read(v *journalfile.Value) {
	v.Int, v.Float, v.Count, v.State, v.Moves = c.v.Int, c.v.Float, c.v.Count, c.v.State, c.v.Moves
	v.Buckets = append(v.Buckets[:0], c.v.Buckets...)
}

func (c *counter) changed() {
	if c.flag.Armed() {
		c.slot.Changed()
	}
}

// count counts once.
func (c *counter) count(text string) {
	switch c.shape.Kind {
	case journalfile.KindInt64:
		c.v.Int++
	case journalfile.KindFloat64:
		c.v.Float += 0.1
	case journalfile.KindHistogram:
		if c.v.Buckets == nil {
			c.v.Buckets = make([]uint64, c.shape.Buckets)
		}
		c.v.Buckets[int(c.v.Count)%c.shape.Buckets]++
		c.v.Count++
		c.v.Float += 0.5
	case journalfile.KindState:
		c.v.State = text
		c.v.Moves++
	}
	c.changed()
}

// change is what a recording takes of it now.
func (c *counter) change() Change {
	d, _ := c.shape.Minus(c.v, c.taken, false)
	return Change{Slot: c.slot, Delta: c.shape.SeriesValue(&d, c.series.Metric.Bounds), Moves: d.Moves}
}

func (c *counter) settle(at journalfile.Value) { c.taken = at }

// mirrorPath is that of a mirror in a directory of its own.
func mirrorPath(t testing.TB) string { return filepath.Join(t.TempDir(), "usage.db") }

var sharing = journalfile.Observation{Epoch: 1, MaySend: true}

func configOf(t testing.TB, path string) Config {
	return Config{Path: path, Mirror: "mirror-1", Writer: "writer-1", Observed: sharing,
		OnError: func(err error) { t.Errorf("reported: %v", err) }}
}

func take(t testing.TB, c Config) *Journal {
	t.Helper()
	j, err := Take(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { die(j) })
	return j
}

// die ends a journal as the death of its process does: what is not written stays
// so, and the lock is gone.
func die(j *Journal) {
	j.waiting.mu.Lock()
	j.waiting.list = nil
	j.waiting.mu.Unlock()
	j.mu.Lock()
	j.closed = true
	if j.file != nil {
		_ = j.file.Close()
	}
	j.mu.Unlock()
	j.waiting.stop()
}

// mirror is a database that recordings are committed to.
type mirror struct {
	rows   map[string]int64
	totals map[string]journalfile.Value
	shapes map[string]journalfile.Shape
	states map[string]string
}

func newMirror() *mirror {
	return &mirror{make(map[string]int64), make(map[string]journalfile.Value), make(map[string]journalfile.Shape), make(map[string]string)}
}

func (m *mirror) add(s *series.Series, d journalfile.Value, sh journalfile.Shape) {
	key := journalfile.KeyOf(s)
	m.shapes[key] = sh
	m.totals[key] = sh.Plus(m.totals[key], d)
}

// commit is the transaction of a recording.
func (m *mirror) commit(writer string, seq int64, changes []Change) {
	for _, c := range changes {
		d := journalfile.ValueOf(c.Delta)
		if c.Slot.shape.Kind == journalfile.KindState {
			d = journalfile.Value{Moves: c.Moves}
		}
		m.add(c.Slot.series, d, c.Slot.shape)
	}
	m.rows[writer] = seq
}

var errKilled = errors.New("killed")

// recover does what a process that records does with the journals of dead ones.
// The steps may be cut short by a wrapped file; commit is the transaction.
func (m *mirror) recover(path string, wrap func(*os.File) journalfile.File) error {
	for i := range journalpool.Size {
		c, err := claim(journalpool.Path(path, i), wrap)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // the tests make no gaps
		case errors.Is(err, journalfile.ErrEmpty) || errors.Is(err, journalfile.ErrLiving):
			continue
		case err != nil:
			return err
		}
		err = m.recoverOne(c)
		c.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *mirror) recoverOne(c *Claimed) error {
	row, known := m.rows[c.Writer]
	held, _, _, ok := c.Holding(row, known)
	if !ok {
		return fmt.Errorf("nothing holds for row %d, %v: %+v", row, known, c.Header.Tags)
	}
	list := c.Differences(held)
	if len(c.Damage) > 0 {
		return fmt.Errorf("damage: %v", c.Damage)
	}
	seq, err := c.Begin(held)
	if err != nil {
		return err
	}
	for _, d := range list {
		sh, _ := journalfile.ShapeOf(d.Series.Metric, d.Moves > 0)
		v := journalfile.ValueOf(d.Delta)
		if d.Moves > 0 {
			v = journalfile.Value{State: d.State, Moves: d.Moves}
		}
		m.add(d.Series, v, sh)
	}
	m.rows[c.Writer] = seq
	return c.Empty()
}

// check compares what the mirror has of a cell with what it counted: in full or,
// where the last count was cut short, without that one.
func (m *mirror) check(t testing.TB, c *counter, least, most journalfile.Value) {
	t.Helper()
	got := m.totals[journalfile.KeyOf(c.series)]
	if !same(c.shape, got, least) && !same(c.shape, got, most) {
		t.Errorf("%s = %+v, want %+v or %+v", c.series.Metric.Name, got, least, most)
	}
}

// same is equal but for what floats are rounded by, with the buckets.
func same(s journalfile.Shape, v, w journalfile.Value) bool {
	near := func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
	if s.Kind == journalfile.KindFloat64 {
		return near(v.Float, w.Float)
	}
	trim := func(b []uint64) []uint64 {
		if v := slices.Clone(b); !slices.ContainsFunc(v, func(n uint64) bool { return n > 0 }) {
			return nil
		}
		return b
	}
	return s.Equal(&v, &w) && near(v.Float, w.Float) && slices.Equal(trim(v.Buckets), trim(w.Buckets))
}

// clock stands still until it is moved.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.at }
