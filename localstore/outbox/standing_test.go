package outbox

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// TestASettlementThatRunsAgainCountsOnce: where a transaction is run again after
// a failure, its second run finds what the first one found.
func TestASettlementThatRunsAgainCountsOnce(t *testing.T) {
	twice := func(sub *Submission, f func(*mirrordb.Tx) error) error {
		sub.outbox.db.Lock()
		defer sub.outbox.db.Unlock()
		runs := 0
		return sub.write(func(tx *mirrordb.Tx) error {
			if err := f(tx); err != nil {
				return err
			}
			if runs++; runs == 1 {
				return series.ErrUnreadable
			}
			return nil
		})
	}
	t.Run("a refusal", func(t *testing.T) {
		m := newMirror(t)
		m.count(t, "1", "n")
		m.count(t, "1", "m")
		sub := m.begin(t, Delta)
		settle(t, sub, next(t, sub), Outcome{Verdict: TooLarge, Status: 400})
		part := next(t, sub)
		for part.Points() > 1 {
			settle(t, sub, part, Outcome{Verdict: TooLarge, Status: 400})
			part = next(t, sub)
		}
		err := twice(sub, func(tx *mirrordb.Tx) error {
			_, err := m.outbox.settlePart(tx, sub, part, Outcome{Verdict: TooLarge, Status: 400})
			return err
		})
		for _, n := range sub.blamed {
			if err != nil || n != 1 {
				t.Errorf("one refusal counts as %d, %v", n, err)
			}
		}
		if next(t, sub) == nil {
			t.Error("the attempt ended after one refusal")
		}
	})
	t.Run("totals", func(t *testing.T) {
		m := newMirror(t)
		m.count(t, "1", "n")
		m.count(t, "2", "n")
		m.count(t, "3", "n")
		sub := m.begin(t, Cumulative)
		part, parts := next(t, sub), len(sub.shared)
		err := twice(sub, func(tx *mirrordb.Tx) error {
			_, err := m.outbox.settleShared(tx, sub, part, Outcome{Verdict: Accepted})
			return err
		})
		if err != nil || len(sub.shared) != parts-1 {
			t.Errorf("%d of %d parts are left after one was accepted, %v", len(sub.shared), parts, err)
		}
	})
	t.Run("a wait for nothing", func(t *testing.T) {
		m := newMirror(t)
		m.count(t, "1", "n")
		m.locked(func() error {
			return m.db.Update(t.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error { return tx.Run(`UPDATE mirror SET cut_off = 1000`) })
		}, t)
		sub := m.begin(t, Delta)
		m.outbox.waits = true
		err := twice(sub, func(tx *mirrordb.Tx) error { return m.outbox.cutOff(tx, sub) })
		var cutOff int64
		lookErr := m.db.Look(t.Context(), func(tx *mirrordb.Tx) (err error) { cutOff, err = tx.Find(`SELECT cut_off FROM mirror`); return err })
		if err != nil || lookErr != nil || cutOff != 1001 {
			t.Errorf("%d were cut off, want 1001: %v, %v", cutOff, err, lookErr)
		}
	})
}
