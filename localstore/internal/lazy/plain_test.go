package lazy

import (
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestPlain: each field of a cache is read back as it was written, whichever it is.
func TestPlain(t *testing.T) {
	var c Cache
	n := 0
	fill(reflect.ValueOf(&c).Elem(), &n)
	if n < 60 {
		t.Fatalf("only %d fields were filled", n)
	}
	got, err := decode(c.encode())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, &c) {
		t.Errorf("read back:\n%+v\nwant\n%+v", got, &c)
	}
}

// fill gives each exported field a value of its own.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(strings.Repeat("x", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) * (1 - 2*int64(*n%2)) << 20)
	default:
		panic("a cache cannot hold a " + v.Kind().String())
	}
}

// TestShape: another layout has another sum. Whoever changes a type that a cache holds
// writes the new sum down, or caches of former programs would be read as what they are
// not.
func TestShape(t *testing.T) {
	var b strings.Builder
	describe(&b, reflect.TypeFor[Cache](), nil)
	if sum := crc32.ChecksumIEEE([]byte(b.String())); sum != shape {
		t.Errorf("the layout of a cache has the sum %#x, shape is %#x:\n%s", sum, shape, b.String())
	}
}

func describe(b *strings.Builder, t reflect.Type, within []reflect.Type) {
	if slices.Contains(within, t) {
		panic("a cache holds itself")
	}
	within = append(within, t)
	fmt.Fprintf(b, "%s ", t.Kind())
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		describe(b, t.Elem(), within)
	case reflect.Map:
		describe(b, t.Key(), within)
		describe(b, t.Elem(), within)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				fmt.Fprintf(b, "%s ", f.Name)
				describe(b, f.Type, within)
			}
		}
		fmt.Fprint(b, "end ")
	}
}

// FuzzPlain: nothing that lies in a cache's place does more than be refused, or read.
func FuzzPlain(f *testing.F) {
	var c Cache
	n := 0
	fill(reflect.ValueOf(&c).Elem(), &n)
	whole := c.encode()
	f.Add(whole)
	for i := range len(whole) {
		f.Add(whole[:i])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(c.encode())
		if err != nil || len(again.encode()) != len(c.encode()) || !reflect.DeepEqual(again.States, c.States) || !reflect.DeepEqual(again.Header, c.Header) {
			t.Errorf("%+v is read back as %+v: %v", c, again, err)
		}
	})
}
