package otelusage

import "go.opentelemetry.io/otel/attribute"

// byAttributes keeps the members of a trackable, one per attribute set, in
// first-come order and at most MaxSeries of them: further sets share the
// overflow member, which comes on top. The owner locks it.
type byAttributes[M any] struct {
	list     []*M
	index    map[attribute.Distinct]*M
	overflow *M
}

// get returns the member of a set and makes it where there is none yet.
func (f *byAttributes[M]) get(set attribute.Set, create func(attribute.Set) *M) *M {
	key := set.Equivalent()
	if key == overflowSet.Equivalent() {
		return f.getOverflow(create)
	}
	if m, ok := f.index[key]; ok {
		return m
	}
	if len(f.index) >= MaxSeries {
		return f.getOverflow(create)
	}
	if f.index == nil {
		f.index = make(map[attribute.Distinct]*M)
	}
	m := create(set)
	f.index[key] = m
	f.list = append(f.list, m)
	return m
}

func (f *byAttributes[M]) getOverflow(create func(attribute.Set) *M) *M {
	if f.overflow == nil {
		f.overflow = create(overflowSet)
		f.list = append(f.list, f.overflow)
	}
	return f.overflow
}
