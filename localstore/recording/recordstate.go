package recording

import (
	"fmt"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// recordMove writes a State that this process moved, or the one that it found
// it in.
func (rec *Recorder) recordMove(tx *mirrordb.Tx, m Move, share bool) error {
	series, err := rec.book.SeriesRow(tx, m.Series, tx.Now)
	if err != nil {
		return err
	}
	trackable, err := tx.Find(`SELECT trackable_id FROM metrics WHERE id = ?1`, m.Series.Metric.Row.ID)
	if err != nil {
		return fmt.Errorf("find state %q: %w", m.Series.Metric.Name, err)
	}
	var state any
	if m.State != otelusage.NoState {
		state = totals.Bounded(strings.ToValidUTF8(m.State, "\uFFFD")) // as its attribute is sent
	}
	if !m.Moved {
		return mirrordb.Wrap(fmt.Sprintf("take over state %q", m.Series.Metric.Name), recordInitial(tx, trackable, series, state, share))
	}
	if m.LosesAfter != 0 {
		loses, err := totals.LosesState(tx, trackable, m.LosesAfter)
		if err != nil || loses {
			return mirrordb.Wrap(fmt.Sprintf("find moves of %q", m.Series.Metric.Name), err)
		}
	}
	err = tx.Run(`INSERT INTO current_states (trackable_id, series_id, state, since, moves, shared, shared_series_id, shared_state)
		VALUES (?1, ?2, ?3, ?4, 1, ?5, CASE WHEN ?5 THEN ?2 END, CASE WHEN ?5 THEN ?3 END)
		ON CONFLICT (trackable_id) DO UPDATE SET series_id = ?2, state = ?3, since = ?4, moves = moves + 1,
			shared = shared OR ?5,
			shared_series_id = CASE WHEN ?5 THEN ?2 ELSE shared_series_id END,
			shared_state = CASE WHEN ?5 THEN ?3 ELSE shared_state END`,
		trackable, series, state, tx.Now, share)
	if err == nil {
		err = tx.Run(`INSERT OR REPLACE INTO history (slot, series_id, at, value)
			SELECT (moves - 1) % ?2, series_id, since, state FROM current_states WHERE trackable_id = ?1`,
			trackable, rec.book.RowsFor(strings.ToLower(m.Series.Metric.Name)))
	}
	if err != nil {
		return fmt.Errorf("write state %q: %w", m.Series.Metric.Name, err)
	}
	return nil
}

// recordInitial writes a State that this process has not set. Whoever has set
// it wins: then it keeps its value, under the resource of the version that now
// runs. While nobody has, a row without moves holds the initial state, and that
// of a later process takes its place.
func recordInitial(tx *mirrordb.Tx, trackable, series int64, state any, share bool) error {
	err := tx.Run(`UPDATE current_states SET series_id = ?2,
			shared_series_id = CASE WHEN ?3 AND shared THEN ?2 ELSE shared_series_id END
		WHERE trackable_id = ?1 AND moves > 0 AND (series_id <> ?2 OR (?3 AND shared AND shared_series_id <> ?2))`,
		trackable, series, share)
	if err == nil && state != nil {
		err = tx.Run(`INSERT INTO current_states (trackable_id, series_id, since) VALUES (?1, ?2, ?3)
			ON CONFLICT (trackable_id) DO NOTHING`, trackable, series, tx.Now)
	}
	if err == nil {
		err = tx.Run(`UPDATE current_states SET series_id = ?2, since = iif(state IS ?3, since, ?4), state = ?3,
				shared = shared OR ?5,
				shared_series_id = CASE WHEN ?5 THEN ?2 ELSE shared_series_id END,
				shared_state = CASE WHEN ?5 THEN ?3 ELSE shared_state END
			WHERE trackable_id = ?1 AND moves = 0`, trackable, series, state, tx.Now, share)
	}
	return err
}
