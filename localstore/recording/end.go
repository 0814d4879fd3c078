package recording

import (
	"context"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
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
		return w.recorder.db.AtOnce(f)
	}
	return f()
}
