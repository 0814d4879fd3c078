package localstore

import (
	"database/sql"
	"time"
)

// sample is a running total, or a state, at one moment.
type sample struct {
	at    int64 // nanoseconds since 1970, or the day of a daily total
	value any
	count sql.NullInt64 // of a histogram, whose value is its sum
}

// logged is a row of the submission log.
type logged struct {
	id, firstAt, lastAt, times int64
	forwarder, outcome, reason string
	status, points, rejected   int64
	batch, part                sql.NullInt64
}

// readDetail reads what only the full picture shows.
func (s *Store) readDetail(sum *summary) error {
	flying, err := s.inFlight()
	if err != nil {
		return wrap("read parts", err)
	}
	for id, texts := range flying {
		x := sum.series[id]
		for _, text := range texts {
			if x == nil {
				break // Balance reports it
			}
			v, err := x.metric.parseJSON(text)
			if err != nil {
				return wrap("read parts", err)
			}
			x.inFlight = x.inFlight.Add(v)
		}
	}
	if err := sum.readDays(s.conn); err != nil {
		return wrap("read days", err)
	}
	if err := sum.readHistory(s.conn); err != nil {
		return wrap("read history", err)
	}
	return wrap("read submissions", sum.readLog(s.conn))
}

func (sum *summary) readDays(c *connection) error {
	return c.each(`SELECT series_id, day, value, count FROM days ORDER BY series_id, day`, func(rows *sql.Rows) error {
		var id int64
		var x sample
		err := rows.Scan(&id, &x.at, &x.value, &x.count)
		if series := sum.series[id]; series != nil {
			series.days = append(series.days, x)
		}
		return err
	})
}

// readHistory reads the latest exports, and for a State, which is a gauge of
// each version's own, the states it was in.
func (sum *summary) readHistory(c *connection) error {
	return c.each(`SELECT h.series_id, CASE WHEN m.type = 'gauge' THEN m.trackable_id END, h.at, h.value, h.count
		FROM history h JOIN series s ON s.id = h.series_id JOIN metrics m ON m.id = s.metric_id ORDER BY h.at, h.slot`,
		func(rows *sql.Rows) error {
			var id int64
			var state sql.NullInt64
			var x sample
			err := rows.Scan(&id, &state, &x.at, &x.value, &x.count)
			if err != nil {
				return err
			}
			if state.Valid {
				if t := sum.byID[state.Int64]; t != nil {
					t.states = append(t.states, x)
				}
			} else if series := sum.series[id]; series != nil {
				series.history = append(series.history, x)
			}
			return nil
		})
}

func (sum *summary) readLog(c *connection) error {
	return c.each(`SELECT id, forwarder, batch_id, part_id, first_at, last_at, times, outcome, status, points, rejected, reason
		FROM submission_log ORDER BY id`,
		func(rows *sql.Rows) error {
			var l logged
			err := rows.Scan(&l.id, &l.forwarder, &l.batch, &l.part, &l.firstAt, &l.lastAt, &l.times, &l.outcome, &l.status,
				&l.points, &l.rejected, &l.reason)
			sum.log = append(sum.log, l)
			return err
		})
}

// dateOf returns the date of a day since 1970.
func dateOf(day int64) string {
	return time.Unix(day*int64(24*time.Hour/time.Second), 0).UTC().Format(time.DateOnly)
}
