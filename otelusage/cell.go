package otelusage

import (
	"math"
	"sync"
	"sync/atomic"
)

type number interface{ int64 | float64 }

// cellOf is a cell off the hot path: Add of a Statistic is inlined and knows
// the type. What else belongs to one series of numbers goes beside the value,
// in cell and floatCell.
type cellOf[N number] interface {
	load() N
	add(n N)
	clearCarry()
}

// cell holds the count of one series: v + carry<<62. Add and add are one atomic
// addition to v; what takes v beyond edge, either way, then moves that much to
// carry. So v never comes close to wrapping, and counts beyond the limits of
// int64 stay exact: load shows the limit until as much has been taken away.
type cell struct {
	v     int64 // atomic; the first word, for its alignment on 32 bits
	carry atomic.Int64
}

const edge = 1 << 62

// carrying serialises what happens beyond edge. Two concurrent amounts beyond
// it may still be mistaken for each other.
var carrying sync.Mutex

func (c *cell) add(n int64) {
	if atomic.AddInt64(&c.v, n)+edge < 0 { // also where the sum is positive: it wraps
		c.carryOver(n)
	}
}

// carryOver is called after n was added and left v beyond edge. It adds n again
// in halves, neither of which can wrap.
//
//go:noinline
func (c *cell) carryOver(n int64) {
	carrying.Lock()
	defer carrying.Unlock()
	atomic.AddInt64(&c.v, -n)
	for _, half := range [...]int64{n / 2, n - n/2} {
		switch sum := atomic.AddInt64(&c.v, half); {
		case sum >= edge:
			atomic.AddInt64(&c.v, -edge)
			c.carry.Add(1)
		case sum < -edge:
			atomic.AddInt64(&c.v, edge)
			c.carry.Add(-1)
		}
	}
}

func (c *cell) load() int64 {
	v := atomic.LoadInt64(&c.v)
	if c.carry.Load() == 0 && v+edge >= 0 {
		return v
	}
	carrying.Lock()
	defer carrying.Unlock()
	v = atomic.LoadInt64(&c.v)
	carry := c.carry.Load()
	for ; carry > 0 && v < math.MaxInt64; carry-- {
		v = plus(v, edge)
	}
	for ; carry < 0 && v > math.MinInt64; carry++ {
		v = plus(v, -edge)
	}
	return v
}

// clearCarry forgets what is beyond the limits, for a Set that starts from the
// value that is seen.
func (c *cell) clearCarry() {
	if carry := c.carry.Load(); carry > -2 && carry < 2 {
		return
	}
	seen := c.load()
	carrying.Lock()
	defer carrying.Unlock()
	half := int64(edge)
	if seen < 0 {
		half = -edge
	}
	c.carry.Store(half / edge)
	atomic.StoreInt64(&c.v, seen-half)
}

// floatCell holds the count of one float series as the bits of a float64. It
// never becomes infinite.
type floatCell struct{ bits atomic.Uint64 }

func (c *floatCell) add(n float64) {
	for {
		old := c.bits.Load()
		if c.bits.CompareAndSwap(old, math.Float64bits(plus(math.Float64frombits(old), n))) {
			return
		}
	}
}

func (c *floatCell) load() float64 { return math.Float64frombits(c.bits.Load()) }

func (c *floatCell) clearCarry() {}

// Variables, because no constant converts to both kinds of numbers.
var (
	maxInt   int64 = math.MaxInt64
	minInt   int64 = math.MinInt64
	maxFloat       = math.MaxFloat64
)

// plus adds and saturates.
func plus[N number](a, b N) N {
	sum := a + b
	switch {
	case b > 0 && sum < a: // an int64 that wrapped
		return N(maxInt)
	case b < 0 && sum > a:
		return N(minInt)
	case float64(sum) > maxFloat:
		return N(maxFloat)
	case float64(sum) < -maxFloat:
		return N(-maxFloat)
	}
	return sum
}

// minus subtracts and saturates.
func minus[N number](a, b N) N {
	if b < 0 && -b < 0 { // the one int64 that has no opposite
		return plus(plus(a, N(maxInt)), 1)
	}
	return plus(a, -b)
}
