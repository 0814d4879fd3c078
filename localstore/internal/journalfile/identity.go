package journalfile

import (
	"encoding/binary"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// An identity is written as texts that share what is the same: a resource once for
// all metrics, a metric once for its series.
type RecordType uint8

const (
	RecordResource RecordType = 1 + iota
	RecordMetric
	RecordSeries
)

// encoder writes an identity's parts.
type encoder struct{ b []byte }

func (e *encoder) text(s string) {
	e.b = binary.AppendUvarint(e.b, uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) number(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

func (e *encoder) bool(v bool) {
	n := uint64(0)
	if v {
		n = 1
	}
	e.number(n)
}

func (e *encoder) float(f float64) {
	var b [8]byte
	putFloat(b[:], f)
	e.b = append(e.b, b[:]...)
}

// decoder reads them back; after a fault everything is zero.
type decoder struct {
	b    []byte
	memo *Memo
	bad  bool
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.b, d.bad = nil, true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) bool() bool { return d.number() == 1 }

func (d *decoder) float() float64 {
	if len(d.b) < 8 {
		d.b, d.bad = nil, true
		return 0
	}
	f := getFloat(d.b)
	d.b = d.b[8:]
	return f
}

func (d *decoder) set() attribute.Set {
	set, err := d.memo.set(d.text())
	if err != nil {
		d.bad = true
	}
	return set
}

func EncodeResource(r *series.Resource) []byte {
	var e encoder
	e.text(series.EncodeAttributes(r.Attributes))
	return e.b
}

func decodeResource(b []byte, m *Memo) (*series.Resource, bool) {
	d := decoder{b: b, memo: m}
	r := &series.Resource{Attributes: d.set()}
	return r, !d.bad
}

func EncodeMetric(m *series.Metric) []byte {
	var e encoder
	e.text(m.Scope.Name)
	e.text(m.Scope.Version)
	e.text(m.Scope.SchemaURL)
	e.text(series.EncodeAttributes(m.Scope.Attributes))
	e.text(m.Name)
	e.text(m.Unit)
	e.text(m.Description)
	e.text(string(m.Type))
	e.bool(m.Monotonic)
	e.bool(m.Float)
	e.number(uint64(len(m.Bounds)))
	for _, f := range m.Bounds {
		e.float(f)
	}
	return e.b
}

func decodeMetric(b []byte, memo *Memo) (*series.Metric, bool) {
	d := decoder{b: b, memo: memo}
	m := &series.Metric{Scope: &series.Scope{Name: d.text(), Version: d.text(), SchemaURL: d.text(), Attributes: d.set()},
		Name: d.text(), Unit: d.text(), Description: d.text(), Type: series.MetricType(d.text()),
		Monotonic: d.bool(), Float: d.bool()}
	n := d.number()
	if n > uint64(len(d.b))/8 {
		return nil, false
	}
	for range n {
		m.Bounds = append(m.Bounds, d.float())
	}
	return m, !d.bad
}

// Place is where the values of a series lie.
type Place struct {
	Shape       Shape
	Value, Base int64
}

func EncodeSeries(p Place, set attribute.Set) []byte {
	var e encoder
	e.number(uint64(p.Shape.Kind))
	e.number(uint64(p.Shape.Buckets))
	e.number(uint64(p.Value))
	e.number(uint64(p.Base))
	e.text(series.EncodeAttributes(set))
	return e.b
}

func decodeSeries(b []byte, m *Memo) (p Place, set attribute.Set, ok bool) {
	d := decoder{b: b, memo: m}
	kind, buckets := d.number(), d.number()
	value, base := d.number(), d.number()
	set = d.set()
	const far = 1 << 40
	if d.bad || kind > uint64(KindState) || buckets > MaxBuckets || value > far || base > far {
		return Place{}, attribute.Set{}, false
	}
	p = Place{Shape{Kind(kind), int(buckets)}, int64(value), int64(base)}
	return p, set, p.Shape.valid()
}

// fits reports whether a series matches the slot that it is said to be in.
func (p Place) fits(m *series.Metric) bool {
	want, err := ShapeOf(m, p.Shape.Kind == KindState)
	return err == nil && want == p.Shape
}

// Check refuses a series that lacks what identifies it.
func Check(s *series.Series) error {
	if s == nil || s.Resource == nil || s.Metric == nil || s.Metric.Scope == nil {
		return fmt.Errorf("%w: a series without resource, metric or scope", ErrKind)
	}
	return nil
}

// KeyOf identifies a series, as a mirror does: by everything but the description.
func KeyOf(s *series.Series) string {
	m := *s.Metric
	m.Description = ""
	key := encoder{EncodeResource(s.Resource)}
	key.text(string(EncodeMetric(&m)))
	key.text(series.EncodeAttributes(s.Attributes))
	return string(key.b)
}

// CheckLength refuses what no extent has room for.
func CheckLength(s *series.Series) error {
	const most = maxChunk - 2*PageSize
	for _, payload := range [...][]byte{EncodeResource(s.Resource), EncodeMetric(s.Metric), EncodeSeries(Place{}, s.Attributes)} {
		if RecordHead+len(payload)+32 > most { // the places take a little more
			return fmt.Errorf("%w: %d bytes of identity, at most %d are kept", ErrTooLarge, len(payload), most)
		}
	}
	return nil
}
