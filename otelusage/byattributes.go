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
	m, as := f.find(set)
	if m == nil {
		m = create(as)
		f.put(as, m)
	}
	return m
}

// find returns the member of a set. Where it is nil, a new one is that of as.
func (f *byAttributes[M]) find(set attribute.Set) (m *M, as attribute.Set) {
	key := set.Equivalent()
	if m := f.index[key]; m != nil {
		return m, set
	}
	if key == overflowSet.Equivalent() || len(f.index) >= MaxSeries {
		return f.overflow, overflowSet
	}
	return nil, set
}

func (f *byAttributes[M]) put(as attribute.Set, m *M) {
	f.list = append(f.list, m)
	key := as.Equivalent()
	if key == overflowSet.Equivalent() {
		f.overflow = m
		return
	}
	if f.index == nil {
		f.index = make(map[attribute.Distinct]*M)
	}
	f.index[key] = m
}
