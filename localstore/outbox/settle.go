package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Verdict is what became of a part that was sent.
type Verdict string

// The verdicts, as the submission log shows them.
const (
	Accepted  Verdict = "accepted"
	Partial   Verdict = "partial"   // processed, some points rejected for good
	TooLarge  Verdict = "too large" // to be sent in halves
	Transient Verdict = "transient" // out of reach or busy
	Refused   Verdict = "refused"   // until the configuration is fixed
	Unknown   Verdict = "unknown"

	split    Verdict = "split"
	setAside Verdict = "set aside"
)

// Outcome is a verdict and what the destination said.
type Outcome struct {
	Verdict    Verdict
	Status     int           // HTTP status, 0 for none
	RetryAfter time.Duration // what the destination asked for, 0 for nothing
	Rejected   int64         // points, with Partial
	Reason     string

	// Advice is added to the reason in the submission log from the
	// [AdviceAfter]th answer in a row on that has the same verdict and status.
	Advice string
}

const (
	// AdviceAfter is after how many equal answers in a row the submission log says
	// what to change at the receiver.
	AdviceAfter = 3

	// firstBackoff is the cap of the first delay after a failure; it doubles
	// with each further one, up to the submit interval.
	firstBackoff = 10 * time.Second

	// keepLog is how many log entries stay.
	keepLog = 1000
)

// Settle writes the outcome of a part. more says that the rest of the batch can be
// sent now: the part was accepted, or was split into halves that are sent next.
// [ErrLeaseLost] says that another process has taken the lease over, or has erased
// everything. Nothing was written then, except what tombstones have to know, see
// [Outbox.BeginRetraction].
func (sub *Submission) Settle(_ context.Context, part *series.Part, o Outcome) (more bool, err error) {
	if sub.missing() {
		return false, mirrordb.ErrNotOpen
	}
	if part == nil {
		return false, errors.New("settle part: there is none")
	}
	out := sub.outbox
	out.db.Lock()
	defer out.db.Unlock()
	lost := false
	err = sub.write(func(tx *mirrordb.Tx) error {
		more, lost = false, false
		switch {
		case sub.retracts:
			more, lost, err = out.settleTombstone(tx, sub, part, o)
		case !sub.holds(tx):
			lost, err = true, sub.overtaken(tx, o)
		case sub.request.Forwarder == Cumulative:
			more, err = out.settleShared(tx, sub, part, o)
		default:
			more, err = out.settlePart(tx, sub, part, o)
		}
		return err
	})
	if err == nil && (lost || sub.retracts) {
		out.cleanUp()
	}
	if err == nil && lost {
		err = ErrLeaseLost
	}
	if err != nil {
		return false, mirrordb.Wrap("settle part", err)
	}
	return more, nil
}

func (out *Outbox) settlePart(tx *mirrordb.Tx, sub *Submission, part *series.Part, o Outcome) (bool, error) {
	row, err := batch.ReadPart(tx, part.ID)
	if err != nil {
		return false, err
	}
	if row.State != "sealed" || row.Batch != sub.batch {
		return false, ErrLeaseLost
	}
	switch {
	case o.Verdict == Accepted || o.Verdict == Partial:
		return true, out.acceptPart(tx, sub, row, o)
	case o.Verdict == TooLarge && row.Points > 1:
		return true, out.splitPart(tx, sub, row, o)
	case o.Verdict == TooLarge:
		return true, out.refuseOne(tx, sub, row, o)
	}
	return false, out.fail(tx, sub, row.ID, row.Points, o)
}

func (out *Outbox) acceptPart(tx *mirrordb.Tx, sub *Submission, row batch.PartRow, o Outcome) error {
	into := func(t *totals.Row) *series.Value { return &t.Accepted }
	if o.Verdict == Partial {
		into = func(t *totals.Row) *series.Value { return &t.Partial }
	}
	if err := out.account(tx, row, into, true); err != nil {
		return err
	}
	err := tx.Run(`UPDATE parts SET state = ?2, rejected = ?3, settled_at = ?4 WHERE id = ?1`,
		row.ID, string(o.Verdict), o.Rejected, tx.Now)
	if err == nil {
		err = logOutcome(tx, sub.request.Forwarder, row.Batch, row.ID, row.Points, o)
	}
	if err != nil {
		return err
	}
	return finishBatch(tx, row.Batch)
}

// account adds a part's points to a column of their series' balances.
func (out *Outbox) account(tx *mirrordb.Tx, row batch.PartRow, into func(*totals.Row) *series.Value, occupancy bool) error {
	p, err := batch.Decode(row.Payload)
	if err != nil {
		return err
	}
	identity, err := batch.IdentityOf(tx)
	if err != nil {
		return err
	}
	stamped, err := p.Stamped()
	if err != nil {
		return err
	}
	ids := make([]int64, 0, len(p.Points))
	points := make([]batch.Point, 0, len(p.Points))
	for _, point := range p.Points {
		switch {
		case point.Series != 0:
			ids, points = append(ids, point.Series), append(points, point)
		case point.Occupancy != 0 && occupancy:
			if err := occupy(tx, point, stamped == identity.IDs); err != nil {
				return err
			}
		}
	}
	rows, err := out.book.LoadTotals(tx, ids)
	if err != nil {
		return err
	}
	for i, t := range rows {
		v, err := t.Metric.ParseJSON(points[i].Value)
		if err != nil {
			return err
		}
		column := into(t)
		*column = column.Add(v)
	}
	return out.book.SaveTotals(tx, rows)
}

// occupy notes that an occupancy point was accepted, and whether with the present
// ids.
func occupy(tx *mirrordb.Tx, point batch.Point, present bool) error {
	tables := []string{"occupancy"}
	if !present {
		tables = append(tables, schema.OccupancyBefore)
	}
	for _, table := range tables {
		err := tx.Run(`INSERT INTO `+table+` (series_id, state, accepted) VALUES (?1, ?2 ->> '$.state', ?3)
			ON CONFLICT (series_id, state) DO UPDATE SET accepted = accepted + excluded.accepted`,
			point.Occupancy, string(point.Attributes), string(point.Value))
		if err == nil {
			err = tx.Run(`DELETE FROM ` + table + ` WHERE accepted = 0`)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", table, err)
		}
	}
	return nil
}

// finishBatch ends a batch of which every part is settled.
func finishBatch(tx *mirrordb.Tx, batch int64) error {
	left, err := tx.Find(`SELECT count(*) FROM parts WHERE batch_id = ?1 AND state = 'sealed'`, batch)
	if err != nil || left > 0 {
		return err
	}
	// Halves whose points are all settled leave their whole behind.
	if err := tx.Run(`UPDATE parts SET payload = NULL WHERE batch_id = ?1 AND state = 'split'`, batch); err != nil {
		return err
	}
	if err := tx.Run(`UPDATE batches SET settled_at = ?2 WHERE id = ?1`, batch, tx.Now); err != nil {
		return err
	}
	mark, err := tx.Find(`SELECT mark FROM batches WHERE id = ?1`, batch)
	if err != nil {
		return err
	}
	if err := succeed(tx, Delta, mark); err != nil {
		return err
	}
	return trimBatches(tx, batch)
}

// succeed notes an accepted submission and gives the lease back.
func succeed(tx *mirrordb.Tx, f Forwarder, mark int64) error {
	err := tx.Run(`INSERT INTO forwarders (kind, accepted_at, accepted, mark) VALUES (?1, ?2, 1, ?3)
		ON CONFLICT (kind) DO UPDATE SET accepted_at = ?2, accepted = accepted + 1, mark = ?3, failures = 0, retry_at = 0`,
		string(f), tx.Now, mark)
	if err == nil {
		err = tx.Run(`UPDATE mirror SET lease_token = NULL, lease_until = 0, cut_off = 0`)
	}
	return err
}

// fail keeps the part and puts the next attempt off.
func (out *Outbox) fail(tx *mirrordb.Tx, sub *Submission, part, points int64, o Outcome) error {
	p, err := progressOf(tx, sub.request.Forwarder)
	if err != nil {
		return err
	}
	delay := out.backoff(p.failures, sub.request.Interval)
	delay = max(delay, min(o.RetryAfter, MaxRetryAfter))
	err = tx.Run(`INSERT INTO forwarders (kind, failures, retry_at) VALUES (?1, 1, ?2)
		ON CONFLICT (kind) DO UPDATE SET failures = failures + 1, retry_at = ?2`,
		string(sub.request.Forwarder), tx.Now+int64(delay))
	if err == nil {
		err = advise(tx, sub.request.Forwarder, &o)
	}
	if err == nil {
		err = logOutcome(tx, sub.request.Forwarder, sub.batch, part, points, o)
	}
	if err == nil {
		err = totals.ReleaseLease(tx)
	}
	return mirrordb.Wrap("note failure", err)
}

// advise adds the advice to the reason of an answer that came often enough
// since the last one that was accepted.
func advise(tx *mirrordb.Tx, f Forwarder, o *Outcome) error {
	if o.Advice == "" {
		return nil
	}
	before, err := tx.Find(`SELECT coalesce(sum(times), 0) FROM submission_log WHERE forwarder = ?1 AND outcome = ?2 AND status = ?3
		AND id > (SELECT coalesce(max(id), 0) FROM submission_log WHERE forwarder = ?1 AND outcome IN ('accepted', 'partial'))`,
		string(f), string(o.Verdict), o.Status)
	if err == nil && before+1 >= AdviceAfter {
		o.Reason += ". Advice: " + o.Advice
	}
	return mirrordb.Wrap("read log", err)
}

// backoff is exponential with full jitter: installations that failed together
// must not come back together.
func (out *Outbox) backoff(failures int64, interval time.Duration) time.Duration {
	limit := min(max(interval, time.Second), MaxRetryAfter)
	for step := firstBackoff; ; step *= 2 {
		if step >= limit {
			step, failures = limit, 0
		}
		if failures == 0 {
			return max(time.Duration(out.random()*float64(step)), min(time.Second, limit))
		}
		failures--
	}
}

// logOutcome writes a row, or counts the last one again when it says the same.
func logOutcome(tx *mirrordb.Tx, f Forwarder, batch, part, points int64, o Outcome) error {
	if o.Verdict != Accepted && o.Verdict != Partial {
		again, err := tx.Affected(`UPDATE submission_log SET times = times + 1, last_at = ?1
			WHERE id = (SELECT max(id) FROM submission_log) AND forwarder = ?2 AND outcome = ?3 AND status = ?4
				AND reason = ?5 AND part_id IS ?6`, tx.Now, string(f), string(o.Verdict), o.Status, o.Reason, nullable(part))
		if err != nil || again > 0 {
			return mirrordb.Wrap("write log", err)
		}
	}
	err := tx.Run(`INSERT INTO submission_log (forwarder, batch_id, part_id, first_at, last_at, outcome, status, points, rejected, reason)
		VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9)`,
		string(f), nullable(batch), nullable(part), tx.Now, string(o.Verdict), o.Status, points, o.Rejected, o.Reason)
	if err == nil {
		err = tx.Run(`DELETE FROM submission_log WHERE id <= (SELECT max(id) - ?1 FROM submission_log)`, keepLog)
	}
	return mirrordb.Wrap("write log", err)
}

func nullable(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// setPartAside sets a single point aside: it is shown, and never sent again.
func (out *Outbox) setPartAside(tx *mirrordb.Tx, sub *Submission, row batch.PartRow, o Outcome) error {
	if err := out.account(tx, row, func(t *totals.Row) *series.Value { return &t.SetAside }, false); err != nil {
		return err
	}
	err := tx.Run(`UPDATE parts SET state = ?2, settled_at = ?3 WHERE id = ?1`, row.ID, string(setAside), tx.Now)
	if err == nil {
		err = trimAside(tx)
	}
	if err == nil {
		o.Verdict, o.Reason = setAside, fmt.Sprintf("refused %d times: %s", refusalsOfOne, o.Reason)
		err = logOutcome(tx, sub.request.Forwarder, row.Batch, row.ID, row.Points, o)
	}
	if err != nil {
		return err
	}
	return finishBatch(tx, row.Batch)
}

// settleShared writes what became of one resource's totals. The totals count
// as sent when those of every resource were accepted.
func (out *Outbox) settleShared(tx *mirrordb.Tx, sub *Submission, part *series.Part, o Outcome) (bool, error) {
	points := int64(part.Points())
	if o.Verdict != Accepted && o.Verdict != Partial {
		return false, out.fail(tx, sub, 0, points, o)
	}
	if err := logOutcome(tx, Cumulative, 0, 0, points, o); err != nil {
		return false, err
	}
	if len(sub.shared) > 1 {
		sub.shared = sub.shared[1:]
		return true, nil
	}
	sub.shared = nil
	if err := saveUploads(tx, sub.uploads); err != nil {
		return false, err
	}
	return true, succeed(tx, Cumulative, sub.mark)
}

var updateUploaded = totals.NewStatement(`INSERT INTO totals (series_id, uploaded) VALUES `, 2,
	` ON CONFLICT (series_id) DO UPDATE SET uploaded = excluded.uploaded`)

// saveUploads remembers the totals that were sent: they must not fall when consent
// is withdrawn later.
func saveUploads(tx *mirrordb.Tx, list []batch.Upload) error {
	err := updateUploaded.Run(tx.Conn, len(list), func(i int, args []any) ([]any, error) {
		return totals.AppendValues(append(args, list[i].Series), nil, list[i].Value)
	})
	return mirrordb.Wrap("write uploads", err)
}
