package unrecorded

import (
	"cmp"
	"context"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Reading is what journals hold beyond one state of their mirror.
type Reading struct {
	Journals []Journal
	Empty    int // journals that wait for the next run

	Series []*Series // in the order of the journals
	States []State   // one per trackable, where it holds against the mirror's

	// Trackables are those that the mirror does not have, by ids below 0.
	Trackables map[int64]otelusage.Declaration

	byID map[int64]*Series
}

// Series is one of which journals hold more than the mirror.
type Series struct {
	ID                   int64 // of its row; below 0 where the mirror has none yet
	Trackable            int64 // of its row, or of Reading.Trackables; 0 for none
	Role                 string
	Metric               *series.Metric // as the journal says
	Attributes, Resource string         // as the mirror keeps them
	Value                series.Value   // beyond what is recorded
}

// State is what a State was moved to.
type State struct {
	Trackable int64
	Text      string // [otelusage.NoState] for none
}

// Of returns what journals hold of a series beyond the mirror, the zero Value for
// nothing.
func (r *Reading) Of(id int64) series.Value {
	if r == nil || r.byID[id] == nil {
		return series.Value{}
	}
	return r.byID[id].Value
}

// looks is how often mirror and journals are read that change meanwhile.
const looks = 3

// Look is [mirrordb.DB.View], with what the journals hold beyond the state that it
// reads. The caller holds the lock.
func Look(ctx context.Context, db *mirrordb.DB, read func(*mirrordb.Tx, *Reading) error) error {
	for last := 1; ; last++ {
		path := db.Path()
		found := journalpool.List(path)
		again := false
		err := db.View(ctx, func(tx *mirrordb.Tx) error {
			rests, exact, err := restsOf(tx, found)
			// The path may have led to another file by the time that this was opened.
			again = err == nil && last < looks && (!exact || db.Path() != path)
			if err != nil || again {
				return err
			}
			r, err := newReading(tx, found, rests)
			if err != nil {
				return err
			}
			return read(tx, r)
		})
		if err != nil || !again {
			return err
		}
	}
}

// restsOf returns what each journal holds, nil for those that say nothing. Exact says
// that journals and mirror are of one moment.
func restsOf(tx *mirrordb.Tx, found []journalpool.Found) (rests []*Rest, exact bool, err error) {
	rests = make([]*Rest, len(found))
	var writers []string
	for _, f := range found {
		if f.Content != nil {
			writers = append(writers, f.Content.Writer)
		}
	}
	if len(writers) == 0 {
		return rests, true, nil
	}
	rows, err := RowsOf(tx, writers...)
	if err != nil {
		return nil, false, err
	}
	exact = true
	for i, f := range found {
		if f.Content == nil {
			continue
		}
		rest := RestOf(&tx.Header, rows[f.Content.Writer], f.Content)
		rests[i], exact = &rest, exact && rest.Exact
	}
	return rests, exact, nil
}

func newReading(tx *mirrordb.Tx, found []journalpool.Found, rests []*Rest) (*Reading, error) {
	r := &Reading{}
	waits := 0
	for i, f := range found {
		if f.Standing == journalpool.Empty {
			r.Empty++
			continue
		}
		r.Journals = append(r.Journals, journalOf(f, rests[i]))
		if rests[i] != nil {
			waits += len(rests[i].Differences)
		}
	}
	if waits == 0 {
		return r, nil
	}
	return r, r.resolve(tx, inOrder(found, rests))
}

// inOrder returns what journals hold, that of the one that began last first: of two
// that hold a State its move is the one that a recovery takes.
func inOrder(found []journalpool.Found, rests []*Rest) (sorted []*Rest) {
	var order []int
	for i, rest := range rests {
		if rest != nil {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(found[b].Content.Started.UnixNano(), found[a].Content.Started.UnixNano())
	})
	for _, i := range order {
		sorted = append(sorted, rests[i])
	}
	return sorted
}
