package recording

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var activeScope = &series.Scope{
	Name: otelusage.ScopeName, Version: otelusage.Version,
	Attributes: attribute.NewSet(otelusage.KindKey.String(otelusage.KindStatistic.String())),
}

// heartbeats returns a count of 1 for each of the day, week and month of which this
// is the first recording. Summed over installations they say how many are
// active, without anybody's id.
func (rec *Recorder) heartbeats(tx *mirrordb.Tx, r *Recording) ([]Change, error) {
	at := tx.Now
	if r.Counted != 0 {
		at = min(at, r.Counted)
	}
	day := instant.Day(at)
	if rec.activeDay == day {
		return nil, nil
	}
	resource := r.resource()
	metric := &series.Metric{
		Scope: activeScope, Name: totals.ActiveName, Unit: "{installation}", Type: series.TypeSum, Monotonic: true,
		Description: "Installations that recorded something in the period that begins on the date.",
	}
	var changes []Change
	for _, p := range periods(at) {
		first, err := beginPeriod(tx, p)
		if err != nil {
			return nil, fmt.Errorf("write heartbeat: %w", err)
		}
		if !first {
			continue
		}
		attributes := attribute.NewSet(attribute.String("period", p.name), attribute.String("date", p.date))
		changes = append(changes, Change{Series: &series.Series{Resource: resource, Metric: metric, Attributes: attributes}, Delta: series.Int64Value(1)})
	}
	rec.activeDay = day
	return changes, nil
}

// beginPeriod reports whether a period is counted now for the first time. What was
// counted is remembered by date, so that a wrong clock cannot make the mirror
// forget it. The latest dates of each period are kept. A date older than all of
// them may have been counted, and is not counted again: otherwise dates far in the
// future, written by wrong clocks, could displace today's.
func beginPeriod(tx *mirrordb.Tx, p period) (first bool, err error) {
	n, err := tx.Affected(`INSERT OR IGNORE INTO active (period, date) SELECT ?1, ?2
		WHERE NOT EXISTS (SELECT 1 FROM active WHERE period = ?1 AND date > ?2 ORDER BY date DESC LIMIT 1 OFFSET ?3)`,
		p.name, p.date, KeepDates-1)
	if err != nil || n == 0 {
		return false, err
	}
	return true, tx.Run(`DELETE FROM active WHERE period = ?1
		AND date < (SELECT date FROM active WHERE period = ?1 ORDER BY date DESC LIMIT 1 OFFSET ?2)`, p.name, KeepDates-1)
}

func (r *Recording) resource() *series.Resource {
	switch {
	case len(r.Changes) > 0:
		return r.Changes[0].Series.Resource
	case len(r.Moves) > 0:
		return r.Moves[0].Series.Resource
	}
	return r.Gauges[0].Series.Resource
}

// period is a stretch of time in which an installation counts once.
type period struct{ name, date string }

// periods returns the day, week (from Monday) and month of a time, in UTC, each
// by its first day.
func periods(at int64) [3]period {
	t := time.Unix(0, at).UTC()
	monday := t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	return [3]period{
		{"day", t.Format(time.DateOnly)},
		{"week", monday.Format(time.DateOnly)},
		{"month", t.Format("2006-01") + "-01"},
	}
}

const (
	keepActive = 60
	KeepDates  = 1000
)

// expireDaily drops old rows with the first recording of a day, whether it may be
// sent or not. After a jump over more days than are kept it waits for the next day:
// a clock that is years ahead for an hour must not delete the history.
func (rec *Recorder) expireDaily(tx *mirrordb.Tx, r *Recording) error {
	day := instant.Day(tx.Now)
	if rec.expiredDay == day {
		return nil
	}
	before, err := tx.Find(`SELECT recorded_day FROM mirror`)
	if err == nil && before != day {
		err = tx.Run(`UPDATE mirror SET recorded_day = ?1`, day)
	}
	if err != nil {
		return fmt.Errorf("note day: %w", err)
	}
	if leap := day - before; leap > 0 && leap <= keepActive {
		if err := rec.expire(tx, day); err != nil {
			return err
		}
		if !r.empty() {
			if err := rec.FoldFormer(tx, series.EncodeAttributes(r.resource().Attributes)); err != nil {
				return err
			}
		}
	}
	rec.expiredDay = day
	return nil
}

// expire drops days and counts of heartbeats that are older than is kept, and
// history beyond the rows that are kept now. A heartbeat stays while it may be
// sent; one that lies as far ahead goes too, for its date is remembered.
func (rec *Recorder) expire(tx *mirrordb.Tx, day int64) error {
	rows := rec.book.MaxRows
	for _, n := range rec.book.MaxRowsByName {
		rows = max(rows, n)
	}
	if err := tx.Run(`DELETE FROM history WHERE slot >= ?1`, rows); err != nil {
		return fmt.Errorf("expire history: %w", err)
	}
	if err := tx.Run(`DELETE FROM days WHERE day < ?1`, day-totals.KeepDays); err != nil {
		return fmt.Errorf("expire days: %w", err)
	}
	return mirrordb.Wrap("expire heartbeats", expireHeartbeats(tx))
}

// expireHeartbeats drops old heartbeats with all that is kept of them.
func expireHeartbeats(tx *mirrordb.Tx) error {
	now := time.Unix(0, tx.Now).UTC()
	oldest := now.AddDate(0, 0, -keepActive).Format(time.DateOnly)
	latest := now.AddDate(0, 0, keepActive).Format(time.DateOnly)
	done := []int64{}
	var most int64
	err := tx.Each(doneHeartbeats, func(rows *sql.Rows) error {
		var id, recordings int64
		err := rows.Scan(&id, &recordings)
		done, most = append(done, id), max(most, recordings)
		return err
	}, oldest, latest)
	if err == nil && len(done) > 0 {
		err = dropHeartbeats(tx, done, most)
	}
	if err != nil {
		return err
	}
	return tx.Run(`DELETE FROM series WHERE (attributes ->> '$.date' < ?1 OR attributes ->> '$.date' > ?2)
		AND metric_id IN (SELECT id FROM metrics WHERE name = '`+totals.ActiveName+`')
		AND NOT EXISTS (SELECT 1 FROM totals WHERE series_id = series.id)`, oldest, latest)
}

// dropHeartbeats drops series that were recorded at most so many times, which is once:
// then they are in the first slot of the history, and in no day. The tables have no
// index by series, and years of other rows.
func dropHeartbeats(tx *mirrordb.Tx, done []int64, most int64) error {
	list, err := json.Marshal(done)
	if err == nil {
		err = tx.Run(`DELETE FROM history WHERE slot < ?2 AND series_id IN (SELECT value FROM json_each(?1))`, string(list), most)
	}
	if err == nil && most > 1 {
		err = tx.Run(`DELETE FROM days WHERE series_id IN (SELECT value FROM json_each(?1))`, string(list))
	}
	if err == nil {
		err = tx.Run(`DELETE FROM totals WHERE series_id IN (SELECT value FROM json_each(?1))`, string(list))
	}
	return err
}

// doneHeartbeats selects the series of old heartbeats that will not be sent any
// more, with how often they were recorded: all of it is accounted for, or it waits for a forwarder of deltas while one of totals is
// in use, which has no place for them. What is in flight is neither.
const doneHeartbeats = `SELECT s.id, coalesce(o.exports, 0) FROM series s JOIN metrics m ON m.id = s.metric_id
	LEFT JOIN totals o ON o.series_id = s.id
	WHERE m.name = '` + totals.ActiveName + `' AND (s.attributes ->> '$.date' < ?1 OR s.attributes ->> '$.date' > ?2) AND (o.recorded IS NULL
		OR o.recorded = coalesce(o.accepted, 0) + coalesce(o.partial, 0) + coalesce(o.set_aside, 0) + coalesce(o.withheld, 0)
			+ CASE WHEN (SELECT accepted_at FROM forwarders WHERE kind = 'cumulative')
				> coalesce((SELECT accepted_at FROM forwarders WHERE kind = 'delta'), 0) THEN coalesce(o.pending, 0) ELSE 0 END)`
