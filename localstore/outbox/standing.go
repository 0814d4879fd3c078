package outbox

import (
	"maps"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// standing is what a submission keeps in memory between its transactions. A
// transaction that fails, or is run again, leaves no change here: see write.
type standing struct {
	until   int64          // when the lease ends
	shared  []*series.Part // totals without an outcome yet
	grave   tombstoneRow   // the one handed out last
	tried   map[int64]bool // parts that this attempt is done with
	blamed  map[int64]int  // single points refused, by the part they were split from
	refusal *Outcome       // of a single point, the last one
	failed  error          // why the attempt ended before its batch
}

func newStanding() standing {
	return standing{tried: make(map[int64]bool), blamed: make(map[int64]int)}
}

func (x standing) clone() standing {
	x.tried, x.blamed = maps.Clone(x.tried), maps.Clone(x.blamed)
	return x
}

// write runs f in a transaction. Each run of f begins with what was known before
// the first, and that is also what stays when the transaction fails. The caller
// holds the mirror's lock.
func (sub *Submission) write(f func(*mirrordb.Tx) error) error {
	before := sub.standing
	err := sub.outbox.db.Update(sub.outbox.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error {
		sub.standing = before.clone()
		return f(tx)
	})
	if err != nil {
		sub.standing = before
	}
	return err
}
