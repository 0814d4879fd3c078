package series

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// EncodeAttributes writes an attribute set as a JSON object with its keys in order.
// Equal sets have equal texts: the text is the set's identity in the mirror, and
// readable for people. A float always has a point or an exponent, which
// distinguishes it from a whole number.
func EncodeAttributes(set attribute.Set) string {
	set = withValidKeys(set)
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range set.Len() {
		kv, _ := set.Get(i)
		if i > 0 {
			b.WriteByte(',')
		}
		writeText(&b, string(kv.Key))
		b.WriteByte(':')
		writeValue(&b, kv.Value)
	}
	b.WriteByte('}')
	return b.String()
}

// withValidKeys replaces invalid UTF-8 in keys before they are put in order:
// two that become one would be another set when they are read again.
func withValidKeys(set attribute.Set) attribute.Set {
	var kvs []attribute.KeyValue
	for i := range set.Len() {
		kv, _ := set.Get(i)
		if kvs == nil && !utf8.ValidString(string(kv.Key)) {
			kvs = set.ToSlice()
		}
	}
	if kvs == nil {
		return set
	}
	for i := range kvs {
		kvs[i].Key = attribute.Key(strings.ToValidUTF8(string(kvs[i].Key), "\uFFFD"))
	}
	return attribute.NewSet(kvs...)
}

func writeValue(b *bytes.Buffer, v attribute.Value) {
	switch v.Type() {
	case attribute.BOOL:
		b.WriteString(strconv.FormatBool(v.AsBool()))
	case attribute.INT64:
		b.WriteString(strconv.FormatInt(v.AsInt64(), 10))
	case attribute.FLOAT64:
		writeFloat(b, v.AsFloat64())
	case attribute.STRING:
		writeText(b, v.AsString())
	case attribute.BOOLSLICE:
		writeList(b, v.AsBoolSlice(), func(x bool) { b.WriteString(strconv.FormatBool(x)) })
	case attribute.INT64SLICE:
		writeList(b, v.AsInt64Slice(), func(x int64) { b.WriteString(strconv.FormatInt(x, 10)) })
	case attribute.FLOAT64SLICE:
		writeList(b, v.AsFloat64Slice(), func(x float64) { writeFloat(b, x) })
	case attribute.STRINGSLICE:
		writeList(b, v.AsStringSlice(), func(x string) { writeText(b, x) })
	case attribute.SLICE:
		writeList(b, v.AsSlice(), func(x attribute.Value) { writeValue(b, x) })
	case attribute.BYTESLICE:
		b.WriteString(`{"bytes":`)
		writeText(b, base64.StdEncoding.EncodeToString(v.AsByteSlice()))
		b.WriteByte('}')
	case attribute.MAP:
		b.WriteString(`{"map":`)
		b.WriteString(EncodeAttributes(attribute.NewSet(v.AsMap()...)))
		b.WriteByte('}')
	default:
		b.WriteString("null")
	}
}

func writeList[T any](b *bytes.Buffer, list []T, write func(T)) {
	b.WriteByte('[')
	for i, x := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		write(x)
	}
	b.WriteByte(']')
}

func writeFloat(b *bytes.Buffer, f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		fmt.Fprintf(b, `{"float":"%s"}`, strconv.FormatFloat(f, 'g', -1, 64))
		return
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	b.WriteString(text)
	if !strings.ContainsAny(text, ".e") {
		b.WriteString(".0")
	}
}

// writeText replaces invalid UTF-8, which no OTLP receiver would take.
func writeText(b *bytes.Buffer, s string) {
	if isPlain(s) {
		b.WriteByte('"')
		b.WriteString(s)
		b.WriteByte('"')
		return
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(strings.ToValidUTF8(s, "\uFFFD")); err == nil {
		b.Truncate(b.Len() - 1) // Encode ends with a newline
	}
}

// DecodeAttributes is the inverse of [EncodeAttributes]: [ErrUnreadable] for
// what that never wrote. Lists of one type come
// back as such; an empty list as one of strings, which is the same on the wire.
func DecodeAttributes(text string) (attribute.Set, error) {
	kvs, err := decodeObject([]byte(text))
	if err != nil {
		return attribute.Set{}, fmt.Errorf("read attributes: %w: %w", ErrUnreadable, err)
	}
	return attribute.NewSet(kvs...), nil
}

// isPlain reports whether a text stands in JSON as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// decodePlain reads an object of plain texts alone, which nearly all are: to prepare
// encoding/json takes longer than a short program does with all of them.
func decodePlain(text string) (kvs []attribute.KeyValue, ok bool) {
	inner, isObject := strings.CutPrefix(text, "{")
	inner, ends := strings.CutSuffix(inner, "}")
	if !isObject || !ends {
		return nil, false
	}
	parts := strings.Split(inner, `"`) // before, key, colon, value, comma, ..., after
	if len(parts)%4 != 1 || parts[0] != "" || parts[len(parts)-1] != "" {
		return nil, false
	}
	for ; len(parts) > 1; parts = parts[4:] {
		if len(kvs) > 0 && parts[0] != "," || parts[2] != ":" || !isPlain(parts[1]) || !isPlain(parts[3]) {
			return nil, false
		}
		kvs = append(kvs, attribute.String(parts[1], parts[3]))
	}
	return kvs, true
}

func decodeObject(text []byte) ([]attribute.KeyValue, error) {
	if kvs, ok := decodePlain(string(text)); ok {
		return kvs, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	kvs := make([]attribute.KeyValue, 0, len(object))
	for key, raw := range object {
		v, err := decodeValue(raw)
		if err != nil {
			return nil, err
		}
		kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(key), Value: v})
	}
	return kvs, nil
}

func decodeValue(raw json.RawMessage) (attribute.Value, error) {
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return attribute.StringValue(s), err
	case 't', 'f':
		return attribute.BoolValue(raw[0] == 't'), nil
	case 'n':
		return attribute.Value{}, nil
	case '[':
		return decodeList(raw)
	case '{':
		return decodeTagged(raw)
	}
	if bytes.ContainsAny(raw, ".eE") {
		f, err := strconv.ParseFloat(string(raw), 64)
		return attribute.Float64Value(f), err
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return attribute.Int64Value(n), err
}

func decodeTagged(raw json.RawMessage) (attribute.Value, error) {
	var tagged struct {
		Float *string         `json:"float"`
		Bytes []byte          `json:"bytes"`
		Map   json.RawMessage `json:"map"`
	}
	if err := json.Unmarshal(raw, &tagged); err != nil {
		return attribute.Value{}, err
	}
	if tagged.Float != nil {
		f, err := strconv.ParseFloat(*tagged.Float, 64)
		return attribute.Float64Value(f), err
	}
	if tagged.Map != nil {
		kvs, err := decodeObject(tagged.Map)
		return attribute.MapValue(kvs...), err
	}
	return attribute.ByteSliceValue(tagged.Bytes), nil
}

func decodeList(raw json.RawMessage) (attribute.Value, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return attribute.Value{}, err
	}
	values := make([]attribute.Value, len(list))
	same := true
	for i, item := range list {
		v, err := decodeValue(item)
		if err != nil {
			return attribute.Value{}, err
		}
		values[i] = v
		same = same && v.Type() == values[0].Type()
	}
	if len(values) == 0 {
		return attribute.StringSliceValue(nil), nil
	}
	if !same {
		return attribute.SliceValue(values...), nil
	}
	switch values[0].Type() {
	case attribute.BOOL:
		return attribute.BoolSliceValue(each(values, attribute.Value.AsBool)), nil
	case attribute.INT64:
		return attribute.Int64SliceValue(each(values, attribute.Value.AsInt64)), nil
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(each(values, attribute.Value.AsFloat64)), nil
	case attribute.STRING:
		return attribute.StringSliceValue(each(values, attribute.Value.AsString)), nil
	}
	return attribute.SliceValue(values...), nil
}

func each[T any](values []attribute.Value, as func(attribute.Value) T) []T {
	list := make([]T, len(values))
	for i, v := range values {
		list[i] = as(v)
	}
	return list
}
