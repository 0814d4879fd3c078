package otlpbody

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"unicode/utf8"
)

// The kinds of protobuf's encoding that OTLP uses.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
)

// ErrText is text that protobuf cannot hold.
var ErrText = errors.New("text is not UTF-8")

// encoder writes fields in protobuf's encoding. As in proto3, a plain field of
// value zero is left out. The methods on a value that is present, such as one of
// several or an optional one, begin with put.
type encoder struct {
	out []byte
	err error // the first
}

func (e *encoder) tag(field, kind uint64) {
	e.out = binary.AppendUvarint(e.out, field<<3|kind)
}

// message writes what fill writes as one field, also if that is nothing.
func (e *encoder) message(field uint64, fill func()) {
	e.tag(field, wireBytes)
	begin := len(e.out)
	fill()
	var size [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(size[:], uint64(len(e.out)-begin))
	e.out = slices.Insert(e.out, begin, size[:n]...)
}

func (e *encoder) text(field uint64, s string) {
	if s != "" {
		e.putText(field, s)
	}
}

func (e *encoder) putText(field uint64, s string) {
	if e.err == nil && !utf8.ValidString(s) {
		e.err = ErrText
	}
	e.tag(field, wireBytes)
	e.out = binary.AppendUvarint(e.out, uint64(len(s)))
	e.out = append(e.out, s...)
}

func (e *encoder) bytes(field uint64, b []byte) {
	if len(b) > 0 {
		e.putBytes(field, b)
	}
}

func (e *encoder) putBytes(field uint64, b []byte) {
	e.tag(field, wireBytes)
	e.out = binary.AppendUvarint(e.out, uint64(len(b)))
	e.out = append(e.out, b...)
}

func (e *encoder) varint(field, v uint64) {
	if v != 0 {
		e.putVarint(field, v)
	}
}

func (e *encoder) putVarint(field, v uint64) {
	e.tag(field, wireVarint)
	e.out = binary.AppendUvarint(e.out, v)
}

// zigzag writes a sint32.
func (e *encoder) zigzag(field uint64, v int32) {
	e.varint(field, uint64(uint32(v)<<1^uint32(v>>31)))
}

func (e *encoder) flag(field uint64, v bool) {
	if v {
		e.putFlag(field, v)
	}
}

func (e *encoder) putFlag(field uint64, v bool) {
	var n uint64
	if v {
		n = 1
	}
	e.putVarint(field, n)
}

func (e *encoder) fixed(field, v uint64) {
	if v != 0 {
		e.putFixed(field, v)
	}
}

func (e *encoder) putFixed(field, v uint64) {
	e.tag(field, wire64)
	e.out = binary.LittleEndian.AppendUint64(e.out, v)
}

// float leaves out zero, but not its negative.
func (e *encoder) float(field uint64, v float64) { e.fixed(field, math.Float64bits(v)) }

func (e *encoder) putFloat(field uint64, v float64) { e.putFixed(field, math.Float64bits(v)) }

func (e *encoder) fixeds(field uint64, values []uint64) {
	if len(values) == 0 {
		return
	}
	e.message(field, func() {
		for _, v := range values {
			e.out = binary.LittleEndian.AppendUint64(e.out, v)
		}
	})
}

func (e *encoder) floats(field uint64, values []float64) {
	if len(values) == 0 {
		return
	}
	e.message(field, func() {
		for _, v := range values {
			e.out = binary.LittleEndian.AppendUint64(e.out, math.Float64bits(v))
		}
	})
}

func (e *encoder) varints(field uint64, values []uint64) {
	if len(values) == 0 {
		return
	}
	e.message(field, func() {
		for _, v := range values {
			e.out = binary.AppendUvarint(e.out, v)
		}
	})
}
