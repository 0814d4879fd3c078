package outbox

import (
	"database/sql"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// withholdStates sets the States that wait to be sent back to what the destination
// knows or is being sent. They are sent again with their next change under consent.
func withholdStates(tx *mirrordb.Tx) error {
	known, err := knownStates(tx)
	if err != nil {
		return fmt.Errorf("withhold states: %w", err)
	}
	// A cumulative forwarder has sent the states that have not moved since.
	waiting, err := tx.List(`SELECT trackable_id FROM current_states
		WHERE shared AND since > coalesce((SELECT accepted_at FROM forwarders WHERE kind = 'cumulative'), 0)`)
	for _, trackable := range waiting {
		if err == nil {
			err = shareState(tx, trackable, known[trackable])
		}
	}
	return mirrordb.Wrap("withhold states", err)
}

// shareState sets which state may be sent: none where p is empty.
func shareState(tx *mirrordb.Tx, trackable int64, p batch.Placed) error {
	var series, state any
	if p.Series != 0 {
		series, state = p.Series, p.State
	}
	return tx.Run(`UPDATE current_states SET shared = ?2 IS NOT NULL, shared_series_id = ?2, shared_state = ?3 WHERE trackable_id = ?1`,
		trackable, series, state)
}

// knownStates returns where the destination counts this installation by State,
// once what is in flight has arrived.
func knownStates(tx *mirrordb.Tx) (map[int64]batch.Placed, error) {
	counts := make(map[batch.Placed]int64)
	err := tx.Each(`SELECT series_id, state, accepted FROM occupancy`, func(rows *sql.Rows) error {
		var p batch.Placed
		var n int64
		err := rows.Scan(&p.Series, &p.State, &n)
		counts[p] += n
		return err
	})
	if err != nil {
		return nil, err
	}
	err = tx.Each(`SELECT payload FROM parts WHERE state = 'sealed'`, func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		return addOccupied(counts, text)
	})
	if err != nil {
		return nil, err
	}
	known := make(map[int64]batch.Placed)
	for p, n := range counts {
		if n <= 0 {
			continue
		}
		trackable, err := tx.Find(`SELECT m.trackable_id FROM series s JOIN metrics m ON m.id = s.metric_id WHERE s.id = ?1`, p.Series)
		if err != nil {
			return nil, err
		}
		if p.Series > known[trackable].Series { // of two that became one, the later
			known[trackable] = p
		}
	}
	return known, nil
}

// addOccupied adds the occupancy points of a payload.
func addOccupied(counts map[batch.Placed]int64, payload string) error {
	p, err := batch.Decode(payload)
	if err != nil {
		return err
	}
	whole := series.Metric{Type: series.TypeSum}
	for _, point := range p.Points {
		if point.Occupancy == 0 {
			continue
		}
		set, err := series.DecodeAttributes(string(point.Attributes))
		if err != nil {
			return err
		}
		n, err := whole.ParseJSON(point.Value)
		if err != nil {
			return err
		}
		state, _ := set.Value(otelusage.StateKey)
		counts[batch.Placed{Series: point.Occupancy, State: state.AsString()}] += n.Int64()
	}
	return nil
}

// WithholdPending turns everything that is pending into withheld, except for what a
// cumulative forwarder has already sent in its totals: those must not fall, and
// what was sent there with consent may be sent elsewhere.
func (out *Outbox) WithholdPending(tx *mirrordb.Tx) error {
	if out.missing() {
		return mirrordb.ErrNotOpen
	}
	ids, err := tx.List(`SELECT series_id FROM totals WHERE pending IS NOT NULL`)
	if err != nil {
		return err
	}
	rows, err := out.book.LoadTotals(tx, ids)
	if err != nil {
		return err
	}
	uploaded, err := out.uploads(tx)
	if err != nil {
		return err
	}
	for _, t := range rows {
		keep := t.Metric.Zero()
		if column, ok := uploaded[t.Series]; ok {
			total, err := t.Metric.ParseValue(column)
			if err != nil {
				return err
			}
			keep = uploadedPending(t, total)
		}
		hold, ok := t.Pending.Sub(keep)
		if !ok {
			keep, hold = t.Metric.Zero(), t.Pending
		}
		t.Withheld, t.Pending = t.Withheld.Add(hold), keep
	}
	if err := out.book.SaveTotals(tx, rows); err != nil {
		return err
	}
	if err := withholdStates(tx); err != nil {
		return err
	}
	return tx.Run(`UPDATE gauges SET due = NULL`)
}

// uploads returns the totals that a cumulative forwarder sent, if it was the
// last one that sent anything.
func (out *Outbox) uploads(tx *mirrordb.Tx) (map[int64]any, error) {
	uploaded := make(map[int64]any)
	err := tx.Each(`SELECT series_id, uploaded FROM totals WHERE uploaded IS NOT NULL AND pending IS NOT NULL
		AND (SELECT mark FROM forwarders WHERE kind = 'cumulative')
			>= max((SELECT coalesce(max(mark), 0) FROM forwarders WHERE kind = 'delta'), (SELECT coalesce(max(mark), 0) FROM batches))`,
		func(rows *sql.Rows) error {
			var series int64
			var column any
			err := rows.Scan(&series, &column)
			uploaded[series] = column
			return err
		})
	return uploaded, mirrordb.Wrap("read uploads", err)
}

// uploadedPending returns which part of pending is in a total that was sent.
func uploadedPending(t *totals.Row, total series.Value) series.Value {
	elsewhere, ok := t.Recorded.Sub(t.Withheld)
	if ok {
		elsewhere, ok = elsewhere.Sub(t.Pending)
	}
	if !ok {
		return t.Metric.Zero()
	}
	keep, ok := total.Sub(elsewhere)
	if !ok {
		return t.Metric.Zero()
	}
	return keep
}
