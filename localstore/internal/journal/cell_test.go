package journal

import (
	"sync"
	"sync/atomic"
	"testing"
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
	// An armed cell stays beyond edge under any one addition: it is within far, and
	// an addition of more than far is not made inline.
	far = 1 << 61
)

// add is what Statistic.Add is today, inline.
func (c *tallied) add(n int64) {
	if c == nil || uint64(n) >= far && uint64(-n) >= far || atomic.AddInt64(&c.v, n)+edge < 0 {
		c.slowly(n)
	}
}

//go:noinline
func (c *tallied) slowly(int64) {
	if c.slot != nil {
		c.slot.Changed()
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

func (c *tallied) read(v *Value) { v.Int = c.load() }

// TestACellThatIsItsGate misses no change, up or down, from many goroutines.
func TestACellThatIsItsGate(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	c := &tallied{}
	of := numberOf("n")
	of.Metric.Monotonic = false
	var err error
	if c.slot, err = j.Add(Kept{of, false, c, c.read, Value{}}); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 20_000 {
				c.add(int64(i%7 - 2))
				if i%1000 == g {
					c.add(-1 << 40)
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
	if d := contentOf(t, Path(path, 0)).Differences(0); len(d) != 1 || d[0].Delta.Int64() != c.load() {
		t.Errorf("the file has %v, the cell %d", d, c.load())
	}
}

// flagged is a cell with its gate beside it.
type flagged struct {
	v    int64
	flag Flag
	slot *Slot
}

func (c *flagged) add(n int64) {
	if c == nil {
		return
	}
	atomic.AddInt64(&c.v, n)
	if c.flag.Armed() {
		c.slot.Changed()
	}
}

// BenchmarkAdd compares what a count costs: a bare atomic, and cells that are kept
// with their gate beside them and within.
func BenchmarkAdd(b *testing.B) {
	j := take(b, configOf(b, mirrorPath(b)))
	inner, beside, unkept := &tallied{}, &flagged{}, &flagged{}
	var err error
	if inner.slot, err = j.Add(Kept{numberOf("inner"), false, inner, inner.read, Value{}}); err == nil {
		beside.slot, err = j.Add(Kept{numberOf("beside"), false, &beside.flag, func(v *Value) { v.Int = atomic.LoadInt64(&beside.v) }, Value{}})
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
				inner.add(1)
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
		List(path)
	}
}
