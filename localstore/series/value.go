package series

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
)

// Value is what one series counted: a whole number, a float, or a histogram.
// The zero Value is the whole number 0. Values are immutable: Add and Sub
// return new ones.
type Value struct {
	kind  ValueKind
	whole int64
	real  float64
	hist  *Histogram
	exp   *ExponentialHistogram
}

// ValueKind is what a Value is made of.
type ValueKind uint8

// The kinds of values.
const (
	KindInt64 ValueKind = iota
	KindFloat64
	KindHistogram
	KindExponential
)

// Kind returns what v is made of.
func (v Value) Kind() ValueKind { return v.kind }

// Int64Value returns a whole number.
func Int64Value(n int64) Value { return Value{kind: KindInt64, whole: n} }

// Float64Value returns a float.
func Float64Value(f float64) Value { return Value{kind: KindFloat64, real: f} }

// HistogramValue returns a histogram with explicit boundaries. The histogram
// must not be changed afterwards. For nil it is the zero Value.
func HistogramValue(h *Histogram) Value {
	if h == nil {
		return Value{}
	}
	return Value{kind: KindHistogram, hist: h}
}

// ExponentialValue returns an exponential histogram. The histogram must not be
// changed afterwards. For nil it is the zero Value.
func ExponentialValue(h *ExponentialHistogram) Value {
	if h == nil {
		return Value{}
	}
	return Value{kind: KindExponential, exp: h}
}

// Int64 returns the whole number, or 0 for a Value of another kind.
func (v Value) Int64() int64 { return v.whole }

// Float64 returns the number as a float, or the sum of a histogram.
func (v Value) Float64() float64 {
	switch v.kind {
	case KindInt64:
		return float64(v.whole)
	case KindHistogram:
		return v.hist.Sum
	case KindExponential:
		return v.exp.Sum
	}
	return v.real
}

// Histogram returns the histogram with explicit boundaries, or nil.
func (v Value) Histogram() *Histogram { return v.hist }

// Exponential returns the exponential histogram, or nil.
func (v Value) Exponential() *ExponentialHistogram { return v.exp }

// IsZero reports whether nothing was counted.
func (v Value) IsZero() bool {
	switch v.kind {
	case KindFloat64:
		return v.real == 0
	case KindHistogram:
		return v.hist.Count == 0
	case KindExponential:
		return v.exp.Count == 0
	}
	return v.whole == 0
}

// Add returns v + w. Whole numbers saturate at the ends of int64. The zero
// Value takes the kind of the other operand; otherwise the kinds, and the
// boundaries of histograms, must agree, and v is returned when they do not.
func (v Value) Add(w Value) Value {
	if v.kind != w.kind {
		if v == (Value{}) {
			return w
		}
		return v
	}
	switch v.kind {
	case KindFloat64:
		return Float64Value(saturate.AddFloat(v.real, w.real))
	case KindHistogram:
		return HistogramValue(v.hist.add(w.hist))
	case KindExponential:
		return ExponentialValue(v.exp.add(w.exp))
	}
	return Int64Value(saturate.Add(v.whole, w.whole))
}

// Sub returns v - w. Whole numbers saturate. For a histogram ok is false when
// v does not continue w: a bucket fell, or the boundaries changed.
func (v Value) Sub(w Value) (difference Value, ok bool) {
	if w == (Value{}) {
		return v, true
	}
	if v.kind != w.kind {
		return v, false
	}
	switch v.kind {
	case KindFloat64:
		return Float64Value(saturate.SubFloat(v.real, w.real)), true
	case KindHistogram:
		h, ok := v.hist.sub(w.hist)
		return HistogramValue(h), ok
	case KindExponential:
		h, ok := v.exp.sub(w.exp)
		return ExponentialValue(h), ok
	}
	return Int64Value(saturate.Sub(v.whole, w.whole)), true
}

// Less reports whether v counted less than w: a monotonic value that fell.
func (v Value) Less(w Value) bool {
	if v.kind == KindInt64 && w.kind == KindInt64 {
		return v.whole < w.whole
	}
	return v.Float64() < w.Float64()
}

// Equal reports whether v and w are the same value.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case KindFloat64:
		return v.real == w.real
	case KindHistogram:
		return v.hist.equal(w.hist)
	case KindExponential:
		return v.exp.equal(w.exp)
	}
	return v.whole == w.whole
}

// SQL returns v as a column value: INTEGER, REAL, or a histogram as JSON text.
// Zero is NULL, so that columns that are seldom used take no room.
func (v Value) SQL() (any, error) {
	if v.IsZero() {
		return nil, nil
	}
	switch v.kind {
	case KindInt64:
		return v.whole, nil
	case KindFloat64:
		return v.real, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// Number returns v for columns that plot: the number, or the sum of a
// histogram with its count beside it.
func (v Value) Number() (value, count any) {
	switch v.kind {
	case KindInt64:
		return v.whole, nil
	case KindHistogram:
		return v.hist.Sum, saturate.Count(v.hist.Count)
	case KindExponential:
		return v.exp.Sum, saturate.Count(v.exp.Count)
	}
	return v.real, nil
}

// MarshalJSON writes a number as a number and a histogram as an object.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case KindFloat64:
		return json.Marshal(v.real)
	case KindHistogram:
		return json.Marshal(v.hist)
	case KindExponential:
		return json.Marshal(v.exp)
	}
	return json.Marshal(v.whole)
}

// ParseValue reads a column back as m's kind of value: [ErrUnreadable] for what
// [Value.SQL] never wrote.
func (m *Metric) ParseValue(column any) (Value, error) {
	if m == nil {
		return Value{}, fmt.Errorf("read value: %w: of no metric", ErrUnreadable)
	}
	switch c := column.(type) {
	case nil:
		return m.Zero(), nil
	case int64:
		if m.Float {
			return Float64Value(float64(c)), nil
		}
		return Int64Value(c), nil
	case float64:
		if m.Float {
			return Float64Value(c), nil
		}
		return Int64Value(saturate.Int(c)), nil
	case string:
		return m.ParseJSON([]byte(c))
	case []byte:
		return m.ParseJSON(c)
	}
	return Value{}, fmt.Errorf("read value of %q: %w: column type %T", m.Name, ErrUnreadable, column)
}

// ParseJSON reads a JSON value back as m's kind of value: [ErrUnreadable] for what
// [Value.MarshalJSON] never wrote.
func (m *Metric) ParseJSON(text []byte) (Value, error) {
	if m == nil {
		return Value{}, fmt.Errorf("read value: %w: of no metric", ErrUnreadable)
	}
	var v Value
	var err error
	switch m.Type {
	case TypeHistogram:
		h := &Histogram{Bounds: m.Bounds}
		err = json.Unmarshal(text, h)
		v = HistogramValue(h)
		if err == nil && len(h.Buckets) != len(m.Bounds)+1 {
			err = fmt.Errorf("%d buckets for %d boundaries", len(h.Buckets), len(m.Bounds))
		}
	case TypeExponential:
		h := &ExponentialHistogram{}
		err = json.Unmarshal(text, h)
		v = ExponentialValue(h)
	default:
		if m.Float {
			v.kind = KindFloat64
			err = json.Unmarshal(text, &v.real)
		} else {
			err = json.Unmarshal(text, &v.whole)
		}
	}
	if err != nil {
		return Value{}, fmt.Errorf("read value of %q: %w: %w", m.Name, ErrUnreadable, err)
	}
	return v, nil
}

// Zero is m's kind of value with nothing counted.
func (m *Metric) Zero() Value {
	if m == nil {
		return Value{}
	}
	switch m.Type {
	case TypeHistogram:
		return HistogramValue(&Histogram{Bounds: m.Bounds, Buckets: make([]uint64, len(m.Bounds)+1)})
	case TypeExponential:
		return ExponentialValue(&ExponentialHistogram{Scale: MaxScale})
	}
	if m.Float {
		return Float64Value(0)
	}
	return Int64Value(0)
}

// String returns the value as the mirror's payloads show it.
func (v Value) String() string {
	text, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// floatTolerance is how far sums of the same floats in another order may lie
// apart, relative to them.
const floatTolerance = 1e-9

// Nearly is Equal with some room for the sums of floats, which depend on their
// order.
func (v Value) Nearly(w Value) bool {
	if v.kind != w.kind {
		return v.IsZero() && w.IsZero()
	}
	near := math.Abs(v.Float64()-w.Float64()) <= floatTolerance*max(1, math.Abs(v.Float64()), math.Abs(w.Float64()))
	switch v.kind {
	case KindFloat64:
		return near
	case KindHistogram:
		a, b := *v.hist, *w.hist
		a.Sum, b.Sum = 0, 0
		return near && a.equal(&b)
	case KindExponential:
		scale := min(v.exp.Scale, w.exp.Scale)
		return near && v.exp.Count == w.exp.Count && v.exp.ZeroCount == w.exp.ZeroCount &&
			v.exp.Positive.coarser(v.exp.Scale-scale).equal(w.exp.Positive.coarser(w.exp.Scale-scale)) &&
			v.exp.Negative.coarser(v.exp.Scale-scale).equal(w.exp.Negative.coarser(w.exp.Scale-scale))
	}
	return v.whole == w.whole
}
