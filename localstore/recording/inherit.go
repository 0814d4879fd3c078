package recording

import (
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// mayInherit returns which journals this Writer may go on with, under their ids.
func (w *Writer) mayInherit(mirror string, o journalfile.Observation) (list []*journalpool.Found) {
	if w.seq > 0 {
		return nil
	}
	for _, found := range w.recorder.heritage {
		if found.Content.MayBeInherited(mirror, o) {
			list = append(list, found)
		}
	}
	return list
}

// without gives back a journal in which nothing was counted yet, and takes one without
// counts of others.
func without(j *journal.Journal, c journal.Config) (*journal.Journal, error) {
	j.Leave()
	if err := j.Close(false); err != nil {
		return nil, err
	}
	c.Inherit = nil
	return journal.Take(c)
}

// RecordInherited records what runs before this process left in its journal, once the
// mirror is awake. What goes wrong is met again by the next recording. The caller holds
// the lock.
func (rec *Recorder) RecordInherited() {
	if !rec.missing() && rec.writer != nil {
		_ = rec.writer.recordInherited()
	}
}

// recordInherited is a recording of its own, before any other: the journal then holds
// what this process counted beyond the mirror.
func (w *Writer) recordInherited() error {
	if w.inheriting || !w.kept.Inherits() {
		return nil
	}
	if w.attempt != nil {
		return ErrUnknownOutcome
	}
	db := w.recorder.db
	if db.IsAsleep() { // waking it records what was inherited
		nothing := func(*mirrordb.Tx) error { return nil }
		err := w.patiently(func() error { return db.View(db.Context(), nothing) })
		if err != nil || !w.kept.Inherits() {
			return err
		}
	}
	if ok, err := w.isFirst(); err != nil || !ok {
		return err
	}
	changes, since := w.kept.Inherited()
	r := Recording{MaySend: w.maySend, Counted: since}
	for _, c := range changes {
		r.Changes = append(r.Changes, Change{Series: c.Slot.Series(), Delta: c.Delta, Slot: c.Slot})
	}
	// What this process counted since is still to be recorded, and was counted under
	// what was observed before.
	ahead := w.ahead
	w.inheriting, w.ahead = true, w.from
	err := w.record(&r)
	w.inheriting, w.ahead = false, ahead
	if w.attempt != nil {
		w.attempt.note = true
		err = errors.New(err.Error()) // the caller's recordings are all settled
	}
	if err != nil {
		return fmt.Errorf("record what was inherited: %w", err)
	}
	return nil
}

// isFirst reports whether nothing was recorded under the id that was inherited. A run that
// could not write its journal recorded all the same, and what was left then is lost: to the
// recovery, to which the journal is given back.
func (w *Writer) isFirst() (ok bool, err error) {
	db := w.recorder.db
	var rows int64
	err = w.patiently(func() error {
		return db.View(db.Context(), func(tx *mirrordb.Tx) (err error) {
			rows, err = tx.Find(`SELECT count(*) FROM writers WHERE id = ?1`, w.id)
			return err
		})
	})
	if err == nil && rows > 0 {
		w.leaveJournal(true)
	}
	return rows == 0, err
}
