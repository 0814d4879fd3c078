package journal

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// dying is a file of a process that dies at its write number left: that one and all
// later ones do not happen, or the first only as far as to the end of its page.
type dying struct {
	*os.File
	left *int
	torn bool
}

func (d *dying) WriteAt(b []byte, offset int64) (int, error) {
	*d.left--
	switch {
	case *d.left > 0:
		return d.File.WriteAt(b, offset)
	case *d.left == 0 && d.torn:
		if first := journalfile.PageSize - offset%journalfile.PageSize; first < int64(len(b)) {
			_, _ = d.File.WriteAt(b[:first], offset)
		}
	}
	return 0, errKilled
}

func (d *dying) Truncate(size int64) error {
	if *d.left <= 0 {
		return errKilled
	}
	return d.File.Truncate(size)
}

// life is a process of the model: cells, counts and recordings, as an exporter makes
// them.
type life struct {
	t        *testing.T
	j        *Journal
	mirror   *mirror
	cells    []*counter
	before   []journalfile.Value // of the cells, before the step under way
	left     int
	seq      int64
	planned  bool // its death
	observed journalfile.Observation
	former   []*counter // of the run whose journal it inherited
}

func (p *life) alive() bool { return p.left > 0 }

// step is one of what a process does. It returns at once when the process is dead.
func (p *life) step(r *rand.Rand) {
	for i, c := range p.cells {
		p.before[i] = c.v.Clone()
	}
	switch n := r.IntN(20); {
	case n < 15:
		p.cells[r.IntN(len(p.cells))].count(string(rune('a' + r.IntN(20))))
	case n == 15 && len(p.cells) < 40: // a series that is declared later
		of := numberOf("late" + string(rune('a'+len(p.cells))))
		if len(p.cells)%2 == 0 {
			of = timesOf("late" + string(rune('a'+len(p.cells))))
		}
		c := keep(p.t, p.j, of)
		p.cells, p.before = append(p.cells, c), append(p.before, journalfile.Value{})
	case n == 16: // an up-down one comes back
		c := p.cells[1]
		c.v.Float = 0
		c.changed()
	default:
		p.record(r)
	}
}

// record is a recording that is committed, comes to nothing, or dies on either side
// of its commit.
func (p *life) record(r *rand.Rand) {
	if p.j.Inherits() && !p.recordInherited(r) {
		return
	}
	changes := make([]Change, 0, len(p.cells))
	at := make([]journalfile.Value, len(p.cells))
	for i, c := range p.cells {
		at[i] = c.v.Clone()
		if change := c.change(); !c.shape.Equal(&c.v, &c.taken) {
			changes = append(changes, change)
		}
	}
	p.cells[0].count("") // between the collection and the recording
	if !p.alive() {
		return
	}
	err := p.j.Begin(p.seq+1, p.observed, changes)
	if !p.alive() {
		return // dead before the commit
	}
	if err != nil {
		p.t.Fatal(err)
	}
	committed := r.IntN(4) > 0
	if committed {
		p.mirror.commit("writer-1", p.seq+1, changes)
		p.seq++
		for i, c := range p.cells {
			c.taken = at[i]
		}
		if r.IntN(8) == 0 {
			p.left, p.planned = 0, true // dead after it
			return
		}
	}
	p.j.Settle(committed)
}

// recordInherited records what the former run left; false where nothing else is to be
// recorded now.
func (p *life) recordInherited(r *rand.Rand) (ok bool) {
	changes, _ := p.j.Inherited()
	err := p.j.Begin(1, p.observed, changes)
	if !p.alive() {
		return false
	}
	if err != nil {
		p.t.Fatal(err)
	}
	committed := r.IntN(3) > 0
	if committed {
		p.mirror.commit("writer-1", 1, changes)
		p.seq = 1
		if r.IntN(8) == 0 {
			p.left, p.planned = 0, true
			return false
		}
	}
	p.j.Settle(committed)
	return committed
}

// leaveOne is a run that counts and leaves all of it, one of its series for good. It ends
// well or is killed.
func (p *life) leaveOne(c Config, r *rand.Rand) {
	c.Inherit = leftOnes(p.t, c.Path)
	j := take(p.t, c)
	for _, of := range []*series.Series{numberOf("n"), floatOf("f"), timesOf("t"), numberOf("former")} {
		cell := keep(p.t, j, of)
		if of.Metric.Name == "n" { // where nothing waits there is nothing to inherit
			cell.count("")
		}
		for range r.IntN(4) {
			cell.count("")
		}
		p.former = append(p.former, cell)
	}
	if r.IntN(2) == 0 {
		die(j)
		return
	}
	if !j.Leave() {
		p.t.Fatal("not left")
	}
	must(p.t, j.Close(false))
}

// whole is what is to be in the mirror of a cell that counted v.
func (p *life) whole(c *counter, v journalfile.Value) journalfile.Value {
	for _, f := range p.former {
		if f.series.Metric.Name == c.series.Metric.Name {
			v = c.shape.Plus(v, f.v)
		}
	}
	return v
}

// live counts until the process dies; false says that it came to its planned end.
func live(t *testing.T, seed uint64, writes int, torn bool) (died bool) {
	path := mirrorPath(t)
	p := &life{t: t, mirror: newMirror(), left: 1 << 30, observed: sharing}
	c := configOf(t, path)
	c.OnError = nil
	c.wrap = func(f *os.File) journalfile.File { return &dying{File: f, left: &p.left, torn: torn} }
	r := rand.New(rand.NewPCG(seed, 1))
	for range seed % 3 {
		p.leaveOne(c, r)
	}
	c.Inherit = leftOnes(t, path)
	p.j = take(t, c)
	if got := len(journalpool.List(path)); got != 1 {
		t.Fatalf("%d journals, want 1 that is inherited", got)
	}
	p.cells = []*counter{
		keep(t, p.j, numberOf("n")), keep(t, p.j, floatOf("f")), keep(t, p.j, timesOf("t")), keep(t, p.j, stateOf("s")),
	}
	p.before = make([]journalfile.Value, len(p.cells))
	p.left = writes
	const steps = 120
	for range steps {
		p.step(r)
		if !p.alive() {
			died = true
			break
		}
	}
	die(p.j)
	recoverAnyhow(t, p.mirror, path, r)
	for i, c := range p.cells {
		least := c.v
		if died {
			least = p.before[i]
		}
		p.mirror.check(t, c, p.whole(c, least), p.whole(c, c.v))
	}
	for _, c := range p.former {
		if c.series.Metric.Name == "former" {
			all := p.whole(c, journalfile.Value{})
			p.mirror.check(t, c, all, all)
		}
	}
	if t.Failed() {
		t.Fatalf("seed %d, dead at write %d, torn %v", seed, writes, torn)
	}
	return died && !p.planned
}

// recoverAnyhow recovers, with recoverers that die at each of their writes first.
func recoverAnyhow(t *testing.T, m *mirror, path string, r *rand.Rand) {
	for range 3 {
		left := 1 + r.IntN(12)
		wrap := func(f *os.File) journalfile.File { return &dying{File: f, left: &left, torn: r.IntN(2) == 0} }
		if err := m.recover(path, wrap); err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := m.recover(path, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, found := range journalpool.List(path) {
		if found.Standing != journalpool.Empty {
			t.Errorf("left: %+v", found)
		}
	}
}

// TestDeathAtEachWrite: whatever a process did, and at whichever write it died, the
// mirror and the journal together have each count that returned, once.
func TestDeathAtEachWrite(t *testing.T) {
	deaths := 0
	for seed := range uint64(4 + rounds(0)) {
		for writes := 1; live(t, seed, writes, seed%2 == 1); writes++ {
			deaths++
		}
	}
	if deaths < 100 {
		t.Errorf("only %d deaths", deaths)
	}
	t.Logf("%d deaths", deaths)
}
