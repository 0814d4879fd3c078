package recording

import (
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Slot is the place of a series in the journal of its process, nil where it is not
// kept.
type Slot = journal.Slot

// Kept is a series that a journal is to keep, and Value what that counted.
type (
	Kept  = journal.Kept
	Value = journalfile.Value
)

// ValueOf returns a series' value as a journal holds it.
func ValueOf(v series.Value) Value { return journalfile.ValueOf(v) }

// JournalConfig configures [Writer.Keep].
type JournalConfig = journal.Config

// Journal is the file in which a process keeps what it counts.
type Journal = journal.Journal

// keeping is a Writer's journal, and what that was told. Without a journal it is
// the zero value.
type keeping struct {
	*journal.Journal
	observed observation // under which it says that its counts were made
	seen     generation  // of the mirror, when it was last overwritten
	label    generation  // of the observation at that time
	told     string      // the latest problem that was reported
}

// generation is what an erasure, or the loss of a mirror, changes.
type generation struct {
	mirror   string
	erasures int64
}

func (o observation) generation() generation { return generation{o.mirror, o.erasures} }

// kept returns the observation as a journal remembers it.
func (o observation) kept() journalfile.Observation {
	return journalfile.Observation{Epoch: o.epoch, Erasures: o.erasures, Decided: o.decided, MaySend: o.maySend, Off: o.off}
}

// Keep begins a journal for what is counted from now on. Of what it is configured
// with all that concerns the mirror and the writer is filled in. While recording is
// switched off there is none, which is no error; it ends with the recording that
// finds that switched off, and with the Writer.
func (w *Writer) Keep(c journal.Config) (*Journal, error) {
	if w.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	db := w.recorder.db
	db.Lock()
	defer db.Unlock()
	switch {
	case w.kept.Journal != nil || w.from.off || w.ahead.off:
		return w.kept.Journal, nil
	case w.attempt != nil:
		return nil, ErrUnknownOutcome // nobody can tell which number comes next
	}
	c.Path, c.Mirror, c.Writer, c.Seq, c.Observed = db.Path(), w.from.mirror, w.id, w.seq, w.from.kept()
	c.Clock = db.Now
	if db.IsAsleep() {
		c.Waits = w.recorder.waits
		c.Inherit = w.mayInherit(c.Mirror, c.Observed)
	}
	if c.OnError == nil {
		c.OnError = w.reportLater
	}
	j, err := journal.Take(c)
	if err != nil {
		return nil, fmt.Errorf("keep a journal: %w", err)
	}
	if j.Superseded() { // before, and the next recording reads what was decided
		w.report(j.Acknowledge())
	}
	// Who decides from here on marks this journal. Who did before took the cache away.
	isNews := db.IsAsleep() && !db.IsCurrent()
	if isNews && j.Inherits() {
		if j, err = without(j, c); err != nil {
			return nil, fmt.Errorf("keep a journal: %w", err)
		}
	}
	w.kept = keeping{Journal: j, observed: w.from, seen: w.from.generation(), label: w.from.generation()}
	w.id = j.Writer()
	if isNews {
		return w.begun()
	}
	return j, nil
}

// Journal returns the journal that [Writer.Keep] began, nil while there is none.
func (w *Writer) Journal() *Journal {
	if w.missing() {
		return nil
	}
	w.recorder.db.Lock()
	defer w.recorder.db.Unlock()
	return w.kept.Journal
}

// DropJournal ends the journal, and keeps nothing of what it holds: its caller found
// that it does not hold what is recorded.
func (w *Writer) DropJournal() {
	if w.missing() {
		return
	}
	w.recorder.db.Lock()
	defer w.recorder.db.Unlock()
	w.leaveJournal(true)
}

// begin prepares the journal for a recording. One that failed does not keep the
// recording from being made.
func (w *Writer) begin(changes []journal.Change) {
	if w.kept.Journal != nil {
		w.report(w.kept.Begin(w.seq+1, w.ahead.kept(), changes))
	}
}

// kept returns what a recording takes of each slot.
func (r *Recording) kept() []journal.Change {
	var list []journal.Change
	for _, c := range r.Changes {
		if c.Slot != nil {
			list = append(list, journal.Change{Slot: c.Slot, Delta: c.Delta})
		}
	}
	for _, m := range r.Moves {
		if m.Slot != nil {
			list = append(list, journal.Change{Slot: m.Slot, Moves: m.Entries})
		}
	}
	return list
}

// mayBeErased: a mirror that took the place of the former knows nothing of that one's
// erasures. Then the mark of whoever decided or erased is all that tells of one.
func (w *Writer) mayBeErased(now observation) bool {
	return now.mirror != w.from.mirror && w.kept.Superseded()
}

// follow brings the journal in line with what a recording found, once that is
// settled and the Writer moved on.
func (w *Writer) follow(now observation) {
	if w.kept.Journal == nil {
		return
	}
	if now.off {
		w.leaveJournal(true)
		return
	}
	marked := w.kept.Superseded()
	w.renew(now)
	if !marked {
		return
	}
	// The mark goes first: who decides, or erases, sets it before and after.
	if err := w.kept.Acknowledge(); err != nil {
		w.report(err)
		return
	}
	err := w.recorder.db.View(w.recorder.db.Context(), func(tx *mirrordb.Tx) error {
		now = observationOf(&tx.Header, w.maySend)
		return nil
	})
	if err == nil { // otherwise the next recording finds it
		w.renew(now)
	}
}

// erased overwrites the journal after an erasure by this process. The counts that it
// still holds were made before it, and go with the next recording.
func (w *Writer) erased(now observation) {
	if w.kept.Journal == nil {
		return
	}
	w.renew(now)
	if w.kept.seen == now.generation() {
		w.report(w.kept.Acknowledge())
	}
}

// renew overwrites the journal where an erasure, or a mirror in the place of the
// former, was met: with the first recording that finds it, and again once what is
// counted was counted after it for certain.
func (w *Writer) renew(now observation) {
	seen, label := now.generation(), w.from.generation()
	if w.kept.seen == seen && w.kept.label == label {
		return
	}
	err := w.kept.Renew(w.from.mirror, w.from.kept())
	if err != nil {
		w.report(err)
		return // the next recording tries it again
	}
	w.kept.seen, w.kept.label, w.kept.observed = seen, label, w.from
}

// leaveJournal gives the journal back. What is not recorded waits to be recovered,
// or is dropped.
func (w *Writer) leaveJournal(drop bool) {
	if w.kept.Journal == nil {
		return
	}
	j, inherits := w.kept.Journal, w.kept.Inherits()
	err := j.Close(drop)
	w.report(err)
	w.kept = keeping{}
	switch {
	case drop && err != nil: // what this process records under its id, nobody recovers then
		w.spoiled = append(w.spoiled, j)
	case drop && inherits:
		w.id = newWriterID() // the other one says whose what was inherited is
	}
}

// report hands over what is wrong with the journal, once as long as it lasts: a
// recording goes on without it.
func (w *Writer) report(err error) {
	if err == nil || err.Error() == w.kept.told {
		return
	}
	w.kept.told = err.Error()
	w.recorder.db.Report(fmt.Errorf("journal of what is counted: %w", err))
}

// reportLater hands over what the journal tells at any time, also while this
// package has the lock. It happens a few times in the life of a process.
func (w *Writer) reportLater(err error) {
	go func() {
		w.recorder.db.Lock()
		defer w.recorder.db.Unlock()
		w.report(err)
	}()
}

// isNews reports whether the journal does not know yet what was decided, or another
// process asks to be noticed.
func (w *Writer) isNews(now observation) bool {
	return w.kept.Journal != nil && (w.ahead != w.kept.observed || now != w.ahead || w.kept.Refresh())
}

// note writes what is decided into the journal, with a recording of nothing: what
// is counted from here on was counted under that.
func (w *Writer) note(maySend bool) error {
	err := w.commit(maySend, nil, nil)
	if w.attempt != nil {
		w.attempt.note = true
		return errors.New(err.Error()) // the caller's recordings are all settled
	}
	return err
}

// settleNote learns what became of a note. The caller knows nothing of it.
func (w *Writer) settleNote() error {
	if w.attempt == nil || !w.attempt.note {
		return nil
	}
	if err := w.resolveAttempt(nil); w.attempt != nil {
		return errors.New(err.Error())
	}
	return nil
}
