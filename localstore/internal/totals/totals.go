package totals

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Row is a series' row of balances. recorded is the sum of the others and of
// what is in flight.
type Row struct {
	Series                                                   int64
	Metric                                                   *series.Metric
	Trackable                                                string // lower case, "" for none
	Recorded, Pending, Withheld, Accepted, Partial, SetAside series.Value
	Recordings, UpdatedAt                                    int64
}

// Book is a mirror's rows of resources, metrics, series and their totals, and
// what is remembered of them.
type Book struct {
	Limits
	db   *mirrordb.DB
	rows map[int64]*Row // of series recorded lately
}

// New returns the rows of a mirror.
func New(db *mirrordb.DB, l Limits) *Book { return &Book{db: db, Limits: l} }

// Limits bound what is kept.
type Limits struct {
	MaxRows       int64            // latest recordings per series
	MaxRowsByName map[string]int64 // the same for trackables, by lower-case name
	MaxSeries     int64
}

// ForgetTotals drops the remembered totals.
func (b *Book) ForgetTotals() { b.rows = make(map[int64]*Row) }

const selectTotals = `SELECT s.id, m.id, m.name, m.type, m.float, m.bounds, coalesce(lower(t.name), ''),
	o.recorded, o.pending, o.withheld, o.accepted, o.partial, o.set_aside, coalesce(o.exports, 0), coalesce(o.updated_at, 0)
	FROM series s JOIN metrics m ON m.id = s.metric_id LEFT JOIN totals o ON o.series_id = s.id
	LEFT JOIN trackables t ON t.id = m.trackable_id
	WHERE s.id IN (SELECT value FROM json_each(?1))`

// LoadTotals returns the rows of the given series, remembered or read. Series
// without one have a row of zeros. The rows are remembered for as long as no
// other process writes.
func (b *Book) LoadTotals(tx *mirrordb.Tx, ids []int64) ([]*Row, error) {
	var missing []int64
	for _, id := range ids {
		if b.rows[id] == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		if err := b.readTotals(tx, missing); err != nil {
			return nil, fmt.Errorf("read totals: %w", err)
		}
	}
	rows := make([]*Row, len(ids))
	for i, id := range ids {
		if rows[i] = b.rows[id]; rows[i] == nil {
			return nil, fmt.Errorf("read totals: %w: no series %d", series.ErrUnreadable, id)
		}
	}
	return rows, nil
}

func (b *Book) readTotals(tx *mirrordb.Tx, ids []int64) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	metrics := make(map[int64]*series.Metric)
	return tx.Each(selectTotals, func(rows *sql.Rows) error {
		var id int64
		var m series.Metric
		var bounds string
		var t Row
		var values [6]any
		err := rows.Scan(&t.Series, &id, &m.Name, &m.Type, &m.Float, &bounds, &t.Trackable,
			&values[0], &values[1], &values[2], &values[3], &values[4], &values[5], &t.Recordings, &t.UpdatedAt)
		if err != nil {
			return err
		}
		if metrics[id] == nil {
			if m.Bounds, err = series.DecodeBounds(bounds); err != nil {
				return err
			}
			metrics[id] = &m
		}
		t.Metric = metrics[id]
		for i, v := range t.values() {
			if *v, err = t.Metric.ParseValue(values[i]); err != nil {
				return err
			}
		}
		b.rows[t.Series] = &t
		return nil
	}, string(list))
}

func (t *Row) values() [6]*series.Value {
	return [6]*series.Value{&t.Recorded, &t.Pending, &t.Withheld, &t.Accepted, &t.Partial, &t.SetAside}
}

// Count adds a change to recorded and to one of the other columns. At the ends of
// int64 both add the same part of it: otherwise the balance would be off for ever.
func (t *Row) Count(delta series.Value, into *series.Value) {
	if delta.Kind() == series.KindInt64 && into.Kind() == series.KindInt64 {
		room, _ := t.Recorded.Add(delta).Sub(t.Recorded)
		room, _ = into.Add(room).Sub(*into)
		delta = room
	}
	t.Recorded, *into = t.Recorded.Add(delta), into.Add(delta)
}

var (
	upsertRecorded = sync.OnceValue(func() Statement {
		return NewStatement(
			`INSERT INTO totals (series_id, recorded, pending, withheld, exports, updated_at) VALUES `, 6,
			` ON CONFLICT (series_id) DO UPDATE SET recorded = excluded.recorded, pending = excluded.pending,
			withheld = excluded.withheld, exports = excluded.exports, updated_at = excluded.updated_at`)
	})
	upsertBalance = sync.OnceValue(func() Statement {
		return NewStatement(
			`INSERT INTO totals (series_id, pending, withheld, accepted, partial, set_aside) VALUES `, 6,
			` ON CONFLICT (series_id) DO UPDATE SET pending = excluded.pending, withheld = excluded.withheld,
			accepted = excluded.accepted, partial = excluded.partial, set_aside = excluded.set_aside`)
	})
	InsertHistory = sync.OnceValue(func() Statement {
		return NewStatement(`INSERT OR REPLACE INTO history (slot, series_id, at, value, count) VALUES `, 5, ``)
	})
	InsertDays = sync.OnceValue(func() Statement {
		return NewStatement(`INSERT OR REPLACE INTO days (day, series_id, value, count) VALUES `, 4, ``)
	})
)

func (b *Book) RowsFor(trackable string) int64 {
	if n, ok := b.MaxRowsByName[trackable]; ok {
		return n
	}
	return b.MaxRows
}

// SaveRecorded writes what a recording changed.
func (b *Book) SaveRecorded(tx *mirrordb.Tx, rows []*Row) error {
	err := upsertRecorded().Run(tx.Conn, len(rows), func(i int, args []any) ([]any, error) {
		t := rows[i]
		return AppendValues(append(args, t.Series), []any{t.Recordings, t.UpdatedAt}, t.Recorded, t.Pending, t.Withheld)
	})
	if err != nil {
		return fmt.Errorf("write totals: %w", err)
	}
	return nil
}

// SaveTotals writes what outcomes, or a withdrawn consent, changed.
func (b *Book) SaveTotals(tx *mirrordb.Tx, rows []*Row) error {
	err := upsertBalance().Run(tx.Conn, len(rows), func(i int, args []any) ([]any, error) {
		t := rows[i]
		return AppendValues(append(args, t.Series), nil, t.Pending, t.Withheld, t.Accepted, t.Partial, t.SetAside)
	})
	if err != nil {
		return fmt.Errorf("write totals: %w", err)
	}
	return nil
}

func AppendValues(args, after []any, values ...series.Value) ([]any, error) {
	for _, v := range values {
		column, err := v.SQL()
		if err != nil {
			return nil, err
		}
		args = append(args, column)
	}
	return append(args, after...), nil
}

// Statement inserts many rows with few statements: inserting a hundred rows with
// one statement costs half as much as with a hundred.
type Statement struct {
	columns int
	sizes   []int
	queries []string
}

func NewStatement(insert string, columns int, conflict string) Statement {
	r := Statement{columns: columns, sizes: []int{100, 10, 1}}
	row := "(" + strings.Repeat("?, ", columns-1) + "?)"
	for _, n := range r.sizes {
		r.queries = append(r.queries, insert+strings.Repeat(row+", ", n-1)+row+conflict)
	}
	return r
}

// Run inserts n rows; row appends the arguments of the i-th.
func (r Statement) Run(c *sqlitedb.Conn, n int, row func(i int, args []any) ([]any, error)) error {
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

// KeepDays is for how many days the totals with which they ended are kept.
const KeepDays = 400

// NumberValue returns a column that holds a number as it is. Other content,
// which this package never writes, counts as nothing.
func NumberValue(column any) series.Value {
	switch c := column.(type) {
	case int64:
		return series.Int64Value(c)
	case float64:
		return series.Float64Value(saturate.Float(c))
	}
	return series.Value{}
}

func ReleaseLease(tx *mirrordb.Tx) error {
	return tx.Run(`UPDATE mirror SET lease_token = NULL, lease_until = 0`)
}
