package journal

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// tallied is how a whole number's cell can be kept at no cost: the gate is the
// highest bit of the number. What is armed lies beyond edge, where an addition has
// to look anyway.
type tallied struct {
	v     int64 // atomic; with bias while the gate is armed
	slot  *Slot
	mu    sync.Mutex // taken by what does more than add
	armed bool
}

const (
	edge = 1 << 62
	bias = -1 << 63
	far  = 1 << 61 // an armed cell within it is beyond edge after any addition of as much
)

// statistic adds as otelusage.Statistic does today: a gate within the cell changes
// nothing of it.
type statistic struct {
	v    *int64
	span uint64
	cell *tallied
}

func (s *statistic) add(n int64) {
	if s == nil || uint64(n) >= s.span || atomic.AddInt64(s.v, n)+edge < 0 {
		s.slowly(n)
	}
}

//go:noinline
func (s *statistic) slowly(int64) {
	if s.cell.slot != nil {
		s.cell.slot.Changed()
	}
}

func (c *tallied) Arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed {
		if v := atomic.LoadInt64(&c.v); v < far && v >= -far {
			c.armed = true
			atomic.AddInt64(&c.v, bias)
		}
	}
}

func (c *tallied) Disarm() (was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, c.armed = c.armed, false
	if was {
		atomic.AddInt64(&c.v, bias) // the same in either direction
	}
	return was
}

func (c *tallied) Armed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.armed
}

func (c *tallied) load() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := atomic.LoadInt64(&c.v)
	if c.armed {
		v += bias
	}
	return v
}

func (c *tallied) read(v *journalfile.Value) { v.Int = c.load() }

// TestACellThatIsItsGate misses no change, up or down, from many goroutines.
func TestACellThatIsItsGate(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	c := &tallied{}
	of := numberOf("n")
	of.Metric.Monotonic = false
	var err error
	if c.slot, err = j.Add(Kept{of, false, c, c.read, journalfile.Value{}}); err != nil {
		t.Fatal(err)
	}
	s := &statistic{&c.v, math.MaxUint64, c}
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 20_000 {
				s.add(int64(i%7 - 2))
				if i%1000 == g {
					s.add(-1 << 40)
				}
			}
		})
	}
	group.Wait()
	j.waiting.stop()
	if !c.Armed() {
		t.Error("a change waits for nobody")
	}
	die(j)
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 1 || d[0].Delta.Int64() != c.load() {
		t.Errorf("the file has %v, the cell %d", d, c.load())
	}
}

// flagged is a statistic with its gate beside the cell, in the same cache line.
type flagged struct {
	c    *besideCell
	span uint64
	slot *Slot
}

type besideCell struct {
	v    int64
	flag Flag
}

func (s *flagged) add(n int64) {
	if s == nil || uint64(n) >= s.span || atomic.AddInt64(&s.c.v, n)+edge < 0 || s.c.flag.Armed() {
		s.slowly(n)
	}
}

//go:noinline
func (s *flagged) slowly(int64) { s.slot.Changed() }

// BenchmarkAdd compares what a count costs: a bare atomic, and cells that are kept
// with their gate beside them and within.
func BenchmarkAdd(b *testing.B) {
	j := take(b, configOf(b, mirrorPath(b)))
	inner, beside := &tallied{}, &flagged{c: &besideCell{}, span: math.MaxUint64}
	within, unkept := &statistic{&inner.v, math.MaxUint64, inner}, &statistic{new(int64), math.MaxUint64, &tallied{}}
	var err error
	if inner.slot, err = j.Add(Kept{numberOf("inner"), false, inner, inner.read, journalfile.Value{}}); err == nil {
		beside.slot, err = j.Add(Kept{numberOf("beside"), false, &beside.c.flag, func(v *journalfile.Value) { v.Int = atomic.LoadInt64(&beside.c.v) }, journalfile.Value{}})
	}
	if err != nil {
		b.Fatal(err)
	}
	var bare atomic.Int64
	for _, c := range []struct {
		name string
		loop func(n int)
	}{
		{"bare", func(n int) {
			for range n {
				bare.Add(1)
			}
		}},
		{"gate within", func(n int) {
			for range n {
				within.add(1)
			}
		}},
		{"gate beside", func(n int) {
			for range n {
				beside.add(1)
			}
		}},
		{"not kept", func(n int) {
			for range n {
				unkept.add(1)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) { b.ReportAllocs(); c.loop(b.N) })
		b.Run(c.name+", two goroutines", func(b *testing.B) {
			var group sync.WaitGroup
			for range 2 {
				group.Go(func() { c.loop(b.N / 2) })
			}
			group.Wait()
		})
	}
}

// BenchmarkChanged is a change that writes.
func BenchmarkChanged(b *testing.B) {
	c := configOf(b, mirrorPath(b))
	j := take(b, c)
	for _, cell := range []*counter{keep(b, j, numberOf("number")), keep(b, j, timesOf("times")), keep(b, j, stateOf("state"))} {
		b.Run(cell.series.Metric.Name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				j.budget.left = Budget
				cell.count("some state")
			}
		})
	}
}

// BenchmarkBegin is what a recording of 1,000 changed series costs more.
func BenchmarkBegin(b *testing.B) {
	j := take(b, configOf(b, mirrorPath(b)))
	all := make([]*counter, 1000)
	changes := make([]Change, len(all))
	for i := range all {
		all[i] = keep(b, j, numberOf(string(rune('A'+i))))
	}
	b.ResetTimer()
	for seq := range int64(b.N) {
		b.StopTimer()
		for i, c := range all {
			c.flag.Disarm()
			c.count("")
			changes[i] = c.change()
			c.taken = c.v
		}
		b.StartTimer()
		if err := j.Begin(seq+1, sharing, changes); err != nil {
			b.Fatal(err)
		}
		j.Settle(true)
	}
}

// BenchmarkStart is what a run costs more: taking a journal, three counts, and
// giving it back.
func BenchmarkStart(b *testing.B) {
	path := mirrorPath(b)
	for range b.N {
		j, err := Take(configOf(b, path))
		if err != nil {
			b.Fatal(err)
		}
		n := keep(b, j, numberOf("n"))
		for range 3 {
			n.count("")
		}
		if err := j.Close(true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList is what looking for dead journals costs, where there is one.
func BenchmarkList(b *testing.B) {
	path := mirrorPath(b)
	j := take(b, configOf(b, path))
	keep(b, j, numberOf("n")).count("")
	for range b.N {
		journalpool.List(path)
	}
}
