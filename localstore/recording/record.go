package recording

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Recorder writes what was counted. It belongs to a Store, which makes it.
type Recorder struct {
	db         *mirrordb.DB
	book       *totals.Book
	writer     *Writer
	activeDay  int64 // whose heartbeats are recorded
	expiredDay int64 // on which old rows were last dropped
	after      func()
	left       bool // see Writer.End
	had        bool // a Writer

	states   map[string]KnownState   // see Adopt
	waits    *[journalpool.Size]bool // the same
	heritage []*journalpool.Found    // the same
}

// After sets what is done after each recording, also one that found nothing new,
// with the mirror's lock.
func (s *Recorder) After(f func()) {
	if !s.missing() {
		s.after = f
	}
}

func (s *Recorder) afterwards() {
	if s.after != nil {
		s.after()
	}
}

// Forget drops what is remembered of the day: it may not be in the file.
func (rec *Recorder) Forget() {
	if !rec.missing() {
		rec.activeDay, rec.expiredDay = 0, 0
	}
}

// Changed says that another process wrote to the file.
func (rec *Recorder) Changed() {
	if !rec.missing() {
		rec.activeDay = 0
	}
}

// missing reports a Recorder of a mirror that is not open.
func (rec *Recorder) missing() bool { return rec == nil || rec.db == nil }

// record writes a recording's changes; share says whether they may be sent.
func (rec *Recorder) record(tx *mirrordb.Tx, r *Recording, share bool) error {
	changes := r.Changes
	if share && !r.empty() {
		active, err := rec.heartbeats(tx, r)
		if err != nil {
			return err
		}
		changes = append(changes[:len(changes):len(changes)], active...)
	}
	if err := rec.expireDaily(tx, r); err != nil {
		return err
	}
	if err := rec.recordChanges(tx, changes, share); err != nil {
		return err
	}
	for _, m := range r.Moves {
		if err := rec.recordMove(tx, m, share); err != nil {
			return err
		}
	}
	for _, g := range r.Gauges {
		if err := rec.recordGauge(tx, g, share); err != nil {
			return err
		}
	}
	if share && (len(changes) > 0 || len(r.Moves) > 0) {
		if err := tx.Run(`UPDATE mirror SET shared_mark = shared_mark + 1`); err != nil {
			return fmt.Errorf("mark shared totals: %w", err)
		}
	}
	return nil
}

func (rec *Recorder) recordChanges(tx *mirrordb.Tx, changes []Change, share bool) error {
	ids := make([]int64, 0, len(changes))
	deltas := make(map[int64]series.Value, len(changes))
	for _, c := range changes {
		id, err := rec.book.SeriesRow(tx, c.Series, tx.Now)
		if err != nil {
			return err
		}
		delta, again := deltas[id]
		if !again {
			ids = append(ids, id)
		}
		deltas[id] = delta.Add(c.Delta) // attribute sets that overflowed share one
	}
	rows, err := rec.book.LoadTotals(tx, ids)
	if err != nil {
		return err
	}
	if err := rec.closeDays(tx, rows); err != nil {
		return err
	}
	for _, t := range rows {
		into := &t.Withheld
		if share {
			into = &t.Pending
		}
		t.Count(deltas[t.Series], into)
		t.Recordings++
		t.UpdatedAt = tx.Now
	}
	if err := rec.book.SaveRecorded(tx, rows); err != nil {
		return err
	}
	return rec.writeHistory(tx, rows)
}

// closeDays keeps the running totals with which earlier days ended, before the
// first recording of a new day changes them.
func (rec *Recorder) closeDays(tx *mirrordb.Tx, rows []*totals.Row) error {
	today := instant.Day(tx.Now)
	var ended []*totals.Row
	for _, t := range rows {
		if t.Recordings > 0 && instant.Day(t.UpdatedAt) < today {
			ended = append(ended, t)
		}
	}
	err := totals.InsertDays().Run(tx.Conn, len(ended), func(i int, args []any) ([]any, error) {
		t := ended[i]
		value, count := t.Recorded.Number()
		return append(args, instant.Day(t.UpdatedAt), t.Series, value, count), nil
	})
	if err != nil {
		return fmt.Errorf("write days: %w", err)
	}
	return nil
}

func (rec *Recorder) writeHistory(tx *mirrordb.Tx, rows []*totals.Row) error {
	err := totals.InsertHistory().Run(tx.Conn, len(rows), func(i int, args []any) ([]any, error) {
		t := rows[i]
		value, count := t.Recorded.Number()
		return append(args, (t.Recordings-1)%rec.book.RowsFor(t.Trackable), t.Series, t.UpdatedAt, value, count), nil
	})
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

func (rec *Recorder) recordGauge(tx *mirrordb.Tx, g Gauge, share bool) error {
	series, err := rec.book.SeriesRow(tx, g.Series, tx.Now)
	if err != nil {
		return err
	}
	if f := g.Value.Float64(); f != saturate.Finite(f) {
		return nil // says nothing, and could not be sent
	}
	value, _ := g.Value.Number()
	err = tx.Run(`INSERT INTO gauges (series_id, value, due, updated_at) VALUES (?1, ?2, CASE WHEN ?3 THEN ?2 END, ?4)
		ON CONFLICT (series_id) DO UPDATE SET value = ?2, due = CASE WHEN ?3 THEN ?2 ELSE due END, updated_at = ?4`,
		series, value, share, tx.Now)
	if err != nil {
		return fmt.Errorf("write gauge %q: %w", g.Series.Metric.Name, err)
	}
	return nil
}

// Erased notes what holds after everything was erased, while nothing is being
// collected. The caller holds the lock.
func (rec *Recorder) Erased(h *mirrordb.Header) {
	if !rec.missing() && rec.writer != nil {
		now := observationOf(h, rec.writer.maySend)
		rec.writer.ahead = now
		rec.writer.erased(now)
	}
}

// New returns what writes into a mirror.
func New(db *mirrordb.DB, b *totals.Book) *Recorder { return &Recorder{db: db, book: b} }
