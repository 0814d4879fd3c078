package batch

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Upload is a series' total as a cumulative forwarder is given it.
type Upload struct {
	Series int64
	Value  series.Value
}

// SharedTotals returns the lifetime totals that may be sent, one part per
// resource: all that was recorded, less what was recorded without consent. They
// are read at each attempt; nothing of the outbox is touched.
func SharedTotals(tx *mirrordb.Tx) (parts []*series.Part, uploads []Upload, err error) {
	b, err := NewBuilder(tx)
	if err != nil {
		return nil, nil, err
	}
	streams := make(map[stream]*streamTotal)
	var order []*streamTotal
	err = eachShared(tx, func(resource int64, w *Metric, series int64, attributes string, value series.Value) error {
		uploads = append(uploads, Upload{series, value})
		key := streamOf(resource, w, attributes)
		if t := streams[key]; t != nil {
			t.add(w, value)
			return nil
		}
		t := &streamTotal{resource, w, attributes, value}
		streams[key], order = t, append(order, t)
		return nil
	}, b)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range order {
		text, err := json.Marshal(t.value)
		if err != nil {
			return nil, nil, err
		}
		b.add(t.resource, Point{Metric: t.metric, Attributes: json.RawMessage(t.attributes), Value: text})
	}
	if err := b.addStates(func(int64) bool { return true }); err != nil {
		return nil, nil, err
	}
	parts = make([]*series.Part, 0, len(b.Order))
	for _, resource := range b.Order {
		text, err := totals.ResourceText(tx, resource)
		if err != nil {
			return nil, nil, err
		}
		part, err := b.payloads[resource].cumulative(b, text)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, part)
	}
	return parts, uploads, nil
}

// cumulative makes a part of a payload, from the day on which the ids were made to
// now. Ids that a clock far ahead made tell later and later times all the same.
func (p *Payload) cumulative(b *Builder, resource string) (*series.Part, error) {
	accepted, err := b.tx.Find(`SELECT accepted FROM forwarders WHERE kind = ?1`, schema.Cumulative)
	if err != nil {
		return nil, fmt.Errorf("count submissions: %w", err)
	}
	p.Start = max(instant.StartOfDay(b.Identity.Since), 1)
	p.End = max(b.tx.Now, p.Start+1+accepted)
	if err := p.stamp(b.Identity.IDs, resource); err != nil {
		return nil, err
	}
	return p.Part(0, 0)
}

// eachShared calls f for every series of which something may be sent.
func eachShared(tx *mirrordb.Tx, f func(resource int64, w *Metric, series int64, attributes string, value series.Value) error, b *Builder) error {
	err := tx.Each(`SELECT `+wireColumns+`, s.id, s.attributes, o.recorded, o.withheld
		FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
		ORDER BY s.resource_id, m.id, s.id`,
		func(rows *sql.Rows) error {
			var series int64
			var attributes string
			var recorded, withheld any
			resource, w, err := b.scanWire(rows, &series, &attributes, &recorded, &withheld)
			if err != nil {
				return err
			}
			value, ok, err := w.shared(recorded, withheld)
			if err != nil || !ok {
				return err
			}
			return f(resource, w, series, attributes, value)
		})
	return mirrordb.Wrap("read totals", err)
}

// shared returns recorded - withheld; ok is false where all was withheld.
func (w *Metric) shared(recorded, withheld any) (value series.Value, ok bool, err error) {
	m := series.Metric{Name: w.Name, Type: w.Type, Float: w.Float, Bounds: w.Bounds}
	total, err := m.ParseValue(recorded)
	if err != nil {
		return series.Value{}, false, err
	}
	kept, err := m.ParseValue(withheld)
	if err != nil || kept.IsZero() {
		return total, err == nil, err
	}
	rest, ok := total.Sub(kept)
	if !ok || rest.IsZero() {
		return series.Value{}, false, nil // also where what was withheld cannot be told apart
	}
	return rest, true, nil
}

// addStates adds every State of chosen resources that may be sent, as its gauge.
func (b *Builder) addStates(chosen func(resource int64) bool) error {
	err := b.tx.Each(`SELECT `+wireColumns+`, coalesce(c.shared_state, '')
		FROM current_states c JOIN series s ON s.id = c.shared_series_id JOIN metrics m ON m.id = s.metric_id
		WHERE c.shared ORDER BY s.id`,
		func(rows *sql.Rows) error {
			var state string
			resource, w, err := b.scanWire(rows, &state)
			if err == nil && chosen(resource) {
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
func statePoint(w *Metric, state string) Point {
	value := json.RawMessage("1")
	if state == otelusage.NoState {
		value = json.RawMessage("0")
	}
	return Point{Metric: w, Attributes: stateAttributes(state), Value: value}
}
