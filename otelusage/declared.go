package otelusage

import (
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// declared are the values that a declaration names. It never changes.
type declared struct {
	states []string
	values map[attribute.Key][]string
	keys   []attribute.Key // besides those of values
	closed bool            // there are no other keys
}

// clone returns a copy to which an option adds. Of nil it is an empty one.
func (d *declared) clone() *declared {
	if d == nil {
		return &declared{values: make(map[attribute.Key][]string)}
	}
	return &declared{slices.Clip(d.states), maps.Clone(d.values), slices.Clip(d.keys), d.closed}
}

// check returns why d cannot be declared for a kind.
func (d *declared) check(kind Kind) error {
	if d == nil {
		return nil
	}
	if kind == KindState && len(d.states) == 0 {
		return fmt.Errorf("%w: WithStates has no state", ErrInvalidValue)
	}
	for _, state := range d.states {
		if _, err := checkState(state); err != nil || state != valid(state) {
			return fmt.Errorf("%w: WithStates has a state that is too long or not UTF-8", ErrInvalidValue)
		}
	}
	for _, key := range d.allKeys() {
		if key == "" || string(key) != cut(string(key)) {
			return fmt.Errorf("%w: an attribute key is empty, too long or not UTF-8", ErrInvalidValue)
		}
	}
	for key, values := range d.values {
		if len(values) == 0 {
			return fmt.Errorf("%w: WithValues has no value for attribute %q", ErrInvalidValue, key)
		}
		for _, value := range values {
			if value != cut(value) {
				return fmt.Errorf("%w: WithValues has a value for attribute %q that is too long or not UTF-8", ErrInvalidValue, key)
			}
		}
	}
	return nil
}

// allKeys returns the keys that are declared, in order.
func (d *declared) allKeys() []attribute.Key {
	return distinct(append(slices.Collect(maps.Keys(d.values)), d.keys...))
}

func distinct[S ~string](list []S) []S { return slices.Compact(slices.Sorted(slices.Values(list))) }

func sameElements[S ~string](a, b []S) bool { return slices.Equal(distinct(a), distinct(b)) }

// missing returns what is in a list and not in another.
func missing[S ~string](list, from []S) (rest []S) {
	for _, s := range list {
		if !slices.Contains(from, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// conflict returns what of d cannot hold beside what was declared before, "" for
// nothing. What one of them leaves open agrees with anything.
func (d *declared) conflict(before *declared) string {
	if d == nil || before == nil {
		return ""
	}
	for key, values := range d.values {
		if other, ok := before.values[key]; ok && !sameElements(values, other) {
			return fmt.Sprintf("it had other values of attribute %q before", key)
		}
	}
	switch {
	case !sameElements(d.states, before.states):
		return "it had other states before"
	case d.closed && before.closed && !sameElements(d.allKeys(), before.allKeys()),
		before.closed && !d.closed && len(missing(d.allKeys(), before.allKeys())) > 0,
		d.closed && !before.closed && len(missing(before.allKeys(), d.allKeys())) > 0:
		return "it had other attribute keys before"
	}
	return ""
}

// and returns what both declare together, where they do not conflict. added says
// that it is more than d.
func (d *declared) and(later *declared) (both *declared, added bool) {
	if later == nil {
		return d, false
	}
	if d == nil {
		return later, true
	}
	both = d.clone()
	for key, values := range later.values {
		if both.values[key] == nil {
			both.values[key], added = values, true
		}
	}
	if later.closed && !d.closed {
		both.closed, both.keys, added = true, later.keys, true
	}
	return both, added
}
