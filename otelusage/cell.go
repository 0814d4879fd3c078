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

	tellBy(s *keptSeries)
	changed() // tells the Keeper, when nothing is locked
	arm()
	disarm() (was bool)
	isArmed() bool
}

// cell holds the count of one series: v + carry units. Add and add are one atomic
// addition to v; what takes v beyond edge, either way, is then moved to carry. So
// v never comes close to wrapping, and counts beyond the limits of int64 stay
// exact: load shows the limit until as much has been taken away.
//
// The cell's gate is the sign of v: while it is armed, v has bias besides. Then
// every addition lands beyond edge, where Add has to look anyway, so that a count
// which is kept costs no more than one that is not.
type cell struct {
	v     int64 // atomic; the first word, for its alignment on 32 bits
	carry atomic.Int64
	kept  atomic.Pointer[keptSeries] // nil: nobody is told

	mu    sync.Mutex // guards armed, and serialises what does more than add
	armed bool
}

const (
	edge = 1 << 62
	bias = math.MinInt64 // adding it again takes it away
	unit = 1 << 60       // of carry; v of an armed cell is less, either way

	// inline is more than is added without the lock. Thousands of such additions
	// at once do not take an armed cell to edge, nor any other one round to where
	// it would not be noticed.
	inline = 1 << 48
)

// add counts n. It and count are just small enough to be inlined.
func (c *cell) add(n int64) {
	if isMuch(n) || atomic.AddInt64(&c.v, n)+edge < 0 {
		c.addBeyond(n)
	}
}

// count adds n and tells the Keeper, if need be. So nothing may be locked.
func (c *cell) count(n int64) {
	if isMuch(n) || atomic.AddInt64(&c.v, n)+edge < 0 {
		c.countBeyond(n)
	}
}

func isMuch(n int64) bool { return uint64(n+inline) >= 2*inline }

// addBeyond is for what is not added yet, being much, and for what left v beyond
// edge.
func (c *cell) addBeyond(n int64) {
	if isMuch(n) {
		c.addMuch(n)
		return
	}
	c.carryOver()
}

func (c *cell) countBeyond(n int64) {
	c.addBeyond(n)
	c.changed()
}

func (c *cell) tellBy(s *keptSeries) { c.kept.Store(s) }

func (c *cell) changed() {
	if kept := c.kept.Load(); kept != nil {
		kept.tell()
	}
}

// low returns v without bias. c.mu is held.
func (c *cell) low() int64 {
	v := atomic.LoadInt64(&c.v)
	if c.armed {
		v += bias
	}
	return v
}

// shift moves units from v to carry. Whoever reads without the lock finds another
// carry than 0 while v is not the count: so carry is first to leave 0, and last to
// return to it. c.mu is held.
func (c *cell) shift(units int64) {
	if units == 0 {
		return
	}
	carry := c.carry.Load() + units
	if carry != 0 {
		c.carry.Store(carry)
	}
	atomic.AddInt64(&c.v, -units*unit)
	if carry == 0 {
		c.carry.Store(0)
	}
}

// carryOver is called after an addition left v beyond edge or found it armed.
func (c *cell) carryOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carryLocked()
}

func (c *cell) carryLocked() {
	v := c.low()
	if c.armed || v+edge < 0 { // also where v is positive: it wraps
		c.shift(v / unit)
	}
}

// addMuch adds in quarters, none of which can wrap.
func (c *cell) addMuch(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	quarter := n / 4
	for _, part := range [...]int64{quarter, quarter, quarter, n - 3*quarter} {
		atomic.AddInt64(&c.v, part)
		c.carryLocked()
	}
}

func (c *cell) load() int64 {
	carry := c.carry.Load()
	v := atomic.LoadInt64(&c.v)
	if carry == 0 && v+edge >= 0 && c.carry.Load() == 0 {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum()
}

// sum returns the count, or the limit that it is beyond. c.mu is held.
func (c *cell) sum() int64 {
	v, carry := c.low(), c.carry.Load()
	for ; carry > 0 && v < math.MaxInt64; carry-- {
		v = plus(v, unit)
	}
	for ; carry < 0 && v > math.MinInt64; carry++ {
		v = plus(v, -unit)
	}
	return v
}

// clearCarry forgets what is beyond the limits, for a Set that starts from the
// value that is seen.
func (c *cell) clearCarry() {
	if c.carry.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.sum()
	if seen > math.MinInt64 && seen < math.MaxInt64 {
		return
	}
	c.carry.Store(seen / unit)
	atomic.AddInt64(&c.v, seen%unit-c.low())
}

func (c *cell) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed {
		return
	}
	c.shift(c.low() / unit)
	c.armed = true
	atomic.AddInt64(&c.v, bias)
}

func (c *cell) disarm() (was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was = c.armed; was {
		c.armed = false
		atomic.AddInt64(&c.v, bias)
	}
	return was
}

func (c *cell) isArmed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.armed
}

// floatCell holds the count of one float series as the bits of a float64. It
// never becomes infinite.
type floatCell struct {
	bits  atomic.Uint64
	kept  atomic.Pointer[keptSeries]
	armed atomic.Bool
}

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

func (c *floatCell) tellBy(s *keptSeries) { c.kept.Store(s) }

func (c *floatCell) changed() {
	if kept := c.kept.Load(); kept != nil {
		kept.tell()
	}
}

func (c *floatCell) arm()          { c.armed.Store(true) }
func (c *floatCell) disarm() bool  { return c.armed.Load() && c.armed.CompareAndSwap(true, false) }
func (c *floatCell) isArmed() bool { return c.armed.Load() }

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
