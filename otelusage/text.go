package otelusage

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// valid replaces what is not UTF-8: OTLP refuses a whole request for it.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// cut makes s valid and at most MaxTextLength bytes, ending at a character.
func cut(s string) string { return cutAt(MaxTextLength, s) }

func cutAt(most int, s string) string {
	s = valid(s)
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// checkState returns the state that is reported for value.
func checkState(value string) (string, error) {
	if len(value) <= MaxTextLength {
		value = valid(value)
	}
	if len(value) > MaxTextLength {
		return "", fmt.Errorf("%w: the state has %d bytes, at most %d are allowed", ErrInvalidValue, len(value), MaxTextLength)
	}
	return value, nil
}

// overflowSet is the set of the series that takes in all further ones.
var overflowSet = attribute.NewSet(OverflowKey.Bool(true))

// normalSet gives the two kinds of empty sets one identity.
func normalSet(set attribute.Set) attribute.Set {
	if set.Len() == 0 {
		return *attribute.EmptySet()
	}
	return set
}

// mergeSet adds attributes to a set; a later one of the same key wins. What
// cannot be reported is left out, and dropped is then true.
func mergeSet(parent attribute.Set, attrs []attribute.KeyValue) (set attribute.Set, dropped bool) {
	all := make([]attribute.KeyValue, 0, parent.Len()+len(attrs))
	all = append(all, parent.ToSlice()...)
	for _, kv := range attrs {
		if !kv.Valid() || kv.Value.Type() == attribute.EMPTY {
			dropped = true
			continue
		}
		all = append(all, attribute.KeyValue{Key: attribute.Key(cut(string(kv.Key))), Value: cleanValue(kv.Value)})
	}
	return normalSet(attribute.NewSet(all...)), dropped
}

// cleanValue bounds text. Composite values become text: a series is told apart
// by plain values, and a mirror shows them in a column.
func cleanValue(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		if s := v.AsString(); len(s) > MaxTextLength || !utf8.ValidString(s) {
			return attribute.StringValue(cut(s))
		}
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		for i, s := range texts {
			texts[i] = cut(s)
		}
		return attribute.StringSliceValue(texts)
	case attribute.BYTESLICE, attribute.SLICE, attribute.MAP:
		return attribute.StringValue(cut(v.String()))
	}
	return v
}

// label shows a set behind a name: {via=web}.
func label(set attribute.Set) string {
	if set.Len() == 0 {
		return ""
	}
	var b strings.Builder
	for i, kv := range set.ToSlice() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(kv.Key))
		b.WriteByte('=')
		b.WriteString(kv.Value.String())
	}
	return "{" + b.String() + "}"
}
