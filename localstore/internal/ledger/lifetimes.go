package ledger

import (
	"database/sql"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// lifetimeMetric is a metric whose series are part of a trackable's lifetime.
type lifetimeMetric struct {
	series.Metric
	trackable int64
	changes   bool // of a State, in place of its value
}

// lifetimeMetrics selects the metrics, of which there are few, apart from their series:
// each version of an application has series of its own.
const lifetimeMetrics = `FROM metrics WHERE role IN ('value', 'changes') AND trackable_id IN (SELECT id FROM trackables)`

func loadMetrics(c *sqlitedb.Conn) (map[int64]*lifetimeMetric, error) {
	metrics := make(map[int64]*lifetimeMetric)
	err := c.Each(`SELECT id, trackable_id, role = 'changes', name, type, float, bounds `+lifetimeMetrics, func(rows *sql.Rows) error {
		var id int64
		var bounds string
		m := &lifetimeMetric{}
		err := rows.Scan(&id, &m.trackable, &m.changes, &m.Name, &m.Type, &m.Float, &bounds)
		if err == nil {
			m.Bounds, err = series.DecodeBounds(bounds)
		}
		metrics[id] = m
		return err
	})
	return metrics, err
}

func (r *recorded) loadLifetimes(c *sqlitedb.Conn, keys map[int64]Key) error {
	type points struct {
		trackable  int64
		attributes string
	}
	metrics, err := loadMetrics(c)
	if err != nil {
		return err
	}
	sums := make(map[points]*otelusage.SeriesLifetime)
	var order []points
	imported := make(map[points]int64) // how often they changed
	counted := make(map[int64]bool)    // trackables that were counted here
	err = c.Each(`SELECT s.metric_id, s.attributes, o.recorded, o.imported IS NOT NULL, o.exports
		FROM series s JOIN totals o ON o.series_id = s.id
		WHERE s.metric_id IN (SELECT id `+lifetimeMetrics+`) ORDER BY s.id`,
		func(rows *sql.Rows) error {
			var id int64
			var attributes string
			var recorded any
			var taken bool
			var recordings int64
			if err := rows.Scan(&id, &attributes, &recorded, &taken, &recordings); err != nil {
				return err
			}
			m := metrics[id]
			v, err := m.ParseValue(recorded)
			if err != nil {
				return err
			}
			if m.changes {
				life := r.lifetimes[keys[m.trackable]]
				life.Changes = saturate.Add(life.Changes, v.Int64())
				return nil
			}
			key := points{m.trackable, attributes}
			sum := sums[key]
			if sum == nil {
				sum = &otelusage.SeriesLifetime{}
				sums[key], order = sum, append(order, key)
			}
			addLifetime(sum, v)
			if taken {
				imported[key] = recordings
			} else {
				counted[m.trackable] = true
			}
			return nil
		})
	if err != nil {
		return err
	}
	for _, key := range order {
		sum := sums[key]
		if sum.Attributes, err = series.DecodeAttributes(key.attributes); err != nil {
			return err
		}
		life := r.lifetimes[keys[key.trackable]]
		life.Series = append(life.Series, *sum)
	}
	for key, recordings := range imported {
		if !counted[key.trackable] {
			alone := *sums[key]
			alone.Int, alone.Count = saturate.Int(alone.Float), recordings
			r.imports[keys[key.trackable].Name] = alone
		}
	}
	return nil
}

// addLifetime adds one series of a trackable: all versions and resources count into
// one lifetime. Both numbers are kept, for a statistic whose number type changed
// with a version.
func addLifetime(sum *otelusage.SeriesLifetime, v series.Value) {
	switch v.Kind() {
	case series.KindInt64:
		sum.Int = saturate.Add(sum.Int, v.Int64())
	case series.KindFloat64:
		sum.Int = saturate.Add(sum.Int, saturate.Int(v.Float64()))
	case series.KindHistogram:
		sum.Count = saturate.Add(sum.Count, saturate.Count(v.Histogram().Count))
	case series.KindExponential:
		sum.Count = saturate.Add(sum.Count, saturate.Count(v.Exponential().Count))
	}
	sum.Float = saturate.Float(sum.Float + v.Float64())
}
