package totals

import "github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"

// LosesState reports whether a State that was moved after a time, and is recorded
// late, loses to the one that the mirror has: somebody moved it later than that.
func LosesState(tx *mirrordb.Tx, trackable, after int64) (bool, error) {
	later, err := tx.Find(`SELECT count(*) FROM current_states WHERE trackable_id = ?1 AND moves > 0 AND since > ?2`, trackable, after)
	return later > 0, err
}
