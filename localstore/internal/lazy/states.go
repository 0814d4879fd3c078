package lazy

import (
	"database/sql"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// statesOf reads how the file holds States.
func statesOf(tx *mirrordb.Tx) (map[string]recording.KnownState, error) {
	states := make(map[string]recording.KnownState)
	err := tx.Each(`SELECT lower(t.name), coalesce(c.state, ''), r.attributes, c.moves > 0,
			iif(c.moves > 0, NOT c.shared, c.shared AND c.shared_state IS c.state) OR c.shared AND c.moves > 0 AND c.shared_series_id IS c.series_id
		FROM current_states c JOIN trackables t ON t.id = c.trackable_id
		JOIN series s ON s.id = c.series_id JOIN resources r ON r.id = s.resource_id`, func(rows *sql.Rows) error {
		var name string
		var k recording.KnownState
		err := rows.Scan(&name, &k.State, &k.Resource, &k.Moved, &k.Settled)
		states[name] = k
		return err
	})
	return states, mirrordb.Wrap("read states", err)
}
