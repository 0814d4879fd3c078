package unrecorded

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// Journal is one of a mirror's journals, for people.
type Journal struct {
	Path     string
	Standing journalpool.Standing
	Err      error // why it is strange, or cannot be read

	// Of one that can be read:
	PID                int64
	Started            time.Time
	Superseded         bool // its owner was asked to read anew what was decided, or erased
	Series, Unrecorded int  // how many it has, and of how many more than the mirror
	Fate               Fate
	Damage             []string
}

func journalOf(f journalpool.Found, rest *Rest) Journal {
	j := Journal{Path: f.Path, Standing: f.Standing, Err: f.Err}
	if c := f.Content; c != nil && rest != nil {
		j.PID, j.Started, j.Superseded, j.Series, j.Damage = c.PID, c.Started, c.Superseded, c.Count(), c.Damage
		j.Fate, j.Unrecorded = rest.Fate, len(rest.Differences)
	}
	return j
}
