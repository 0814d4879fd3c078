package lazy

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
)

// A cache is written as its fields one after the other: numbers as varints, floats as
// eight bytes, texts, lists and maps with their length before them, pointers with a 0
// for nil. Fields that are not exported are left out. Which field is which only the
// program knows, so a cache begins with the version of it. Package encoding/json takes
// 0.3 ms to prepare for the types, in each process, which is as long as everything
// else that a start does with the cache.

var errNotPlain = errors.New("lazy: cache ends early, or goes on")

// appendPlain appends what a value holds.
func appendPlain(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendPlain(append(b, 1), v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				b = appendPlain(b, v.Field(i))
			}
		}
	case reflect.Slice:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		for i := range v.Len() {
			b = appendPlain(b, v.Index(i))
		}
	case reflect.Map:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		for each := v.MapRange(); each.Next(); {
			b = appendPlain(appendPlain(b, each.Key()), each.Value())
		}
	case reflect.String:
		b = append(binary.AppendUvarint(b, uint64(v.Len())), v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Float64:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float()))
	default:
		b = binary.AppendVarint(b, v.Int())
	}
	return b
}

// plain reads back what appendPlain wrote. After a fault it reads zeros.
type plain struct {
	b   []byte
	bad bool
}

// readPlain sets what the pointer leads to.
func readPlain(b []byte, to any) error {
	p := plain{b: b}
	p.read(reflect.ValueOf(to).Elem())
	if p.bad || len(p.b) > 0 {
		return errNotPlain
	}
	return nil
}

func (p *plain) read(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if p.bytes(1)[0] != 0 {
			v.Set(reflect.New(v.Type().Elem()))
			p.read(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				p.read(v.Field(i))
			}
		}
	case reflect.Slice:
		n := p.length()
		if n == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			p.read(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range p.length() {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			p.read(key)
			p.read(value)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(string(p.bytes(p.length())))
	case reflect.Bool:
		v.SetBool(p.bytes(1)[0] != 0)
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(p.bytes(8))))
	default:
		n, size := binary.Varint(p.b)
		p.skip(size)
		v.SetInt(n)
	}
}

// length reads how long something is. What is longer than the rest is not there.
func (p *plain) length() int {
	n, size := binary.Uvarint(p.b)
	p.skip(size)
	if n > uint64(len(p.b)) {
		p.b, p.bad = nil, true
		return 0
	}
	return int(n)
}

func (p *plain) skip(size int) {
	if size <= 0 {
		p.b, p.bad = nil, true
		return
	}
	p.b = p.b[size:]
}

func (p *plain) bytes(n int) []byte {
	if n > len(p.b) {
		p.b, p.bad = nil, true
		return make([]byte, n)
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b
}
