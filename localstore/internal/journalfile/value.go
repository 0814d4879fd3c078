package journalfile

import (
	"fmt"
	"math"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Kind is what a slot holds.
type Kind uint8

// The kinds of slots.
const (
	KindInt64     Kind = 1 + iota
	KindFloat64        // of which sums are exact to 1e-9
	KindHistogram      // with explicit boundaries
	KindState
)

// MaxState is the longest state that a slot holds, in bytes.
const MaxState = 1024

// MaxBuckets is how many buckets a histogram's slot holds at most: one write is to
// stay within a page.
const MaxBuckets = 496

// Value is what a series counted in this run, or the state that a State is in with
// the number of its changes in this run. Only the fields of its slot's kind count.
type Value struct {
	Int     int64
	Float   float64  // a number, or the sum of a histogram
	Count   uint64   // of a histogram
	Buckets []uint64 // of a histogram
	State   string
	Moves   int64 // of a State
}

// Shape is how values of a series are laid out.
type Shape struct {
	Kind    Kind
	Buckets int
}

func ShapeOf(m *series.Metric, state bool) (Shape, error) {
	switch {
	case state:
		return Shape{Kind: KindState}, nil
	case m.Type == series.TypeSum && m.Float:
		return Shape{Kind: KindFloat64}, nil
	case m.Type == series.TypeSum:
		return Shape{Kind: KindInt64}, nil
	case m.Type == series.TypeHistogram && len(m.Bounds)+1 <= MaxBuckets:
		return Shape{KindHistogram, len(m.Bounds) + 1}, nil
	case m.Type == series.TypeHistogram:
		return Shape{}, fmt.Errorf("%w: a histogram of %d buckets, at most %d are kept", ErrTooLarge, len(m.Bounds)+1, MaxBuckets)
	}
	return Shape{}, fmt.Errorf("%w: %s", ErrKind, m.Type)
}

func (s Shape) valid() bool {
	return s.Kind >= KindInt64 && s.Kind <= KindState && s.Buckets >= 0 && s.Buckets <= MaxBuckets && (s.Kind == KindHistogram) == (s.Buckets > 0)
}

// Size is that of an encoded value, without what stands before it.
func (s Shape) Size() int {
	switch s.Kind {
	case KindHistogram:
		return 16 + 8*s.Buckets
	case KindState:
		return Align(16 + MaxState)
	}
	return 8
}

func (s Shape) ValueSize() int { return CellHead + s.Size() }
func (s Shape) BaseSize() int  { return baseHead + s.ofBase().Size() } // of one of the two

// BaseStride is how far apart the two bases lie, so that neither crosses a page.
func (s Shape) BaseStride() int {
	if size := s.BaseSize(); 2*size <= PageSize {
		return size
	}
	return PageSize
}

// ofBase is how a base is laid out. That of a State is the number of its changes.
func (s Shape) ofBase() Shape {
	if s.Kind == KindState {
		return Shape{Kind: KindInt64}
	}
	return s
}

func (s Shape) EncodeBase(b []byte, seq int64, v *Value) {
	of, w := s.ofBase(), *v
	if of != s {
		w.Int = v.Moves
	}
	Order.PutUint32(b[4:], uint32(of.Size()))
	Order.PutUint64(b[8:], uint64(seq))
	of.Encode(b[baseHead:], &w)
}

func (s Shape) Encode(b []byte, v *Value) {
	switch s.Kind {
	case KindInt64:
		Order.PutUint64(b, uint64(v.Int))
	case KindFloat64:
		putFloat(b, v.Float)
	case KindHistogram:
		Order.PutUint64(b, v.Count)
		putFloat(b[8:], v.Float)
		for i := range s.Buckets {
			Order.PutUint64(b[16+8*i:], v.bucket(i))
		}
	case KindState:
		Order.PutUint64(b, uint64(v.Moves))
		n := copy(b[16:16+MaxState], v.State)
		Order.PutUint64(b[8:], uint64(n))
		clear(b[16+n:]) // no longer state shows through
	}
}

func (s Shape) decode(b []byte) (v Value, ok bool) {
	switch s.Kind {
	case KindInt64:
		v.Int = int64(Order.Uint64(b))
	case KindFloat64:
		v.Float = getFloat(b)
	case KindHistogram:
		v.Count, v.Float = Order.Uint64(b), getFloat(b[8:])
		v.Buckets = make([]uint64, s.Buckets)
		for i := range v.Buckets {
			v.Buckets[i] = Order.Uint64(b[16+8*i:])
		}
	case KindState:
		n := Order.Uint64(b[8:])
		if n > MaxState {
			return Value{}, false
		}
		v.Moves, v.State = int64(Order.Uint64(b)), string(b[16:16+n])
	}
	return v, true
}

func (v Value) Clone() Value {
	v.Buckets = slices.Clone(v.Buckets)
	return v
}

// bucket returns one of a histogram that may have counted nothing yet.
func (v *Value) bucket(i int) uint64 {
	if i < len(v.Buckets) {
		return v.Buckets[i]
	}
	return 0
}

func (s Shape) IsZero(v *Value) bool {
	switch s.Kind {
	case KindInt64:
		return v.Int == 0
	case KindFloat64:
		return v.Float == 0
	case KindHistogram:
		return v.Count == 0
	}
	return v.Moves == 0
}

func (s Shape) Equal(v, w *Value) bool {
	switch s.Kind {
	case KindInt64:
		return v.Int == w.Int
	case KindFloat64:
		return v.Float == w.Float
	case KindHistogram:
		return v.Count == w.Count // nothing is ever taken away
	}
	return v.Moves == w.Moves
}

// Plus returns v and what was recorded of it.
func (s Shape) Plus(v Value, d Value) Value {
	switch s.Kind {
	case KindInt64:
		v.Int = saturate.Add(v.Int, d.Int)
	case KindFloat64:
		v.Float = saturate.AddFloat(v.Float, d.Float)
	case KindHistogram:
		buckets := make([]uint64, s.Buckets)
		copy(buckets, v.Buckets) // which are none, or empty, before the first run
		v.Buckets = buckets
		v.Count += d.Count
		v.Float = saturate.AddFloat(v.Float, d.Float)
		for i := range min(len(v.Buckets), len(d.Buckets)) {
			v.Buckets[i] += d.Buckets[i]
		}
	case KindState:
		v.State, v.Moves = d.State, saturate.Add(v.Moves, d.Moves)
	}
	return v
}

// Minus returns what v counted since base. ok is false where v is behind it, which
// can never be: nothing is to be made of that.
func (s Shape) Minus(v, base Value, monotonic bool) (d Value, ok bool) {
	switch s.Kind {
	case KindInt64:
		d.Int = saturate.Sub(v.Int, base.Int)
		return d, !monotonic || d.Int >= 0
	case KindFloat64:
		d.Float = floatDifference(v.Float, base.Float)
		return d, !monotonic || d.Float >= 0
	case KindState:
		d.State, d.Moves = v.State, saturate.Sub(v.Moves, base.Moves)
		return d, d.Moves >= 0
	}
	if v.Count < base.Count {
		return Value{}, false
	}
	d.Count, d.Buckets = v.Count-base.Count, make([]uint64, s.Buckets)
	for i := range d.Buckets {
		if v.bucket(i) < base.bucket(i) {
			return Value{}, false
		}
		d.Buckets[i] = v.bucket(i) - base.bucket(i)
	}
	if d.Count > 0 {
		d.Float = floatDifference(v.Float, base.Float)
	}
	return d, true
}

// floatDifference takes for nothing what is only the rounding of a base that
// advanced by differences.
func floatDifference(v, base float64) float64 {
	const rounding = 1e-12
	d := saturate.SubFloat(v, base)
	if math.Abs(d) <= rounding*max(math.Abs(v), math.Abs(base)) {
		return 0
	}
	return d
}

// SeriesValue returns v as the mirror records it. Of a state it is nothing.
func (s Shape) SeriesValue(v *Value, bounds []float64) series.Value {
	switch s.Kind {
	case KindInt64:
		return series.Int64Value(v.Int)
	case KindFloat64:
		return series.Float64Value(v.Float)
	case KindHistogram:
		return series.HistogramValue(&series.Histogram{Count: v.Count, Sum: v.Float, Bounds: bounds, Buckets: v.Buckets})
	}
	return series.Value{}
}

// ValueOf returns a series' value as a slot holds it.
func ValueOf(v series.Value) Value {
	if h := v.Histogram(); h != nil {
		return Value{Count: h.Count, Float: h.Sum, Buckets: h.Buckets}
	}
	if v.Kind() == series.KindFloat64 {
		return Value{Float: v.Float64()}
	}
	return Value{Int: v.Int64()}
}
