package series

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
)

func TestAttributesRoundTrip(t *testing.T) {
	tests := []struct {
		name string
		kv   attribute.KeyValue
		want string
	}{
		{"true", attribute.Bool("k", true), `{"k":true}`},
		{"false", attribute.Bool("k", false), `{"k":false}`},
		{"int", attribute.Int64("k", 1), `{"k":1}`},
		{"int64 above 2^53", attribute.Int64("k", math.MaxInt64), `{"k":9223372036854775807}`},
		{"smallest int64", attribute.Int64("k", math.MinInt64), `{"k":-9223372036854775808}`},
		{"whole float", attribute.Float64("k", 1), `{"k":1.0}`},
		{"negative zero", attribute.Float64("k", math.Copysign(0, -1)), `{"k":-0.0}`},
		{"large float", attribute.Float64("k", 1e300), `{"k":1e+300}`},
		{"smallest float", attribute.Float64("k", math.SmallestNonzeroFloat64), `{"k":5e-324}`},
		{"infinity", attribute.Float64("k", math.Inf(1)), `{"k":{"float":"+Inf"}}`},
		{"negative infinity", attribute.Float64("k", math.Inf(-1)), `{"k":{"float":"-Inf"}}`},
		{"string", attribute.String("k", "v"), `{"k":"v"}`},
		{"empty string", attribute.String("k", ""), `{"k":""}`},
		{"quotes", attribute.String(`a"b'c`, "\"\\'\n\t<&>\x00"), `{"a\"b'c":"\"\\'\n\t<&>\u0000"}`},
		{"unicode", attribute.String("ключ", "値\U0001F600"), "{\"ключ\":\"値\U0001F600\"}"},
		{"bools", attribute.BoolSlice("k", []bool{true, false}), `{"k":[true,false]}`},
		{"ints", attribute.Int64Slice("k", []int64{1, math.MinInt64}), `{"k":[1,-9223372036854775808]}`},
		{"floats", attribute.Float64Slice("k", []float64{1, 0.5, math.Inf(1)}), `{"k":[1.0,0.5,{"float":"+Inf"}]}`},
		{"strings", attribute.StringSlice("k", []string{"", "b"}), `{"k":["","b"]}`},
		{"bytes", attribute.ByteSlice("k", []byte{0, 255}), `{"k":{"bytes":"AP8="}}`},
		{"no bytes", attribute.ByteSlice("k", nil), `{"k":{"bytes":""}}`},
		{"empty", attribute.KeyValue{Key: "k"}, `{"k":null}`},
		{"mixed list", attribute.Slice("k", attribute.Int64Value(1), attribute.Float64Value(1), attribute.StringValue("1"), attribute.Value{}),
			`{"k":[1,1.0,"1",null]}`},
		{"nested lists", attribute.Slice("k", attribute.Int64SliceValue([]int64{1}), attribute.StringSliceValue([]string{"a"})),
			`{"k":[[1],["a"]]}`},
		{"map", attribute.Map("k", attribute.Int64("b", 2), attribute.Map("a", attribute.ByteSlice("x", []byte("y")))),
			`{"k":{"map":{"a":{"map":{"x":{"bytes":"eQ=="}}},"b":2}}}`},
		{"empty map", attribute.Map("k"), `{"k":{"map":{}}}`},
		{"map with the keys of tags", attribute.Map("k", attribute.String("float", "x"), attribute.String("bytes", "!"), attribute.String("map", "m")),
			`{"k":{"map":{"bytes":"!","float":"x","map":"m"}}}`},
		{"list of maps", attribute.Slice("k", attribute.MapValue(attribute.Bool("a", true)), attribute.MapValue()),
			`{"k":[{"map":{"a":true}},{"map":{}}]}`},
		{"SQL", attribute.String("k", `'; DROP TABLE totals; --`), `{"k":"'; DROP TABLE totals; --"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := attribute.NewSet(tt.kv)
			encoded := EncodeAttributes(set)
			if encoded != tt.want {
				t.Errorf("encoded %s, want %s", encoded, tt.want)
			}
			decoded, err := DecodeAttributes(encoded)
			if err != nil {
				t.Fatal(err)
			}
			if !decoded.Equals(&set) {
				t.Errorf("decoded %v, want %v", decoded.ToSlice(), set.ToSlice())
			}
		})
	}
}

func TestAttributesThatAreTheSameOnTheWire(t *testing.T) {
	tests := []struct {
		name string
		kv   attribute.KeyValue
		want attribute.KeyValue
	}{
		{"list of ints", attribute.Slice("k", attribute.Int64Value(1)), attribute.Int64Slice("k", []int64{1})},
		{"no bools", attribute.BoolSlice("k", nil), attribute.StringSlice("k", nil)},
		{"empty list", attribute.Slice("k"), attribute.StringSlice("k", nil)},
		{"invalid UTF-8", attribute.String("a\xff", "b\xff\xfec"), attribute.String("a\uFFFD", "b\uFFFDc")},
	}
	for _, tt := range tests {
		encoded := EncodeAttributes(attribute.NewSet(tt.kv))
		decoded, err := DecodeAttributes(encoded)
		want := attribute.NewSet(tt.want)
		if err != nil || !decoded.Equals(&want) {
			t.Errorf("%s: decoded %v, %v, want %v", tt.name, decoded.ToSlice(), err, want.ToSlice())
		}
		if again := EncodeAttributes(decoded); again != encoded {
			t.Errorf("%s: encoded %s, then %s", tt.name, encoded, again)
		}
	}
}

func TestNaNRoundTrips(t *testing.T) {
	encoded := EncodeAttributes(attribute.NewSet(attribute.Float64("k", math.NaN())))
	if want := `{"k":{"float":"NaN"}}`; encoded != want {
		t.Errorf("encoded %s, want %s", encoded, want)
	}
	decoded, err := DecodeAttributes(encoded)
	if v, _ := decoded.Value("k"); err != nil || !math.IsNaN(v.AsFloat64()) {
		t.Errorf("decoded %v, %v", v, err)
	}
}

func TestAttributeOrderDoesNotMatter(t *testing.T) {
	kvs := []attribute.KeyValue{attribute.Int("a", 1), attribute.String("b", "x"), attribute.Map("c", attribute.Int("y", 1), attribute.Int("x", 2))}
	want := EncodeAttributes(attribute.NewSet(kvs...))
	slices.Reverse(kvs)
	kvs[0] = attribute.Map("c", attribute.Int("x", 2), attribute.Int("y", 1))
	if got := EncodeAttributes(attribute.NewSet(kvs...)); got != want {
		t.Errorf("encoded %s, want %s", got, want)
	}
}

func TestAttributesThatDifferHaveDifferentTexts(t *testing.T) {
	different := []attribute.Value{
		attribute.Int64Value(1), attribute.Float64Value(1), attribute.StringValue("1"), attribute.BoolValue(true),
		attribute.StringValue("true"), attribute.Value{}, attribute.StringValue("null"), attribute.StringValue(""),
		attribute.Int64SliceValue([]int64{1}), attribute.Float64SliceValue([]float64{1}), attribute.StringSliceValue([]string{"1"}),
		attribute.ByteSliceValue([]byte("1")), attribute.MapValue(attribute.Int("1", 1)), attribute.Float64Value(math.NaN()), attribute.StringValue("NaN"),
	}
	seen := make(map[string]attribute.Value)
	for _, v := range different {
		encoded := EncodeAttributes(attribute.NewSet(attribute.KeyValue{Key: "k", Value: v}))
		if other, ok := seen[encoded]; ok {
			t.Errorf("%v and %v are both %s", v, other, encoded)
		}
		seen[encoded] = v
	}
}

func TestTextsThatAreNoAttributesAreRefused(t *testing.T) {
	for _, bad := range []string{``, `[`, `[]`, `1`, `"a"`, `{"k":}`, `{"k":1e999}`, `{"k":99999999999999999999}`,
		`{"k":{"float":"x"}}`, `{"k":{"bytes":"!"}}`, `{"k":{"map":[]}}`, `{"k":[{"map":1}]}`} {
		if set, err := DecodeAttributes(bad); err == nil {
			t.Errorf("%s was read as %v", bad, set.ToSlice())
		}
	}
}

// FuzzPlain: what is read and written without encoding/json is what that reads and writes.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"b"}`, `{"a":"b","c":"d"}`, `{"a":"1","a":"2"}`, `{"":""}`, `{"a":"b",}`, `{,"a":"b"}`,
		`{"a""b"}`, `{"a":"b""c":"d"}`, `{"a":"\"}`, `{"a":"b"}}`, `{"a":"b"} `, "{\"a\":\"\t\"}", `{"a":"<&>"}`, `{"a":1,"b":"c"}`, "{\"\x7f\":\"é\"}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		if isPlain(input) {
			var b, whole bytes.Buffer
			writeText(&b, input)
			e := json.NewEncoder(&whole)
			e.SetEscapeHTML(false)
			if err := e.Encode(input); err != nil || b.String()+"\n" != whole.String() {
				t.Errorf("%q is written as %s, by encoding/json as %s", input, b.String(), whole.String())
			}
		}
		kvs, ok := decodePlain(input)
		if !ok {
			return
		}
		var texts map[string]string
		if err := json.Unmarshal([]byte(input), &texts); err != nil {
			t.Fatalf("%q is read as %v, encoding/json refuses it: %v", input, kvs, err)
		}
		set := attribute.NewSet(kvs...)
		if set.Len() != len(texts) {
			t.Errorf("%q is read as %v, by encoding/json as %v", input, kvs, texts)
		}
		for key, text := range texts {
			if v, _ := set.Value(attribute.Key(key)); v.AsString() != text {
				t.Errorf("%q has %q for %q, with encoding/json %q", input, v.AsString(), key, text)
			}
		}
	})
}

func FuzzDecodeAttributes(f *testing.F) {
	for _, seed := range []string{`{}`, `{"k":1}`, `{"k":1.0}`, `{"k":[1,"a",null]}`, `{"k":{"float":"NaN"}}`, `{"k":{"bytes":"AP8="}}`,
		`{"k":{"map":{"a":[[]]}}}`, `{"k":-0.0}`, ` { "k" : [ ] } `, `{"k":{}}`, `null`, "{\"\xff\":\"\xff\"}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		set, err := DecodeAttributes(input)
		if err != nil {
			return
		}
		encoded := EncodeAttributes(set)
		again, err := DecodeAttributes(encoded)
		if err != nil {
			t.Fatalf("%q was encoded as %s: %v", input, encoded, err)
		}
		// NaN is unequal to itself, so texts are compared where it occurs.
		if !strings.Contains(encoded, `"NaN"`) && !again.Equals(&set) {
			t.Errorf("%s decoded as %v, want %v", encoded, again.ToSlice(), set.ToSlice())
		}
		if twice := EncodeAttributes(again); twice != encoded {
			t.Errorf("%q was encoded as %s, then %s", input, encoded, twice)
		}
	})
}
