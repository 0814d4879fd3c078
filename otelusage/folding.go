package otelusage

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// folding replaces what was not declared. Whatever is counted is counted in one
// series, so sums over all series do not depend on it.
type folding struct {
	*declared      // nil: none
	strict    bool // nothing else may be recorded, see [DeclaredOnly]
}

// isOpen reports whether everything is recorded as it is.
func (f folding) isOpen() bool { return f.declared == nil && !f.strict }

// state returns what is recorded for a state. ok says that it is declared.
func (f folding) state(value string) (recorded string, ok bool) {
	switch {
	case value == NoState || value == OtherValue || f.isOpen():
		return value, true
	case f.declared != nil && slices.Contains(f.states, value):
		return value, true
	}
	return OtherValue, false
}

// set returns what is recorded for an attribute set. Undeclared keys are left out:
// no text could stand for a key that may tell something.
func (f folding) set(set attribute.Set) (recorded attribute.Set, wrong *undeclared) {
	if f.isOpen() || set.Len() == 0 || set.Equivalent() == overflowSet.Equivalent() {
		return set, nil
	}
	kept := make([]attribute.KeyValue, 0, set.Len())
	for _, kv := range set.ToSlice() {
		value, known, ok := f.value(kv)
		if known {
			kept = append(kept, attribute.KeyValue{Key: kv.Key, Value: value})
		}
		if !ok {
			if wrong == nil {
				wrong = new(undeclared)
			}
			wrong.add(kv.Key, known)
		}
	}
	if wrong == nil {
		return set, nil
	}
	return normalSet(attribute.NewSet(kept...)), wrong
}

// value returns what is recorded for an attribute. known says that its key may be.
func (f folding) value(kv attribute.KeyValue) (value attribute.Value, known, ok bool) {
	other := attribute.StringValue(OtherValue)
	if f.declared == nil {
		return other, false, false
	}
	if values, found := f.values[kv.Key]; found {
		if text := kv.Value.String(); text == OtherValue || slices.Contains(values, text) {
			return kv.Value, true, true
		}
		return other, true, false
	}
	switch {
	case slices.Contains(f.keys, kv.Key):
		if f.strict && kv.Value.Type() != attribute.BOOL && kv.Value.String() != OtherValue { // a number can be somebody's, too
			return other, true, false
		}
		return kv.Value, true, true
	case f.closed || f.strict:
		return other, false, false
	}
	return kv.Value, true, true
}

// undeclared is what of an attribute set was not declared. It has no value and no
// undeclared key, for these may be what must not be told.
type undeclared struct {
	values []attribute.Key // whose value became OtherValue
	keys   bool            // an attribute was left out
}

func (u *undeclared) add(key attribute.Key, known bool) {
	if known {
		u.values = append(u.values, key)
	} else {
		u.keys = true
	}
}

// early returns what was not declared of what was counted before attaching, nil
// for nothing. With did not know yet whether that may be recorded.
func (f folding) early(sets iter.Seq[attribute.Set]) error {
	var all undeclared
	for set := range sets {
		if _, u := f.set(set); u != nil {
			all.values = append(all.values, u.values...)
			all.keys = all.keys || u.keys
		}
	}
	var what []string
	for _, key := range distinct(all.values) {
		what = append(what, fmt.Sprintf("values of attribute %q were recorded as %q", key, OtherValue))
	}
	if all.keys {
		what = append(what, "attributes whose keys are not declared were left out")
	}
	if what == nil {
		return nil
	}
	return fmt.Errorf("counted before attaching: %w: %s", ErrUndeclared, strings.Join(what, ", and "))
}

// recorded is set without what was wrong.
func (f folding) recorded(set attribute.Set) attribute.Set {
	set, _ = f.set(set)
	return set
}
