package outbox

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// tombstoneRow is the step of a tombstone that is sent.
type tombstoneRow struct {
	id, refused        int64
	resend, retraction sql.NullString
}

// step is what is sent of it next.
func (t *tombstoneRow) step() string {
	if t.resend.Valid {
		return t.resend.String
	}
	return t.retraction.String
}

// heldBack says of a tombstone that it waits until due_at. A time further ahead
// than any delay was written by a clock that was wrong.
const heldBack = `due_at > ?1 AND due_at - ?1 <= ?2`

// BeginRetraction returns a Submission that takes back, at the destination of
// deltas, the states of erased installations, if a tombstone is due. Its parts are
// those of tombstones, and have outcomes like any other. It does not wait for the
// submit interval and is not counted as a submission. It returns nil when nothing
// is due, [ErrNoConsent] when nothing may be sent, and [ErrLeased] while another
// process is sending. For a forwarder of totals there is nothing to take back: its
// destination replaces totals and does not add them up.
func (out *Outbox) BeginRetraction(_ context.Context, r Request) (*Submission, error) {
	if out.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	if r.Forwarder == Cumulative {
		return nil, nil
	}
	r.Forwarder = Delta
	out.db.Lock()
	defer out.db.Unlock()
	if out.db.IsReadOnly() {
		return nil, mirrordb.ErrReadOnly
	}
	sub, err := out.begin(r, out.retractionDue, func(tx *mirrordb.Tx, r Request) (*Submission, error) {
		sub := out.newSubmission(tx, r)
		sub.retracts = true
		return sub, sub.renew(tx)
	})
	if sub == nil && err == nil {
		out.cleanUp() // as far as somebody kept an earlier one from it
	}
	return sub, mirrordb.Wrap("begin retraction", err)
}

func (out *Outbox) retractionDue(tx *mirrordb.Tx, r Request) (bool, error) {
	n, err := tx.Find(`SELECT EXISTS (SELECT 1 FROM tombstones WHERE NOT (`+heldBack+`))`, tx.Now, int64(MaxRetryAfter))
	if err != nil || n == 0 {
		return false, err
	}
	when, _, err := out.timing(tx, r)
	return err == nil && when != backingOff, err
}

// pickTombstone reads the next step that is due.
func (sub *Submission) pickTombstone(tx *mirrordb.Tx) (*series.Part, error) {
	sub.grave = tombstoneRow{}
	err := tx.Each(`SELECT id, resend, retraction, refused FROM tombstones WHERE NOT (`+heldBack+`) ORDER BY id LIMIT 1`,
		func(rows *sql.Rows) error {
			t := &sub.grave
			return rows.Scan(&t.id, &t.resend, &t.retraction, &t.refused)
		}, tx.Now, int64(MaxRetryAfter))
	if err != nil || sub.grave.id == 0 {
		return nil, mirrordb.Wrap("read tombstone", err)
	}
	return batch.PartOf(sub.grave.step(), 0, 0)
}

// settleTombstone writes the outcome of a step. An accepted step counts whoever
// holds the lease now. A refused tombstone waits alone, so that new counts are
// still sent.
func (out *Outbox) settleTombstone(tx *mirrordb.Tx, sub *Submission, part *series.Part, o Outcome) (more, lost bool, err error) {
	holds := sub.holds(tx)
	if part != sub.sending || sub.grave.id == 0 || !holds && !o.arrived() {
		return false, true, sub.overtaken(tx, Outcome{})
	}
	if err := tx.OverwriteDeleted(); err != nil {
		return false, false, err
	}
	points := int64(part.Points())
	switch {
	case o.arrived():
		err = stepTaken(tx, sub.grave, points, o)
	case o.Verdict == TooLarge && points > 1:
		err = splitTombstone(tx, sub.grave)
	case o.Verdict == TooLarge || o.Verdict == Refused:
		err = out.refuseTombstone(tx, sub, points, o)
	default:
		return false, false, out.fail(tx, sub, 0, points, o)
	}
	if err == nil && !holds {
		err = sub.overtaken(tx, Outcome{})
	}
	return err == nil && holds, !holds, err
}

// arrived reports whether the destination has processed what was sent.
func (o *Outcome) arrived() bool { return o.Verdict == Accepted || o.Verdict == Partial }

// stepTaken goes on with the second step, or ends the tombstone.
func stepTaken(tx *mirrordb.Tx, t tombstoneRow, points int64, o Outcome) error {
	err := tx.Run(`UPDATE tombstones SET resend = NULL, lease = NULL, due_at = 0, refused = 0 WHERE id = ?1 AND resend = ?2`, t.id, t.step())
	if err == nil && !t.resend.Valid {
		err = tx.Run(`UPDATE tombstones SET retraction = NULL WHERE id = ?1 AND resend IS NULL AND retraction = ?2`, t.id, t.step())
	}
	if err == nil {
		err = removeTaken(tx)
	}
	if err == nil {
		o.Reason = "took back the states of what was erased"
		if batch.RequestsDeletion(t.step()) {
			o.Reason = "asked for the deletion of what was sent before everything was erased"
		}
		err = logOutcome(tx, Delta, 0, 0, points, o)
	}
	if err == nil {
		err = tx.Run(`UPDATE forwarders SET failures = 0, retry_at = 0 WHERE kind = ?1`, string(Delta))
	}
	if err == nil {
		err = tx.Run(`UPDATE mirror SET cut_off = 0`)
	}
	return mirrordb.Wrap("write tombstone", err)
}

// removeTaken removes tombstones that have nothing left to send. Their bytes
// have to go from the file, too.
func removeTaken(tx *mirrordb.Tx) error {
	n, err := tx.Affected(`DELETE FROM tombstones WHERE resend IS NULL AND retraction IS NULL`)
	if err == nil && n > 0 {
		err = tx.Run(`UPDATE mirror SET erase_pending = 1`)
	}
	return err
}

// refuseTombstone counts a refusal. A destination that refused a step ten times
// will not accept it later. The tombstone then ends: the second step alone would
// make the counts wrong.
func (out *Outbox) refuseTombstone(tx *mirrordb.Tx, sub *Submission, points int64, o Outcome) error {
	t := sub.grave
	delay := max(out.backoff(t.refused, sub.request.Interval), min(o.RetryAfter, MaxRetryAfter))
	err := tx.Run(`UPDATE tombstones SET refused = refused + 1, due_at = ?2 WHERE id = ?1`, t.id, tx.Now+int64(delay))
	reason, last := "states of what was erased are not taken back: ", "states of what was erased will not be taken back, refused %d times: "
	if batch.RequestsDeletion(t.step()) {
		reason, last = "the request to delete what was sent is not taken: ", "what was sent will not be deleted, refused %d times: "
	}
	if t.refused+1 >= refusalsOfOne {
		reason = fmt.Sprintf(last, refusalsOfOne)
		if err == nil {
			err = tx.Run(`UPDATE tombstones SET resend = NULL, retraction = NULL WHERE id = ?1`, t.id)
		}
		if err == nil {
			err = removeTaken(tx)
		}
	}
	if err == nil {
		o.Reason = reason + o.Reason
		err = logOutcome(tx, Delta, 0, 0, points, o)
	}
	return mirrordb.Wrap("refuse tombstone", err)
}

// splitTombstone replaces a tombstone by two, each with all the steps of half
// the states.
func splitTombstone(tx *mirrordb.Tx, t tombstoneRow) error {
	first, err := batch.Decode(t.step())
	if err != nil {
		return err
	}
	one, other := first.Halves()
	halves := []batch.Tombstone{{Retraction: one}, {Retraction: other}}
	if t.resend.Valid {
		whole := &batch.Payload{}
		if t.retraction.Valid {
			if whole, err = batch.Decode(t.retraction.String); err != nil {
				return err
			}
		}
		halves = []batch.Tombstone{{Resend: one, Retraction: whole.Only(one)}, {Resend: other, Retraction: whole.Only(other)}}
	}
	for _, half := range halves {
		if err := batch.WriteTombstone(tx, half, nil, 0); err != nil {
			return mirrordb.Wrap("split tombstone", err)
		}
	}
	return mirrordb.Wrap("split tombstone", tx.Run(`DELETE FROM tombstones WHERE id = ?1`, t.id))
}

// overtaken notes, in the tombstones of an erasure that happened during this
// submission, that the submission has ended and what became of its last request.
func (sub *Submission) overtaken(tx *mirrordb.Tx, o Outcome) error {
	if tx.Erasures == sub.erased {
		return nil
	}
	if err := tx.OverwriteDeleted(); err != nil {
		return err
	}
	if o.arrived() && sub.sent != "" {
		states, err := batch.StatesOf(sub.sent)
		if err != nil {
			return err
		}
		resend, err := states.Column()
		if err == nil {
			err = tx.Run(`UPDATE tombstones SET resend = NULL WHERE lease = ?1 AND resend = ?2`, sub.token, resend)
		}
		if err == nil {
			err = removeTaken(tx)
		}
		if err != nil {
			return mirrordb.Wrap("write tombstone", err)
		}
	}
	return mirrordb.Wrap("write tombstone", tx.Run(`UPDATE tombstones SET lease = NULL, due_at = 0 WHERE lease = ?1`, sub.token))
}

// cleanUp overwrites erased content that is left in the file. If another process
// prevents that, a later call or the next Open does it.
func (out *Outbox) cleanUp() {
	out.db.CleanUp()
}
