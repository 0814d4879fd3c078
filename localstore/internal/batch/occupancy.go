package batch

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Placed is a state in the series (resource, scope) it is, or was, sent under.
type Placed struct {
	Series int64
	State  string
}

// addOccupancy adds the difference between the states that this installation is in
// and those that were accepted, so that the counts at the destination add up.
func (b *Builder) addOccupancy() error {
	difference := make(map[Placed]int64)
	var order []Placed
	collect := func(sign int64) func(*sql.Rows) error {
		return func(rows *sql.Rows) error {
			var p Placed
			var n int64
			if err := rows.Scan(&p.Series, &p.State, &n); err != nil {
				return err
			}
			if _, ok := difference[p]; !ok {
				order = append(order, p)
			}
			difference[p] += sign * n
			return nil
		}
	}
	err := b.tx.Each(`SELECT series_id, state, accepted FROM occupancy ORDER BY series_id, state`, collect(-1))
	if err == nil {
		err = b.tx.Each(`SELECT *, 1 FROM (`+SharedStates+`) ORDER BY shared_series_id`, collect(1))
	}
	if err != nil {
		return fmt.Errorf("compare states: %w", err)
	}
	for _, p := range order {
		if difference[p] == 0 {
			continue
		}
		if err := b.addPlaced(p, difference[p]); err != nil {
			return fmt.Errorf("write occupancy: %w", err)
		}
	}
	return nil
}

func (b *Builder) addPlaced(p Placed, n int64) error {
	resource, w, err := b.place(p)
	if err != nil || w == nil {
		return err
	}
	key := streamOf(resource, w, string(stateAttributes(p.State)))
	if b.streams[key] {
		b.left = true // the next batch compares again
		return nil
	}
	b.streams[key] = true
	value, err := json.Marshal(n)
	if err != nil {
		return err
	}
	b.add(resource, Point{Metric: w, Occupancy: p.Series, Attributes: stateAttributes(p.State), Value: value})
	return nil
}

// place returns the resource and the metric under which a state is sent, no
// metric where its gauge is gone.
func (b *Builder) place(p Placed) (resource int64, w *Metric, err error) {
	err = b.tx.Each(`SELECT `+wireColumns+` FROM series s JOIN metrics m ON m.id = s.metric_id WHERE s.id = ?1`,
		func(rows *sql.Rows) error {
			of, gauge, err := b.scanWire(rows)
			if err == nil {
				resource, w = of, b.occupancyMetric(p.Series, gauge)
			}
			return err
		}, p.Series)
	return resource, w, err
}

// occupancyMetric derives the metric from the gauge's. Points of one gauge
// share it, so it is remembered under a number no metric has.
func (b *Builder) occupancyMetric(points int64, gauge *Metric) *Metric {
	if w := b.metrics[-points]; w != nil {
		return w
	}
	w := *gauge
	w.Name += otelusage.OccupancySuffix
	w.Unit, w.Description = "{installation}", "Installations in each state."
	w.Type, w.Monotonic, w.Float = series.TypeSum, false, false
	b.metrics[-points] = &w
	return &w
}

func stateAttributes(state string) json.RawMessage {
	if state == otelusage.NoState {
		return json.RawMessage(totals.NoAttributes)
	}
	return json.RawMessage(series.EncodeAttributes(attribute.NewSet(otelusage.StateKey.String(state))))
}

// SharedStates selects the states that are sent to a destination that adds them up
// over installations.
var SharedStates = `SELECT shared_series_id, shared_state FROM current_states
	WHERE shared AND shared_state IS NOT NULL AND shared_series_id NOT IN (` + totals.ImportedSeries + `)`
