package lazy

import (
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// MostWaiting is how many journals of short runs wait before one opens the mirror and
// records them: of runs at a time, and of those that moved a State. A recovery takes as
// many at a time, in order.
const MostWaiting = 24

// addWaiting adds what waits in journals, as a recovery would record it; ok is false
// where that is not certain, or too much waits.
func (c *Cache) addWaiting(mirror string, maxSeries int64) (ok bool) {
	var waiting []*journalfile.Content
	for _, found := range journalpool.ListShort(mirror) {
		switch {
		case found.Standing == journalpool.Living && isInherited(found.Content):
			waiting = append(waiting, found.Content)
		case found.Standing == journalpool.Living || found.Standing == journalpool.Empty:
		case found.Standing != journalpool.Dead || !isUnrecorded(found.Content):
			return false
		default:
			c.waits[found.Index] = true
			waiting = append(waiting, found.Content)
			if found.Content.IsInheritable() {
				c.heritage = append(c.heritage, &found)
			}
		}
	}
	if len(waiting) > MostWaiting {
		return false
	}
	// Of two that hold a State the one that began last holds.
	slices.SortStableFunc(waiting, func(a, b *journalfile.Content) int { return b.Started.Compare(a.Started) })
	add := adding{cache: c, room: maxSeries - c.Series, moved: make(map[*ledger.KeptTrackable]bool)}
	for _, w := range waiting {
		if !add.journal(w) {
			return false
		}
	}
	return true
}

// isUnrecorded reports whether the mirror has nothing of a journal for certain: no
// recording began, and nothing is damaged.
func isUnrecorded(c *journalfile.Content) bool {
	recordings := 0
	for _, t := range c.Header.Tags {
		if t.Ok {
			recordings++
		}
		if t.Seq != 0 {
			return false
		}
	}
	return recordings == 1 && len(c.Damage) == 0
}

// isInherited reports whether a living process counts in a journal of runs that ended,
// and recorded nothing of it. What it counted itself is in there, too.
func isInherited(c *journalfile.Content) bool {
	return c != nil && c.Header.Run.Heirs > 0 && isUnrecorded(c)
}

type adding struct {
	cache *Cache
	room  int64 // for further series
	moved map[*ledger.KeptTrackable]bool
}

func (a *adding) journal(w *journalfile.Content) (ok bool) {
	rest := unrecorded.RestOf(&a.cache.Header, unrecorded.Row{}, w)
	switch {
	case rest.Fate == unrecorded.Lost || len(w.Damage) > 0:
		return false
	case rest.Fate == unrecorded.Dropped:
		return true
	}
	// The former name of a trackable, and one that the mirror does not know yet, are
	// recorded by rules that are not repeated here.
	for _, d := range rest.Differences {
		kind, name, role, known := d.Series.Metric.Trackable()
		if !known {
			return false
		}
		t := a.cache.Known.Find(totals.Bounded(name), kind)
		if t == nil || a.isImported(t) || !a.add(t, role, d, rest.LosesAfter) {
			return false
		}
	}
	return true
}

func (a *adding) add(t *ledger.KeptTrackable, role string, d journalfile.Difference, losesAfter int64) (ok bool) {
	if a.room--; a.room < 0 { // it may be counted in an overflow
		return false
	}
	switch {
	case d.Moves > 0:
		return a.move(t, d.State, losesAfter)
	case role == series.RoleValue:
		t.Add(totals.SeriesAttributes(d.Series.Attributes), d.Delta)
	case role == series.RoleChanges:
		t.AddChanges(d.Delta.Int64())
	}
	return true
}

// move takes a State over, unless a later journal moved it. Against the mirror a
// journal that began before the cache was written may lose.
func (a *adding) move(t *ledger.KeptTrackable, state string, losesAfter int64) (ok bool) {
	if losesAfter <= a.cache.Written {
		return false
	}
	if a.moved[t] {
		return true
	}
	a.moved[t] = true
	t.HasState, t.State = true, totals.Bounded(strings.ToValidUTF8(state, "\uFFFD"))
	return true
}

// isImported reports whether something was imported under a name, which is part of
// its lifetime in another way.
func (a *adding) isImported(t *ledger.KeptTrackable) bool {
	return slices.ContainsFunc(a.cache.Known.Imports, func(m ledger.KeptImport) bool {
		return strings.EqualFold(m.Name, t.Name)
	})
}
