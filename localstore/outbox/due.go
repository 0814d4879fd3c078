package outbox

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// progress is what a forwarder's submissions have come to.
type progress struct {
	acceptedAt, accepted, mark, failures, retryAt int64
}

func progressOf(tx *mirrordb.Tx, f Forwarder) (p progress, err error) {
	stmt, err := tx.Prepared(`SELECT accepted_at, accepted, mark, failures, retry_at FROM forwarders WHERE kind = ?1`)
	if err != nil {
		return p, err
	}
	err = stmt.QueryRowContext(sqlitedb.Background, string(f)).Scan(&p.acceptedAt, &p.accepted, &p.mark, &p.failures, &p.retryAt)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	p.acceptedAt, p.retryAt = instant.Clamp(p.acceptedAt), instant.Clamp(p.retryAt)
	return p, err
}

// timing says when a submission may be made.
type timing int

const (
	backingOff timing = iota // a failure is too recent
	early                    // what is new waits; a batch that is sealed goes on
	timely
)

// Due reports whether a submission may be made now: no backoff is under way, and
// the interval has passed or a sealed batch is not settled yet. It writes nothing, and
// opens nothing where the mirror is asleep.
func (out *Outbox) Due(_ context.Context, r Request) (due bool, err error) {
	if out.missing() {
		return false, mirrordb.ErrNotOpen
	}
	out.db.Lock()
	defer out.db.Unlock()
	if out.db.IsAsleep() && out.facts != nil {
		return out.dueAsleep(r), nil
	}
	err = out.db.View(out.db.Context(), func(tx *mirrordb.Tx) error {
		when, _, err := out.timing(tx, r)
		if due = when == timely; err == nil && when == early && r.Forwarder == Delta {
			due, err = batchOpen(tx)
		}
		return err
	})
	return due, mirrordb.Wrap("look for a submission", err)
}

// due reports whether a submission may and should be made now. It reads only.
func (out *Outbox) due(tx *mirrordb.Tx, r Request) (bool, error) {
	when, p, err := out.timing(tx, r)
	if err != nil || when == backingOff {
		return false, err
	}
	if r.Forwarder == Cumulative {
		return when == timely && (p.mark != tx.SharedMark || out.db.Waiting() && p.accepted == 0), nil
	}
	if open, err := batchOpen(tx); err != nil || open {
		return open, err
	}
	if when != timely {
		return false, nil
	}
	return hasNews(tx)
}

// batchOpen reports whether a batch is sealed and not settled.
func batchOpen(tx *mirrordb.Tx) (bool, error) {
	id, err := batch.Open(tx)
	return id != 0, err
}

// timing also returns why no submission may be made.
func (out *Outbox) timing(tx *mirrordb.Tx, r Request) (timing, progress, error) {
	if !r.MaySend || !tx.MaySend() {
		return 0, progress{}, fmt.Errorf("%w: %s", ErrNoConsent, tx.Consent().Reason)
	}
	if r.Forwarder == Cumulative && out.importer.Pending() != nil {
		return 0, progress{}, out.importer.Pending()
	}
	at := tx.Now
	if tx.Leased(at) {
		return 0, progress{}, ErrLeased
	}
	p, err := progressOf(tx, r.Forwarder)
	if err != nil {
		return 0, p, err
	}
	return timingOf(&tx.Header, r, p, at), p, nil
}

func timingOf(h *mirrordb.Header, r Request, p progress, now int64) timing {
	switch {
	case r.Force:
		return timely
	case now < p.retryAt && p.retryAt-now <= int64(MaxRetryAfter):
		return backingOff
	}
	interval := r.Interval
	if r.Unlinkable {
		interval = spread(h, p, interval)
	}
	if elapsed(now, p.acceptedAt, interval) && elapsed(now, h.CreatedAt, interval) {
		return timely
	}
	return early
}

// spread lengthens the interval at random, to at most twice, so that the times at
// which an installation submits say nothing of the time of the next. It draws the
// same number until a submission is accepted, in every process, from what never
// leaves: an unlinkable batch has neither the mirror's id nor this time.
func spread(h *mirrordb.Header, p progress, interval time.Duration) time.Duration {
	if interval <= 0 || interval > math.MaxInt64/2 {
		return interval
	}
	drawn := sha256.Sum256([]byte(fmt.Sprint(h.Mirror, p.acceptedAt, p.accepted)))
	return interval + time.Duration(binary.BigEndian.Uint64(drawn[:])%uint64(interval))
}

// elapsed reports whether an interval has passed since a time in the mirror. A time
// in the future was written by a clock that was wrong, and must not delay
// submissions until then.
func elapsed(now, since int64, interval time.Duration) bool {
	return now < since || now-since >= int64(interval)
}

// hasNews reports whether there is something to seal.
func hasNews(tx *mirrordb.Tx) (bool, error) {
	n, err := tx.Find(`SELECT EXISTS (SELECT 1 FROM totals WHERE pending IS NOT NULL)
		OR EXISTS (` + batch.SharedStates + `
			EXCEPT SELECT series_id, state FROM occupancy WHERE accepted = 1)
		OR EXISTS (SELECT series_id, state FROM occupancy WHERE accepted <> 0
			EXCEPT SELECT shared_series_id, shared_state FROM current_states WHERE shared)`)
	return n != 0, err
}

// cutOffsBeforeWait is how many submissions in a row the process's exit may cut off
// before a shutdown waits for one.
const cutOffsBeforeWait = 3

// vainFactor is the factor by which the time between two long waits grows with each
// wait in vain, and vainSteps is how often it grows: of a hundred hourly runs
// without an answer, five wait at their end.
const (
	vainFactor = 10
	vainSteps  = 2
)

// OftenCutOff reports whether exits cut off so many submissions in a row that a
// shutdown waits only if [Outbox.MayWait] allows it.
func (out *Outbox) OftenCutOff() (bool, error) {
	if out.missing() {
		return false, mirrordb.ErrNotOpen
	}
	out.db.Lock()
	defer out.db.Unlock()
	var cutOff int64
	err := out.db.View(out.db.Context(), func(tx *mirrordb.Tx) (err error) {
		cutOff, err = tx.Find(`SELECT cut_off FROM mirror`)
		return err
	})
	return cutOff >= cutOffsBeforeWait, mirrordb.Wrap("read mirror", err)
}

// MayWait reports whether this shutdown may wait for the submission under way, and
// notes that it does: one shutdown per interval may. After a wait in vain the next
// one is allowed ten intervals later, then a hundred.
func (out *Outbox) MayWait(interval time.Duration) (bool, error) {
	if out.missing() {
		return false, mirrordb.ErrNotOpen
	}
	out.db.Lock()
	defer out.db.Unlock()
	wait := false
	err := out.db.Briefly(func() error {
		return out.db.Update(out.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error {
			wait = false
			cutOff, err := tx.Find(`SELECT cut_off FROM mirror`)
			if err != nil || cutOff < cutOffsBeforeWait {
				return err
			}
			n, err := tx.Affected(`UPDATE mirror SET waited_at = ?1 WHERE waited_at > ?1 OR ?1 - waited_at >= ?2`,
				tx.Now, int64(betweenWaits(interval, cutOff-cutOffsBeforeWait)))
			wait = n > 0
			return err
		})
	})
	out.waits = wait && err == nil
	return out.waits, mirrordb.Wrap("note shutdown", err)
}

// betweenWaits is the time between long waits after so many were in vain.
func betweenWaits(interval time.Duration, vain int64) time.Duration {
	for range min(vain, vainSteps) {
		if interval > math.MaxInt64/vainFactor {
			return math.MaxInt64
		}
		interval *= vainFactor
	}
	return interval
}
