package snapshot

import (
	"database/sql"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
)

// readDays reads the totals of days from the time that is asked for on, and the
// last one before of each series.
func (r *snapshotReader) readDays() error {
	first := int64(0)
	if !r.query.Since.IsZero() {
		first = instant.Day(instant.ClampTime(r.query.Since).UnixNano())
		if err := r.readDaysBefore(first); err != nil {
			return err
		}
	}
	span := min(max(instant.Day(r.At.UnixNano())-first, 0)+1, totals.KeepDays)
	return r.Each(`SELECT series_id, day, iif(typeof(value) IN ('text', 'blob'), NULL, value), count FROM days WHERE day >= ?1
		AND (?2 IS NULL OR series_id IN (SELECT value FROM json_each(?2))) ORDER BY day`,
		func(rows *sql.Rows) error {
			x, day, err := r.scanDay(rows)
			if x == nil {
				return err
			}
			if len(x.Days) == cap(x.Days) { // there are no more than recordings, or days
				x.Days = slices.Grow(x.Days, int(min(x.Recordings, span)))
			}
			x.Days = append(x.Days, day)
			return err
		}, first, r.chosen())
}

// readDaysBefore reads the last day before the first of each series. Most
// changed lately and are found among the latest rows; only for the others all
// days there are have to be searched.
func (r *snapshotReader) readDaysBefore(first int64) error {
	left := make(map[*SeriesCounts]int64)
	for id, x := range r.series {
		if x.Recordings > 1 { // one that changed once has no day behind it
			left[x] = id
		}
	}
	keep := func(rows *sql.Rows) error {
		x, day, err := r.scanDay(rows)
		if _, ok := left[x]; ok {
			x.Days = append(x.Days, day)
			delete(left, x)
		}
		return err
	}
	err := r.Each(`SELECT series_id, day, iif(typeof(value) IN ('text', 'blob'), NULL, value), count FROM days WHERE day < ?1
		AND (?2 IS NULL OR series_id IN (SELECT value FROM json_each(?2))) ORDER BY day DESC LIMIT ?3`,
		keep, first, r.chosen(), len(left))
	if err != nil || len(left) == 0 {
		return err
	}
	list, err := json.Marshal(slices.Collect(maps.Values(left)))
	if err != nil {
		return err
	}
	return r.Each(`WITH earlier AS MATERIALIZED (SELECT series_id, day, iif(typeof(value) IN ('text', 'blob'), NULL, value) AS value, count
			FROM days WHERE day < ?1 AND series_id IN (SELECT value FROM json_each(?2)))
		SELECT series_id, max(day), value, count FROM earlier GROUP BY series_id`, keep, first, string(list))
}

// scanDay reads a row into what is used again for the next: there may be many
// rows, and database/sql is slow with any type but this one.
func (r *snapshotReader) scanDay(rows *sql.Rows) (*SeriesCounts, Sample, error) {
	c := &r.columns
	err := rows.Scan(&c[0], &c[1], &c[2], &c[3])
	id, _ := c[0].(int64)
	day, _ := c[1].(int64)
	count, _ := c[3].(int64)
	// No count is of a day that nanoseconds do not reach. A file may say so.
	day = min(max(day, instant.Day(math.MinInt64)+1), instant.Day(math.MaxInt64))
	return r.series[id], Sample{At: time.Unix(day*instant.SecondsPerDay, 0).UTC(), Value: totals.NumberValue(c[2]), Count: count}, err
}

var selectHistory = `SELECT h.series_id, CASE WHEN ` + schema.Loaded("m.type", schema.Unreadable) + ` = 'gauge' THEN m.trackable_id END, h.at,
		CASE typeof(h.value) WHEN 'text' THEN ` + schema.Shown("h.value") + ` WHEN 'blob' THEN NULL ELSE h.value END, h.count
	FROM history h JOIN series s ON s.id = h.series_id JOIN metrics m ON m.id = s.metric_id
	WHERE ?1 IS NULL OR h.series_id IN (SELECT value FROM json_each(?1)) ORDER BY h.at, h.slot`

// readHistory reads the latest recordings, and for a State, which is a gauge of
// each version's own, the states it was in.
func (r *snapshotReader) readHistory() error {
	err := r.Each(selectHistory,
		func(rows *sql.Rows) error {
			var id, at int64
			var state, count sql.NullInt64
			var value any
			err := rows.Scan(&id, &state, &at, &value, &count)
			if err != nil {
				return err
			}
			if !state.Valid {
				if x := r.series[id]; x != nil {
					x.History = append(x.History, Sample{At: instant.Time(at), Value: totals.NumberValue(value), Count: count.Int64})
				}
				return nil
			}
			if t := r.trackables[state.Int64]; t != nil {
				text, _ := value.(string)
				t.Moves = append(t.Moves, StateMove{At: instant.Time(at), State: text})
			}
			return nil
		}, r.withHistory())
	if err != nil || r.query.Since.IsZero() {
		return err
	}
	for _, x := range r.series {
		x.History = since(x.History, r.query.Since, func(s Sample) time.Time { return s.At })
	}
	for _, t := range r.trackables {
		t.Moves = since(t.Moves, r.query.Since, func(m StateMove) time.Time { return m.At })
	}
	return nil
}

// since leaves out what was before a time, but for the last of it.
func since[T any](list []T, from time.Time, at func(T) time.Time) []T {
	i := slices.IndexFunc(list, func(x T) bool { return !at(x).Before(from) })
	if i < 0 {
		i = len(list)
	}
	return list[max(i-1, 0):]
}
