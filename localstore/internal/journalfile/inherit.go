package journalfile

import "github.com/anonymoususage/anonymoususage-go/localstore/series"

// A run that opened no mirror leaves what it counted in its journal, whether it ended well
// or was killed. The next run may go on with that as if it were the same one, and so on,
// until one of them records all of it.

// IsInheritable reports whether a run may go on with a journal that nobody has: something
// waits in it, no recording began, nothing is damaged, and it has no other extents than the
// first ones. The moves of a State are left to a recovery, which tells whose was the last.
func (c *Content) IsInheritable() bool {
	first, second := c.Header.Tags[0], c.Header.Tags[1]
	if c.Superseded || len(c.Damage) > 0 || second.Ok || !first.Ok || first.Seq != 0 {
		return false
	}
	waits := false
	for i := range c.Slots {
		s := &c.Slots[i]
		if s.Place.Shape.Kind == KindState && s.Value.Moves > 0 || !s.isUnrecorded() {
			return false
		}
		waits = waits || !s.Place.Shape.IsZero(&s.Value)
	}
	return waits && c.identitiesEnd <= InitialSize
}

// MayBeInherited reports whether a run may go on that counts into this mirror under this
// observation.
func (c *Content) MayBeInherited(mirror string, o Observation) bool {
	return c.Mirror == mirror && c.IsInheritable() && c.Header.Tags[0].Observed == o
}

// isUnrecorded reports whether the mirror has nothing of a series.
func (s *ReadSlot) isUnrecorded() bool {
	return !s.unclear && len(s.Bases) == 1 && s.Bases[0].At == 0 && s.Bases[0].seq == 0 && s.Place.Shape.ofBase().IsZero(&s.Bases[0].value)
}

// Used returns how much of each first extent is in use; ok is false where anything lies
// elsewhere.
func (c *Content) Used() (values, bases, identities int, ok bool) {
	ok = c.identitiesEnd > identitiesAt
	for i := range c.Slots {
		p := &c.Slots[i].Place
		ok = ok && p.Value >= valuesAt && p.Base >= basesAt
		values = max(values, int(p.Value)+p.Shape.ValueSize()-valuesAt)
		bases = max(bases, int(p.Base)+p.Shape.BaseStride()+p.Shape.BaseSize()-basesAt)
	}
	identities = int(c.identitiesEnd) - identitiesAt
	return values, bases, identities, ok && values <= FirstValues && bases <= FirstBases && identities <= FirstIdentities
}

// Identities returns how many there are, of resources, metrics and series.
func (c *Content) Identities() int { return c.identities }

// Series returns whose slot it is.
func (s *ReadSlot) Series() *series.Series { return s.series }
