package localstore

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// TestASettlementThatRunsAgainCountsOnce: where a transaction is run again after
// a failure, its second run finds what the first one found.
func TestASettlementThatRunsAgainCountsOnce(t *testing.T) {
	twice := func(sub *Submission, f func(*mirrordb.Tx) error) error {
		sub.store.db.Lock()
		defer sub.store.db.Unlock()
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
		s, _ := fresh(t)
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1), add(statistic(version("1"), "m"), 2))
		sub := mustBegin(t, s)
		settle(t, sub, next(t, sub), Outcome{Verdict: TooLarge, Status: 400})
		part := next(t, sub)
		for part.Points() > 1 {
			settle(t, sub, part, Outcome{Verdict: TooLarge, Status: 400})
			part = next(t, sub)
		}
		err := twice(sub, func(tx *mirrordb.Tx) error {
			_, err := s.outbox.settlePart(tx, sub, part, Outcome{Verdict: TooLarge, Status: 400})
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
		s, _ := fresh(t)
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1), add(statistic(version("2"), "n"), 2), add(statistic(version("3"), "n"), 4))
		sub := begin(t, s, request(Cumulative))
		part, parts := next(t, sub), len(sub.shared)
		err := twice(sub, func(tx *mirrordb.Tx) error {
			_, err := s.outbox.settleShared(tx, sub, part, accepted)
			return err
		})
		if err != nil || len(sub.shared) != parts-1 {
			t.Errorf("%d of %d parts are left after one was accepted, %v", len(sub.shared), parts, err)
		}
	})
	t.Run("a wait for nothing", func(t *testing.T) {
		s, _ := fresh(t)
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		execute(t, s, `UPDATE mirror SET cut_off = 1000`)
		sub := mustBegin(t, s)
		s.outbox.waits = true
		err := twice(sub, func(tx *mirrordb.Tx) error { return s.outbox.cutOff(tx, sub) })
		if expect(t, s, "1001", `SELECT cut_off FROM mirror`); err != nil {
			t.Error(err)
		}
	})
}
