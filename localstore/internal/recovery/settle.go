package recovery

import (
	"database/sql"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// outcome is what became of a journal in a transaction.
type outcome uint8

const (
	recorded outcome = iota // or nothing waited
	adopted                 // its writer has a number now: once more
	dropped                 // it is not to be recorded
	lost                    // nobody can tell what is to be recorded
)

// settle brings the mirror up to date with a journal.
func (r *Recovery) settle(c *journal.Claimed) (done outcome, err error) {
	for {
		err = r.db.Update(r.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) (err error) {
			done, err = r.transact(tx, c)
			return err
		})
		if err != nil || done != adopted {
			return done, err
		}
	}
}

// transact is the recording in the dead writer's name. It may run again, after a
// rollback.
func (r *Recovery) transact(tx *mirrordb.Tx, c *journal.Claimed) (outcome, error) {
	row, err := rowOf(tx, c.Writer)
	if err != nil {
		return 0, fmt.Errorf("read number: %w", err)
	}
	rest := unrecorded.RestOf(&tx.Header, row, c.Content)
	switch rest.Fate {
	case unrecorded.Lost:
		return lost, nil
	case unrecorded.Dropped:
		return dropped, nil
	}
	waiting, held, counted := recordingOf(rest), rest.Held, rest.Counted
	if len(waiting.Changes) == 0 && len(waiting.Moves) == 0 {
		return recorded, nil
	}
	if !row.Known && held > 0 {
		// The journal names the newest recording as the one that holds, and would
		// name this one if it came to nothing.
		return adopted, r.recorder.SignFor(tx, c.Writer, held)
	}
	seq, err := c.Begin(held)
	if err != nil {
		return 0, err
	}
	return recorded, r.recorder.RecordFor(tx, c.Writer, seq, waiting, isShared(&tx.Header, c, counted))
}

// isShared: what was counted may be sent if nobody decided anything since, in the
// mirror or in the file beside it.
func isShared(now *mirrordb.Header, c *journal.Claimed, counted journalfile.Observation) bool {
	return counted.MaySend && now.MaySend() && c.Mirror == now.Mirror && counted.Epoch == now.Epoch && counted.Decided == now.Decided
}

// rowOf returns what the mirror says of a writer.
func rowOf(tx *mirrordb.Tx, writer string) (r unrecorded.Row, err error) {
	err = tx.Each(`SELECT seq, committed_at FROM writers WHERE id = ?1`, func(rows *sql.Rows) error {
		r.Known = true
		return rows.Scan(&r.Seq, &r.RecordedAt)
	}, writer)
	return r, err
}

// recordingOf returns the recording of what waits. A State loses to a later one. When
// it was counted nobody knows: it was not before that time, and seldom more than a
// record interval after it.
func recordingOf(rest unrecorded.Rest) (r recording.Recording) {
	r.Counted = rest.LosesAfter
	for _, d := range rest.Differences {
		if d.Moves == 0 {
			r.Changes = append(r.Changes, recording.Change{Series: d.Series, Delta: d.Delta})
			continue
		}
		r.Moves = append(r.Moves, recording.Move{Series: d.Series, State: d.State, Moved: true, LosesAfter: rest.LosesAfter})
	}
	return r
}
