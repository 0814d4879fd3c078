package localstore

import (
	"database/sql"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// withholdStates takes the States that wait to be sent back to what the
// destination knows or is being sent. The next change that may be sent shows
// them again.
func (tx *transaction) withholdStates() error {
	known, err := tx.knownStates()
	if err != nil {
		return fmt.Errorf("withhold states: %w", err)
	}
	// A cumulative forwarder has sent the states that have not moved since.
	waiting, err := tx.list(`SELECT trackable_id FROM current_states
		WHERE shared AND since > coalesce((SELECT accepted_at FROM forwarders WHERE kind = 'cumulative'), 0)`)
	for _, trackable := range waiting {
		if err == nil {
			err = tx.shareState(trackable, known[trackable])
		}
	}
	return wrap("withhold states", err)
}

// shareState sets which state may be sent: none where p is empty.
func (tx *transaction) shareState(trackable int64, p placed) error {
	var series, state any
	if p.series != 0 {
		series, state = p.series, p.state
	}
	return tx.run(`UPDATE current_states SET shared = ?2 IS NOT NULL, shared_series_id = ?2, shared_state = ?3 WHERE trackable_id = ?1`,
		trackable, series, state)
}

// knownStates returns where the destination counts this installation by State,
// once what is in flight has arrived.
func (tx *transaction) knownStates() (map[int64]placed, error) {
	counts := make(map[placed]int64)
	err := tx.each(`SELECT series_id, state, accepted FROM occupancy`, func(rows *sql.Rows) error {
		var p placed
		var n int64
		err := rows.Scan(&p.series, &p.state, &n)
		counts[p] += n
		return err
	})
	if err != nil {
		return nil, err
	}
	err = tx.each(`SELECT payload FROM parts WHERE state = 'sealed'`, func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		return addOccupied(counts, text)
	})
	if err != nil {
		return nil, err
	}
	known := make(map[int64]placed)
	for p, n := range counts {
		if n <= 0 {
			continue
		}
		trackable, err := tx.find(`SELECT m.trackable_id FROM series s JOIN metrics m ON m.id = s.metric_id WHERE s.id = ?1`, p.series)
		if err != nil {
			return nil, err
		}
		if p.series > known[trackable].series { // of two that became one, the later
			known[trackable] = p
		}
	}
	return known, nil
}

// addOccupied adds the occupancy points of a payload.
func addOccupied(counts map[placed]int64, payload string) error {
	p, err := decodePayload(payload)
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
		counts[placed{point.Occupancy, state.AsString()}] += n.Int64()
	}
	return nil
}
