package localstore

import (
	"encoding/json"
	"fmt"
)

// Value is what one series counted: a whole number, a float, or a histogram.
// The zero Value is the whole number 0. Values are immutable: Add and Sub
// return new ones.
type Value struct {
	kind  valueKind
	whole int64
	real  float64
	hist  *Histogram
	exp   *ExponentialHistogram
}

type valueKind uint8

const (
	wholeValue valueKind = iota
	realValue
	histogramValue
	exponentialValue
)

// Int64Value returns a whole number.
func Int64Value(n int64) Value { return Value{kind: wholeValue, whole: n} }

// Float64Value returns a float.
func Float64Value(f float64) Value { return Value{kind: realValue, real: f} }

// HistogramValue returns a histogram with explicit boundaries. The histogram
// must not be changed afterwards. For nil it is the zero Value.
func HistogramValue(h *Histogram) Value {
	if h == nil {
		return Value{}
	}
	return Value{kind: histogramValue, hist: h}
}

// ExponentialValue returns an exponential histogram. The histogram must not be
// changed afterwards. For nil it is the zero Value.
func ExponentialValue(h *ExponentialHistogram) Value {
	if h == nil {
		return Value{}
	}
	return Value{kind: exponentialValue, exp: h}
}

// Int64 returns the whole number, or 0 for a Value of another kind.
func (v Value) Int64() int64 { return v.whole }

// Float64 returns the number as a float, or the sum of a histogram.
func (v Value) Float64() float64 {
	switch v.kind {
	case wholeValue:
		return float64(v.whole)
	case histogramValue:
		return v.hist.Sum
	case exponentialValue:
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
	case realValue:
		return v.real == 0
	case histogramValue:
		return v.hist.Count == 0
	case exponentialValue:
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
	case realValue:
		return Float64Value(addFloat(v.real, w.real))
	case histogramValue:
		return HistogramValue(v.hist.add(w.hist))
	case exponentialValue:
		return ExponentialValue(v.exp.add(w.exp))
	}
	return Int64Value(saturatingAdd(v.whole, w.whole))
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
	case realValue:
		return Float64Value(subFloat(v.real, w.real)), true
	case histogramValue:
		h, ok := v.hist.sub(w.hist)
		return HistogramValue(h), ok
	case exponentialValue:
		h, ok := v.exp.sub(w.exp)
		return ExponentialValue(h), ok
	}
	return Int64Value(saturatingSub(v.whole, w.whole)), true
}

// Less reports whether v counted less than w: a monotonic value that fell.
func (v Value) Less(w Value) bool {
	if v.kind == wholeValue && w.kind == wholeValue {
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
	case realValue:
		return v.real == w.real
	case histogramValue:
		return v.hist.equal(w.hist)
	case exponentialValue:
		return v.exp.equal(w.exp)
	}
	return v.whole == w.whole
}

// sql returns v as a column value: INTEGER, REAL, or a histogram as JSON text.
// Zero is NULL, so that columns that are seldom used take no room.
func (v Value) sql() (any, error) {
	if v.IsZero() {
		return nil, nil
	}
	switch v.kind {
	case wholeValue:
		return v.whole, nil
	case realValue:
		return v.real, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// number returns v for columns that plot: the number, or the sum of a
// histogram with its count beside it.
func (v Value) number() (value, count any) {
	switch v.kind {
	case wholeValue:
		return v.whole, nil
	case histogramValue:
		return v.hist.Sum, saturatedCount(v.hist.Count)
	case exponentialValue:
		return v.exp.Sum, saturatedCount(v.exp.Count)
	}
	return v.real, nil
}

// MarshalJSON writes a number as a number and a histogram as an object.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case realValue:
		return json.Marshal(v.real)
	case histogramValue:
		return json.Marshal(v.hist)
	case exponentialValue:
		return json.Marshal(v.exp)
	}
	return json.Marshal(v.whole)
}

// parseValue reads a column or a JSON value back as m's kind of value.
func (m *Metric) parseValue(column any) (Value, error) {
	switch c := column.(type) {
	case nil:
		return m.zero(), nil
	case int64:
		if m.Float {
			return Float64Value(float64(c)), nil
		}
		return Int64Value(c), nil
	case float64:
		if m.Float {
			return Float64Value(c), nil
		}
		return Int64Value(clampInt(c)), nil
	case string:
		return m.parseJSON([]byte(c))
	case []byte:
		return m.parseJSON(c)
	}
	return Value{}, fmt.Errorf("read value of %q: %w: column type %T", m.Name, errUnreadable, column)
}

func (m *Metric) parseJSON(text []byte) (Value, error) {
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
			v.kind = realValue
			err = json.Unmarshal(text, &v.real)
		} else {
			err = json.Unmarshal(text, &v.whole)
		}
	}
	if err != nil {
		return Value{}, fmt.Errorf("read value of %q: %w: %w", m.Name, errUnreadable, err)
	}
	return v, nil
}

// zero is m's kind of value with nothing counted.
func (m *Metric) zero() Value {
	switch m.Type {
	case TypeHistogram:
		return HistogramValue(&Histogram{Bounds: m.Bounds, Buckets: make([]uint64, len(m.Bounds)+1)})
	case TypeExponential:
		return ExponentialValue(&ExponentialHistogram{Scale: maxScale})
	}
	if m.Float {
		return Float64Value(0)
	}
	return Int64Value(0)
}
