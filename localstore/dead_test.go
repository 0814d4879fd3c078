package localstore

import (
	"context"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// kills is how many rounds a test has that kills: n, or as many as the environment
// asks for.
func kills(n int) int {
	if more, err := strconv.Atoi(os.Getenv("OTELUSAGE_KILLS")); err == nil {
		return more
	}
	return n
}

// cell counts as an instrument does, and is kept in a journal.
type cell struct {
	series *series.Series
	state  bool
	flag   journal.Flag
	slot   *journal.Slot

	mu       sync.Mutex
	v, taken journalfile.Value // taken is in the mirror
}

func (c *cell) read(v *journalfile.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v.Int, v.Float, v.Count, v.State, v.Moves = c.v.Int, c.v.Float, c.v.Count, c.v.State, c.v.Moves
	v.Buckets = append(v.Buckets[:0], c.v.Buckets...)
}

func (c *cell) change(f func(*journalfile.Value)) {
	c.mu.Lock()
	f(&c.v)
	c.mu.Unlock()
	if c.flag.Armed() {
		c.slot.Changed()
	}
}

// mortal is a process that counts: a Store with its writer, journal and cells.
type mortal struct {
	*Store
	w     *recording.Writer
	j     *journal.Journal
	cells map[string]*cell
	order []string
	of    *series.Resource
	sends bool // it may
}

// counting begins to count into a mirror.
func counting(t testing.TB, s *Store, maySend bool) *mortal {
	t.Helper()
	w, err := s.Writer(maySend)
	if err != nil {
		t.Fatal(err)
	}
	j, err := w.Keep(journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close(false) }) // Windows removes no file that is open
	return &mortal{Store: s, w: w, j: j, cells: make(map[string]*cell), of: version("1"), sends: maySend}
}

// cell returns the one of a series, which is made with its first count.
func (p *mortal) cell(t testing.TB, key string, state bool, of func() *series.Series) *cell {
	t.Helper()
	c := p.cells[key]
	if c == nil {
		c = &cell{series: of(), state: state}
		slot, err := p.j.Add(journal.Kept{Series: c.series, State: state, Gate: &c.flag, Read: c.read})
		if err != nil {
			t.Fatal(err)
		}
		c.slot = slot
		p.cells[key], p.order = c, append(p.order, key)
	}
	return c
}

// count counts once in each kind but States.
func (p *mortal) count(t testing.TB) {
	t.Helper()
	p.countNumber(t)
	p.countFloat(t)
	p.countTime(t)
	p.cell(t, "q", false, func() *series.Series { return sequence(p.of, "q") }).change(func(v *journalfile.Value) { v.Int++ })
}

func (p *mortal) countNumber(t testing.TB) {
	t.Helper()
	p.cell(t, "n", false, func() *series.Series { return statistic(p.of, "n") }).change(func(v *journalfile.Value) { v.Int++ })
}

func (p *mortal) countFloat(t testing.TB) {
	t.Helper()
	p.cell(t, "f", false, func() *series.Series { return floatStatistic(p.of, "f") }).change(func(v *journalfile.Value) { v.Float += 0.1 })
}

func (p *mortal) countTime(t testing.TB) {
	t.Helper()
	p.cell(t, "t", false, func() *series.Series { return timer(p.of, "t", timerBounds) }).change(func(v *journalfile.Value) {
		if v.Buckets == nil {
			v.Buckets = make([]uint64, len(timerBounds)+1)
		}
		v.Buckets[v.Count%4]++
		v.Count++
		v.Float += 0.5
	})
}

// enter moves a State, as an instrument does: the entry first.
func (p *mortal) enter(t testing.TB, text string) {
	t.Helper()
	p.cell(t, "s.changes "+text, false, func() *series.Series { return stateChanges(p.of, "s", text) }).change(func(v *journalfile.Value) { v.Int++ })
	p.cell(t, "s", true, func() *series.Series { return state(p.of, "s") }).change(func(v *journalfile.Value) { v.Moves++; v.State = text })
}

// found is a recording of what the cells counted.
func (p *mortal) found() (r recording.Recording, settled func()) {
	r.MaySend = p.sends
	var commits []func()
	for _, key := range p.order {
		c := p.cells[key]
		c.mu.Lock()
		v := c.v
		v.Buckets = slices.Clone(v.Buckets)
		c.mu.Unlock()
		commits = append(commits, func() { c.taken = v })
		before := c.taken
		switch {
		case c.state:
			if v.Moves > before.Moves {
				r.Moves = append(r.Moves, recording.Move{Series: c.series, State: v.State, Moved: true, Slot: c.slot, Entries: v.Moves - before.Moves})
			}
			continue
		case v.Int == before.Int && v.Float == before.Float && v.Count == before.Count:
			continue
		}
		delta := series.Int64Value(v.Int - before.Int)
		switch {
		case c.series.Metric.Type == series.TypeHistogram:
			h := &series.Histogram{Count: v.Count - before.Count, Sum: v.Float - before.Float, Bounds: timerBounds, Buckets: slices.Clone(v.Buckets)}
			for i := range before.Buckets {
				h.Buckets[i] -= before.Buckets[i]
			}
			delta = series.HistogramValue(h)
		case c.series.Metric.Float:
			delta = series.Float64Value(v.Float - before.Float)
		}
		r.Changes = append(r.Changes, recording.Change{Series: c.series, Delta: delta, Slot: c.slot})
	}
	return r, func() {
		for _, commit := range commits {
			commit()
		}
	}
}

// record records as an exporter does.
func (p *mortal) record(ctx context.Context) error {
	if err := p.w.Notice(ctx, p.sends); err != nil {
		return err
	}
	r, settled := p.found()
	if len(r.Changes)+len(r.Moves) == 0 {
		return p.w.Observe(ctx, p.sends)
	}
	err := p.w.Record(ctx, r)
	if err == nil {
		settled()
	}
	return err
}

func (p *mortal) mustRecord(t testing.TB) {
	t.Helper()
	if err := p.record(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// remains returns the bytes of the journal, as they are now.
func (p *mortal) remains(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(p.j.Path())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// die ends the process: what is left of its journal are the bytes that were there at
// its death.
func (p *mortal) die(t testing.TB, remains []byte) {
	t.Helper()
	path := p.j.Path()
	if err := p.j.Close(true); err != nil {
		t.Fatal(err)
	}
	p.w.Close()
	closeStore(t, p.Store)
	if err := os.WriteFile(path, remains, 0o600); err != nil {
		t.Fatal(err)
	}
}

// counts is what was counted, by name and attributes.
type counts map[string]float64

// counted returns what the cells counted.
func (p *mortal) counted() counts {
	all := make(counts)
	for _, c := range p.cells {
		key := c.series.Metric.Name + series.EncodeAttributes(c.series.Attributes)
		if !c.state {
			all[key] += float64(c.v.Int) + c.v.Float + 1000*float64(c.v.Count)
		}
	}
	return all
}

// recordedIn returns what a mirror has of that, and checks the balance.
func recordedIn(t testing.TB, s *Store) (recorded, pending counts) {
	t.Helper()
	recorded, pending = make(counts), make(counts)
	for key, b := range balances(t, s) {
		if strings.HasPrefix(key, otelusage.ReservedPrefix) {
			continue
		}
		for into, v := range map[*counts]series.Value{&recorded: b.Recorded, &pending: b.Pending} {
			n := v.Float64()
			if h := v.Histogram(); h != nil {
				n += 1000 * float64(h.Count)
			}
			if n != 0 {
				(*into)[key] = n
			}
		}
	}
	return recorded, pending
}

func (c counts) equal(d counts) bool {
	return maps.EqualFunc(c, d, func(v, w float64) bool { return math.Abs(v-w) < 1e-6 })
}

// plus returns what several processes counted.
func (c counts) plus(d counts) counts {
	sum := maps.Clone(c)
	for key, n := range d {
		sum[key] += n
	}
	return sum
}

// recoverNow recovers as a process does between two recordings.
func recoverNow(s *Store) {
	s.db.Lock()
	defer s.db.Unlock()
	s.recovery.Run()
}

// stateOfMirror returns which state a State is in.
func stateOfMirror(t testing.TB, s *Store) string {
	t.Helper()
	var text string
	s.db.Lock()
	defer s.db.Unlock()
	if err := s.db.Conn.QueryRow(`SELECT coalesce(max(state), '') FROM current_states`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
