package recording

import (
	"fmt"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
)

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
// asleep, by the lower-case name of each, and a Writer which journals hold something.
// The caller holds the lock.
func (rec *Recorder) Adopt(states map[string]KnownState, waits *[journal.PoolSize]bool) {
	if !rec.missing() {
		rec.states, rec.waits = states, waits
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
	if !rec.db.IsAsleep() || rec.db.Waiting() || !w.mayDoze() {
		return false
	}
	if !w.from.off && (!kept || !rec.holds(r.Moves, w.from.maySend) || !w.kept.Leave()) {
		return false
	}
	rec.left = true
	return true
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
