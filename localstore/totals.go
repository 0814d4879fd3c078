package localstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// totals is a series' row of balances. recorded is the sum of the others and of
// what is in flight.
type totals struct {
	series                                                   int64
	metric                                                   *series.Metric
	trackable                                                string // lower case, "" for none
	recorded, pending, withheld, accepted, partial, setAside series.Value
	exports, updatedAt                                       int64
}

// book is a mirror's rows of resources, metrics, series and their totals, and
// what is remembered of them.
type book struct {
	limits
	db     *mirrordb.DB
	totals map[int64]*totals // of series recorded lately
}

// limits bound what is kept.
type limits struct {
	maxRows       int64            // latest exports per series
	maxRowsByName map[string]int64 // the same for trackables, by lower-case name
	maxSeries     int64
}

// forgetTotals drops the remembered totals.
func (s *book) forgetTotals() { s.totals = make(map[int64]*totals) }

const selectTotals = `SELECT s.id, m.id, m.name, m.type, m.float, m.bounds, coalesce(lower(t.name), ''),
	o.recorded, o.pending, o.withheld, o.accepted, o.partial, o.set_aside, coalesce(o.exports, 0), coalesce(o.updated_at, 0)
	FROM series s JOIN metrics m ON m.id = s.metric_id LEFT JOIN totals o ON o.series_id = s.id
	LEFT JOIN trackables t ON t.id = m.trackable_id
	WHERE s.id IN (SELECT value FROM json_each(?1))`

// loadTotals returns the rows of the given series, remembered or read. Series
// without one have a row of zeros. The rows are remembered for as long as no
// other process writes.
func (s *book) loadTotals(tx *mirrordb.Tx, ids []int64) ([]*totals, error) {
	var missing []int64
	for _, id := range ids {
		if s.totals[id] == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		if err := s.readTotals(tx, missing); err != nil {
			return nil, fmt.Errorf("read totals: %w", err)
		}
	}
	rows := make([]*totals, len(ids))
	for i, id := range ids {
		if rows[i] = s.totals[id]; rows[i] == nil {
			return nil, fmt.Errorf("read totals: %w: no series %d", series.ErrUnreadable, id)
		}
	}
	return rows, nil
}

func (s *book) readTotals(tx *mirrordb.Tx, ids []int64) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	metrics := make(map[int64]*series.Metric)
	return tx.Each(selectTotals, func(rows *sql.Rows) error {
		var id int64
		var m series.Metric
		var bounds string
		var t totals
		var values [6]any
		err := rows.Scan(&t.series, &id, &m.Name, &m.Type, &m.Float, &bounds, &t.trackable,
			&values[0], &values[1], &values[2], &values[3], &values[4], &values[5], &t.exports, &t.updatedAt)
		if err != nil {
			return err
		}
		if metrics[id] == nil {
			if m.Bounds, err = series.DecodeBounds(bounds); err != nil {
				return err
			}
			metrics[id] = &m
		}
		t.metric = metrics[id]
		for i, v := range t.values() {
			if *v, err = t.metric.ParseValue(values[i]); err != nil {
				return err
			}
		}
		s.totals[t.series] = &t
		return nil
	}, string(list))
}

func (t *totals) values() [6]*series.Value {
	return [6]*series.Value{&t.recorded, &t.pending, &t.withheld, &t.accepted, &t.partial, &t.setAside}
}

// count adds what was counted to recorded and to one of the others. At the ends
// of int64 both take the same part of it, or they would part for ever.
func (t *totals) count(delta series.Value, into *series.Value) {
	if delta.Kind() == series.KindInt64 && into.Kind() == series.KindInt64 {
		room, _ := t.recorded.Add(delta).Sub(t.recorded)
		room, _ = into.Add(room).Sub(*into)
		delta = room
	}
	t.recorded, *into = t.recorded.Add(delta), into.Add(delta)
}

var (
	upsertRecorded = newRowStatement(
		`INSERT INTO totals (series_id, recorded, pending, withheld, exports, updated_at) VALUES `, 6,
		` ON CONFLICT (series_id) DO UPDATE SET recorded = excluded.recorded, pending = excluded.pending,
			withheld = excluded.withheld, exports = excluded.exports, updated_at = excluded.updated_at`)
	upsertBalance = newRowStatement(
		`INSERT INTO totals (series_id, pending, withheld, accepted, partial, set_aside) VALUES `, 6,
		` ON CONFLICT (series_id) DO UPDATE SET pending = excluded.pending, withheld = excluded.withheld,
			accepted = excluded.accepted, partial = excluded.partial, set_aside = excluded.set_aside`)
	insertHistory = newRowStatement(`INSERT OR REPLACE INTO history (slot, series_id, at, value, count) VALUES `, 5, ``)
	insertDays    = newRowStatement(`INSERT OR REPLACE INTO days (day, series_id, value, count) VALUES `, 4, ``)
)

func (s *book) rowsFor(trackable string) int64 {
	if n, ok := s.maxRowsByName[trackable]; ok {
		return n
	}
	return s.maxRows
}

// saveRecorded writes what a recording changed.
func (s *book) saveRecorded(tx *mirrordb.Tx, rows []*totals) error {
	err := upsertRecorded.run(tx.Conn, len(rows), func(i int, args []any) ([]any, error) {
		t := rows[i]
		return appendValues(append(args, t.series), []any{t.exports, t.updatedAt}, t.recorded, t.pending, t.withheld)
	})
	if err != nil {
		return fmt.Errorf("write totals: %w", err)
	}
	return nil
}

// saveTotals writes what a submission changed.
func (s *book) saveTotals(tx *mirrordb.Tx, rows []*totals) error {
	err := upsertBalance.run(tx.Conn, len(rows), func(i int, args []any) ([]any, error) {
		t := rows[i]
		return appendValues(append(args, t.series), nil, t.pending, t.withheld, t.accepted, t.partial, t.setAside)
	})
	if err != nil {
		return fmt.Errorf("write totals: %w", err)
	}
	return nil
}

func appendValues(args, after []any, values ...series.Value) ([]any, error) {
	for _, v := range values {
		column, err := v.SQL()
		if err != nil {
			return nil, err
		}
		args = append(args, column)
	}
	return append(args, after...), nil
}

// rowStatement inserts many rows with few statements: one that inserts a
// hundred rows costs half as much as a hundred that insert one.
type rowStatement struct {
	columns int
	sizes   []int
	queries []string
}

func newRowStatement(insert string, columns int, conflict string) rowStatement {
	r := rowStatement{columns: columns, sizes: []int{100, 10, 1}}
	row := "(" + strings.Repeat("?, ", columns-1) + "?)"
	for _, n := range r.sizes {
		r.queries = append(r.queries, insert+strings.Repeat(row+", ", n-1)+row+conflict)
	}
	return r
}

// run inserts n rows; row appends the arguments of the i-th.
func (r rowStatement) run(c *sqlitedb.Conn, n int, row func(i int, args []any) ([]any, error)) error {
	args := make([]any, 0, min(n, r.sizes[0])*r.columns)
	i := 0
	for size, rows := range r.sizes {
		for n-i >= rows {
			args = args[:0]
			for range rows {
				var err error
				if args, err = row(i, args); err != nil {
					return err
				}
				i++
			}
			if err := c.Run(r.queries[size], args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepDays is for how many days the totals with which they ended are kept.
const keepDays = 400

// numberValue returns a column that holds a number as it is. Other content,
// which this package never writes, counts as nothing.
func numberValue(column any) series.Value {
	switch c := column.(type) {
	case int64:
		return series.Int64Value(c)
	case float64:
		return series.Float64Value(saturate.Float(c))
	}
	return series.Value{}
}

func releaseLease(tx *mirrordb.Tx) error {
	return tx.Run(`UPDATE mirror SET lease_token = NULL, lease_until = 0`)
}
