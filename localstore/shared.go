package localstore

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// sharedTotals returns the lifetime totals that may be sent, one part per
// resource: all that was recorded, less what was recorded without leave. They
// are read at each attempt; nothing of the outbox is touched.
func (s *Store) sharedTotals(tx *transaction) ([]*Part, error) {
	b := &batchBuilder{tx: tx, payloads: make(map[int64]*payload), metrics: make(map[int64]*wireMetric)}
	if err := b.addShared(); err != nil {
		return nil, err
	}
	if err := b.addStates(); err != nil {
		return nil, err
	}
	end := max(tx.now, tx.createdAt+1)
	parts := make([]*Part, 0, len(b.order))
	for _, resource := range b.order {
		p := b.payloads[resource]
		var text string
		err := tx.each(`SELECT attributes FROM resources WHERE id = ?1`,
			func(rows *sql.Rows) error { return rows.Scan(&text) }, resource)
		if err != nil {
			return nil, fmt.Errorf("read resource: %w", err)
		}
		wire, err := tx.wireResource(text)
		if err != nil {
			return nil, err
		}
		p.Resource, p.Start, p.End = json.RawMessage(wire), tx.createdAt, end
		part, err := p.part(0, 0)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func (b *batchBuilder) addShared() error {
	err := b.tx.each(`SELECT `+wireColumns+`, s.attributes, o.recorded, o.withheld
		FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
		ORDER BY s.resource_id, m.id, s.id`,
		func(rows *sql.Rows) error {
			var attributes string
			var recorded, withheld any
			resource, w, err := b.scanWire(rows, &attributes, &recorded, &withheld)
			if err != nil {
				return err
			}
			value, ok, err := sharedJSON(w, recorded, withheld)
			if err == nil && ok {
				b.add(resource, payloadPoint{metric: w, Attributes: json.RawMessage(attributes), Value: value})
			}
			return err
		})
	if err != nil {
		return fmt.Errorf("read totals: %w", err)
	}
	return nil
}

// sharedJSON returns recorded - withheld; ok is false where all was withheld.
func sharedJSON(w *wireMetric, recorded, withheld any) (value json.RawMessage, ok bool, err error) {
	m := Metric{Name: w.Name, Type: w.Type, Float: w.Float, Bounds: w.Bounds}
	total, err := m.parseValue(recorded)
	if err != nil {
		return nil, false, err
	}
	kept, err := m.parseValue(withheld)
	if err != nil {
		return nil, false, err
	}
	shared := total
	if !kept.IsZero() {
		if shared, ok = total.Sub(kept); !ok || shared.IsZero() {
			return nil, false, nil // also where what was withheld cannot be told apart
		}
	}
	value, err = json.Marshal(shared)
	return value, true, err
}

// addStates adds every State that may be sent, as its gauge.
func (b *batchBuilder) addStates() error {
	err := b.tx.each(`SELECT `+wireColumns+`, coalesce(c.shared_state, '')
		FROM current_states c JOIN series s ON s.id = c.shared_series_id JOIN metrics m ON m.id = s.metric_id
		WHERE c.shared ORDER BY s.id`,
		func(rows *sql.Rows) error {
			var state string
			resource, w, err := b.scanWire(rows, &state)
			if err == nil {
				b.add(resource, statePoint(w, state))
			}
			return err
		})
	if err != nil {
		return fmt.Errorf("read states: %w", err)
	}
	return nil
}

// statePoint is a State's gauge: 1 with the state, or 0 for none.
func statePoint(w *wireMetric, state string) payloadPoint {
	value := json.RawMessage("1")
	if state == otelusage.NoState {
		value = json.RawMessage("0")
	}
	return payloadPoint{metric: w, Attributes: stateAttributes(state), Value: value}
}

// settleShared writes what became of one resource's totals. The totals count
// as sent when those of every resource were accepted.
func (s *Store) settleShared(tx *transaction, sub *Submission, part *Part, o Outcome) (bool, error) {
	points := int64(part.Points())
	if o.Verdict != Accepted && o.Verdict != Partial {
		return false, s.fail(tx, sub, 0, points, o)
	}
	if err := tx.log(Cumulative, 0, 0, points, o); err != nil {
		return false, err
	}
	if len(sub.shared) > 1 {
		sub.shared = sub.shared[1:]
		return true, nil
	}
	sub.shared = nil
	return true, tx.succeed(Cumulative, sub.mark)
}
