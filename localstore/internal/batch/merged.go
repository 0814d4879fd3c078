package batch

import (
	"database/sql"
	"encoding/json"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// SubmissionsName is the Statistic of accepted submissions, this one included,
// that merged totals carry.
const SubmissionsName = otelusage.ReservedPrefix + "submissions"

// MergedTotals returns one part, under the resource of the process that submits:
// a metric per trackable with its total over all versions, attributes and
// number types, zero for what was declared and not used.
func MergedTotals(tx *mirrordb.Tx, resource attribute.Set) (parts []*series.Part, uploads []Upload, err error) {
	m := &merger{tx: tx, totals: make(map[int64]series.Value)}
	b, err := NewBuilder(tx)
	if err != nil {
		return nil, nil, err
	}
	roles, err := seriesTrackables(tx)
	if err != nil {
		return nil, nil, err
	}
	err = eachShared(tx, func(_ int64, _ *Metric, series int64, _ string, value series.Value) error {
		uploads = append(uploads, Upload{series, value})
		if trackable, ok := roles[series]; ok {
			m.add(trackable, value)
		}
		return nil
	}, b)
	if err != nil {
		return nil, nil, err
	}
	if err := m.addTrackables(); err != nil {
		return nil, nil, err
	}
	accepted, err := tx.Find(`SELECT accepted FROM forwarders WHERE kind = ?1`, schema.Cumulative)
	if err != nil {
		return nil, nil, err
	}
	if err := m.point(otelusage.KindStatistic, Metric{Name: SubmissionsName, Type: series.TypeSum, Monotonic: true,
		Description: "Accepted submissions, this one included."}, totals.NoAttributes, series.Int64Value(accepted+1)); err != nil {
		return nil, nil, err
	}
	part, err := m.Payload.cumulative(b, series.EncodeAttributes(resource))
	if err != nil {
		return nil, nil, err
	}
	return []*series.Part{part}, uploads, nil
}

// seriesTrackables returns which trackable the series with its value belong to.
func seriesTrackables(tx *mirrordb.Tx) (map[int64]int64, error) {
	of := make(map[int64]int64)
	err := tx.Each(`SELECT s.id, m.trackable_id FROM series s JOIN metrics m ON m.id = s.metric_id WHERE m.role = 'value'`,
		func(rows *sql.Rows) error {
			var series, trackable int64
			err := rows.Scan(&series, &trackable)
			of[series] = trackable
			return err
		})
	return of, mirrordb.Wrap("read trackables", err)
}

// merger adds up what may be sent by trackable.
type merger struct {
	tx      *mirrordb.Tx
	totals  map[int64]series.Value
	Payload Payload
}

// add adds a stream to its trackable's total. A histogram adds its count and
// sum alone: versions may differ in their boundaries.
func (m *merger) add(trackable int64, v series.Value) {
	switch v.Kind() {
	case series.KindHistogram:
		v = series.HistogramValue(&series.Histogram{Count: v.Histogram().Count, Sum: v.Histogram().Sum, Buckets: []uint64{v.Histogram().Count}})
	case series.KindExponential:
		v = series.HistogramValue(&series.Histogram{Count: v.Exponential().Count, Sum: v.Exponential().Sum, Buckets: []uint64{v.Exponential().Count}})
	}
	sum, ok := m.totals[trackable]
	switch {
	case !ok:
		sum = v
	case sum.Kind() == v.Kind():
		sum = sum.Add(v)
	default: // the number type changed with a version
		sum = series.Float64Value(saturate.Float(sum.Float64() + v.Float64()))
	}
	m.totals[trackable] = sum
}

func (m *merger) addTrackables() error {
	err := m.tx.Each(`SELECT t.id, t.name, t.kind, t.description, t.unit, t.monotonic,
			CASE WHEN c.shared THEN coalesce(c.shared_state, '') ELSE '' END
		FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id ORDER BY t.id`,
		func(rows *sql.Rows) error {
			var id int64
			var kindName, state string
			var w Metric
			err := rows.Scan(&id, &w.Name, &kindName, &w.Description, &w.Unit, &w.Monotonic, &state)
			if err != nil {
				return err
			}
			kind, ok := otelusage.ParseKind(kindName)
			if !ok {
				return nil // of a later version
			}
			if kind == otelusage.KindState {
				w.Type = series.TypeGauge
				return m.state(w, state)
			}
			return m.total(kind, w, m.totals[id])
		})
	return mirrordb.Wrap("read trackables", err)
}

func (m *merger) state(w Metric, state string) error {
	value := series.Int64Value(1)
	if state == otelusage.NoState {
		value = series.Int64Value(0)
	}
	return m.point(otelusage.KindState, w, string(stateAttributes(state)), value)
}

func (m *merger) total(kind otelusage.Kind, w Metric, v series.Value) error {
	w.Type, w.Float = series.TypeSum, v.Kind() == series.KindFloat64
	w.Monotonic = w.Monotonic || kind == otelusage.KindSequence
	if kind == otelusage.KindTimer {
		w.Type, w.Float, w.Monotonic = series.TypeHistogram, true, false
		if v.Kind() != series.KindHistogram {
			v = series.HistogramValue(&series.Histogram{Buckets: []uint64{0}})
		}
	}
	return m.point(kind, w, totals.NoAttributes, v)
}

func (m *merger) point(kind otelusage.Kind, w Metric, attributes string, v series.Value) error {
	w.ScopeName, w.ScopeVersion = otelusage.ScopeName, otelusage.Version
	w.ScopeAttributes = json.RawMessage(series.EncodeAttributes(attribute.NewSet(otelusage.KindKey.String(kind.String()))))
	text, err := json.Marshal(v)
	if err == nil {
		m.Payload.Points = append(m.Payload.Points, Point{Metric: &w, Attributes: json.RawMessage(attributes), Value: text})
	}
	return err
}
