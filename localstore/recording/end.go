package recording

import (
	"context"
	"fmt"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
)

// End is [Writer.Record], or [Writer.Observe] where there is nothing to record, for
// the last collection of a process. Where the journal holds all of it, it waits for no
// other process: what is not recorded is recovered by the next one that records, which
// is no error.
func (w *Writer) End(ctx context.Context, r Recording) (recorded bool, err error) {
	if w.missing() {
		return false, mirrordb.ErrNotOpen
	}
	all := func() error { return w.Record(ctx, r) }
	if r.empty() {
		all = func() error { return w.Observe(ctx, r.MaySend) }
	}
	kept := w.isKept(&r)
	if w.staysAsleep(&r, kept) {
		return false, nil
	}
	if !kept {
		err = all()
		return err == nil, err
	}
	w.hasty = true
	err = all()
	w.hasty = false
	if sqlitedb.HasCode(err, sqlitedb.CodeBusy) && w.attempt == nil {
		if w.leave() {
			return false, nil
		}
		err = all()
	}
	return err == nil, err
}

// isKept reports whether the journal knows everything that a recording has.
func (w *Writer) isKept(r *Recording) bool {
	if w.Journal() == nil || len(r.Gauges) > 0 {
		return false
	}
	for _, c := range r.Changes {
		if c.Slot == nil {
			return false
		}
	}
	for _, m := range r.Moves {
		if m.Slot == nil {
			return false
		}
	}
	return true
}

// leave notes that what waits is left to another process; ok is false where the
// journal does not hold it after all.
func (w *Writer) leave() (ok bool) {
	w.recorder.db.Lock()
	defer w.recorder.db.Unlock()
	w.recorder.left = w.kept.IsWhole()
	return w.recorder.left
}

// HasLeft reports whether counts are left to be recovered, with what declares them.
func (rec *Recorder) HasLeft() bool { return !rec.missing() && rec.left }

// patiently runs a transaction of the Writer.
func (w *Writer) patiently(f func() error) error {
	if w.hasty {
		return w.recorder.db.WaitingAtMost(sqlitedb.Moment, f)
	}
	return f()
}

// A mirror that is asleep was not opened yet: a cache beside it says what was decided.
// What is counted meanwhile is counted under that, as the journal says, and recovered
// as that of a process which died. Whoever decides marks the journal, and whoever
// decided before the journal was taken had taken the cache away.

// KnownState is how the file holds a State: its initial one, unless it was Moved.
// Settled says that what may be sent of it is the same.
type KnownState struct {
	State, Resource string
	Moved, Settled  bool
}

// Adopt makes the end of a process know how States are held while the mirror is
// asleep, by the lower-case name of each, and a Writer which journals hold something, and
// with which of them it may go on. The caller holds the lock.
func (rec *Recorder) Adopt(states map[string]KnownState, waits *[journalpool.Size]bool, heritage []*journalpool.Found) {
	if !rec.missing() {
		rec.states, rec.waits, rec.heritage = states, waits, heritage
	}
}

// HadWriter reports whether something was to be recorded.
func (rec *Recorder) HadWriter() bool { return !rec.missing() && rec.had }

// lookAgain observes what is decided.
func (w *Writer) lookAgain() error {
	db := w.recorder.db
	return db.View(db.Context(), func(tx *mirrordb.Tx) error { w.from = observationOf(&tx.Header, w.maySend); return nil })
}

// begun begins a journal again whose observation may be old. Nothing was counted yet.
func (w *Writer) begun() (*journal.Journal, error) {
	if err := w.lookAgain(); err != nil {
		w.leaveJournal(true)
		return nil, fmt.Errorf("keep a journal: %w", err)
	}
	w.ahead = w.from
	if w.from.off {
		w.leaveJournal(true)
		return nil, nil
	}
	j := w.kept.Journal
	if err := j.Renew(w.from.mirror, w.from.kept()); err != nil {
		w.leaveJournal(true)
		return nil, fmt.Errorf("keep a journal: %w", err)
	}
	w.kept = keeping{Journal: j, observed: w.from, seen: w.from.generation(), label: w.from.generation()}
	return j, nil
}

// mayDoze reports whether nobody decided anything since the mirror was observed that
// is asleep.
func (w *Writer) mayDoze() bool {
	switch db := w.recorder.db; {
	case !db.IsAsleep():
		return false
	case w.kept.Journal == nil:
		return db.IsCurrent()
	default:
		return !w.kept.Refresh() && db.SaysTheSame()
	}
}

// staysAsleep reports whether the last recording is left to another process, because
// the mirror is asleep and nothing asks for it.
func (w *Writer) staysAsleep(r *Recording, kept bool) bool {
	rec := w.recorder
	rec.db.Lock()
	defer rec.db.Unlock()
	switch {
	case !rec.db.IsAsleep() || rec.db.Waiting():
		return false
	case w.from.off:
		rec.left = rec.db.IsCurrent()
	default:
		rec.left = kept && rec.db.SaysTheSame() && rec.holds(r.Moves, w.from.maySend) && w.kept.Leave()
	}
	return rec.left
}

// holds reports whether the file holds all States that this process found as they
// are, so that recording them would change nothing.
func (rec *Recorder) holds(moves []Move, share bool) bool {
	for _, m := range moves {
		if m.Moved {
			continue
		}
		state := totals.Bounded(strings.ToValidUTF8(m.State, "\uFFFD"))
		known, ok := rec.states[strings.ToLower(m.Series.Metric.Name)]
		switch {
		case !ok && state == "": // as in the file, which says nothing
		case !ok || share && !known.Settled || known.Resource != totals.BoundedAttributes(m.Series.Resource.Attributes):
			return false
		case !known.Moved && known.State != state:
			return false
		}
	}
	return true
}
