package recording

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// ErrUnknownOutcome is returned for a recording if it is not known yet whether it
// is in the file. [Writer.Resolve] tells later.
var ErrUnknownOutcome = errors.New("localstore: outcome of the recording is not known yet")

// Writer records into a mirror. A Store has one at a time: its caller remembers what
// is in the file, and two of them would record the same counts twice. Its
// methods must not be called concurrently with each other.
type Writer struct {
	recorder *Recorder
	id       string
	seq      int64

	// A recording carries what was counted between two collections: the last
	// one that was recorded and its own. from was observed before the first of
	// them began. A count may be sent only if that was allowed then and is
	// allowed now, under the same epoch: it was in between, too.
	from observation

	// ahead was observed before the latest collection began, as far as is
	// known: it is what from becomes once that is recorded.
	ahead observation

	maySend    bool               // of the latest call
	attempt    *attempt           // whose outcome is not known
	kept       keeping            // the journal
	spoiled    []*journal.Journal // that could not be dropped
	hasty      bool               // it waits for no other process
	inheriting bool               // it records what was inherited
}

type observation struct {
	maySend  bool
	off      bool
	epoch    int64
	erasures int64
	decided  int64 // when the file beside the mirror was written
	mirror   string
}

// firstEpoch is that of a mirror in which nobody has decided anything.
const firstEpoch = 1

// follows reports whether nobody decided anything since the earlier observation.
// The epochs of a mirror that took the place of a damaged one begin anew. What the
// file beside it said between two looks leaves no epoch where it is taken back.
func (o observation) follows(earlier observation) bool {
	if o.decided != earlier.decided {
		return false
	}
	if o.mirror == earlier.mirror {
		return o.epoch == earlier.epoch
	}
	return o.epoch == firstEpoch
}

// attempt is a recording whose COMMIT failed.
type attempt struct {
	seq        int64
	ahead, now observation
	mirror     string
	note       bool // it is the Writer's own, of what was decided or inherited
	inherited  bool
}

// Change is what a series counted since the previous recording.
type Change struct {
	Series *series.Series
	Delta  series.Value
	Slot   *Slot // of the series in the journal, nil where it is not kept
}

// Move is a State as it stands. Moved says that this process changed it since
// the previous recording. Without it the state is recorded as the initial one
// where none was ever set; otherwise only the resource is brought up to date,
// once a newer version of the application has taken the state over.
type Move struct {
	Series *series.Series // of the gauge
	State  string         // "" for none
	Moved  bool

	Slot    *Slot // of the gauge in the journal, nil where it is not kept
	Entries int64 // how often a state was entered since the previous recording

	// LosesAfter is for a move that is recorded late: it changes nothing where the
	// State was moved after that time, in nanoseconds since 1970. 0 for no such time.
	LosesAfter int64
}

// Gauge is the latest value of an application's own gauge.
type Gauge struct {
	Series *series.Series
	Value  series.Value
}

// Recording is what one collection found.
type Recording struct {
	Changes []Change
	Moves   []Move
	Gauges  []Gauge
	MaySend bool // whether this process may send at all

	// Counted is when this was counted, as far as is known, in nanoseconds since 1970, of
	// a recording that is made late. 0 for now.
	Counted int64
}

func (r *Recording) empty() bool {
	return len(r.Changes) == 0 && len(r.Moves) == 0 && len(r.Gauges) == 0
}

// Writer returns the mirror's writer, [ErrInUse] while there is one. maySend
// says whether the process may send what it counts from now on.
func (rec *Recorder) Writer(maySend bool) (*Writer, error) {
	if rec.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	rec.db.Lock()
	defer rec.db.Unlock()
	if rec.db.IsReadOnly() {
		return nil, mirrordb.ErrReadOnly
	}
	if rec.writer != nil {
		return nil, ErrInUse
	}
	w := &Writer{recorder: rec, id: newWriterID(), maySend: maySend}
	if rec.db.IsAsleep() {
		h := rec.db.LastHeader()
		w.from = observationOf(&h, maySend)
	} else if err := w.lookAgain(); err != nil {
		return nil, fmt.Errorf("begin writing: %w", err)
	}
	w.ahead, rec.writer, rec.had = w.from, w, true
	return w, nil
}

// newWriterID returns an id that tells a Writer from all others of its mirror. It never
// leaves the machine and keeps no secret. The first use of crypto/rand in a process costs
// as much as all that a short run writes.
func newWriterID() string {
	var id uuid.UUID
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64()) //nolint:gosec // the system seeds it anew in each process
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64()) //nolint:gosec // as above
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80      // version 4 of RFC 9562
	return id.String()
}

// missing reports a Writer that [Recorder.Writer] did not make.
func (w *Writer) missing() bool { return w == nil || w.recorder == nil }

// Close lets another Writer take over, and gives the journal back. What that holds
// beyond the mirror waits to be recovered.
func (w *Writer) Close() {
	if w.missing() {
		return
	}
	w.recorder.db.Lock()
	defer w.recorder.db.Unlock()
	w.leaveJournal(false)
	for _, j := range w.spoiled {
		j.Release()
	}
	w.spoiled = nil
	if w.recorder.writer == w {
		w.recorder.writer = nil
	}
}

func observationOf(h *mirrordb.Header, maySend bool) observation {
	return observation{
		maySend: maySend && h.MaySend(), off: h.Mode == consent.ModeOff,
		epoch: h.Epoch, erasures: h.Erasures, decided: h.Decided, mirror: h.Mirror,
	}
}

// advance notes that nothing of what was collected is left to record, and what was
// observed before and after the collection.
func (w *Writer) advance(ahead, now observation) {
	w.from = ahead
	if w.ahead == ahead { // nothing newer was observed since
		w.ahead = now
	}
}

// Notice observes what is decided, before a collection begins. It is optional: a
// caller whose collections are started by a reader of the SDK cannot call it. Then
// one more recording is withheld after each decision, or dropped after an erasure,
// because its counts may have been made before. Notice writes nothing and waits for
// other processes no longer than 250 ms. When it fails, what was observed before
// still applies.
func (w *Writer) Notice(_ context.Context, maySend bool) error {
	if w.missing() {
		return mirrordb.ErrNotOpen
	}
	rec := w.recorder
	rec.db.Lock()
	defer rec.db.Unlock()
	w.maySend = maySend
	if w.mayDoze() {
		return nil // what is known holds
	}
	return mirrordb.Wrap("observe mirror", rec.db.Briefly(func() error {
		return rec.db.View(rec.db.Context(), func(tx *mirrordb.Tx) error { w.ahead = observationOf(&tx.Header, maySend); return nil })
	}))
}

// Observe notes whether sending is allowed, after a collection that found
// nothing new. It writes nothing, except declarations that wait and, where there is
// a journal, what was decided since its last recording.
func (w *Writer) Observe(ctx context.Context, maySend bool) error {
	if w.missing() {
		return mirrordb.ErrNotOpen
	}
	rec := w.recorder
	rec.db.Lock()
	defer rec.db.Unlock()
	w.maySend = maySend
	if err := w.settleNote(); err != nil {
		return err
	}
	var now observation
	observe := func(tx *mirrordb.Tx) error { now = observationOf(&tx.Header, maySend); return nil }
	err := w.patiently(func() error {
		if rec.db.Waiting() {
			return rec.db.Update(rec.db.Context(), mirrordb.Relaxed, observe)
		}
		return rec.db.View(rec.db.Context(), observe)
	})
	switch {
	case err != nil:
		return err
	case w.isNews(now):
		err = w.note(maySend)
	default:
		w.advance(w.ahead, now)
	}
	if err == nil {
		rec.afterwards()
	}
	return err
}

// Record writes a recording in one transaction. A nil error says that its
// changes must not be recorded again: they were written, or dropped because
// recording is switched off or everything was erased meanwhile.
// After any other error nothing was written, and the next recording is to carry
// the changes again; after [ErrUnknownOutcome], Resolve must be asked first.
// The context is not used to cut a write short.
func (w *Writer) Record(_ context.Context, r Recording) error {
	if w.missing() {
		return mirrordb.ErrNotOpen
	}
	rec := w.recorder
	rec.db.Lock()
	defer rec.db.Unlock()
	if err := w.settleNote(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if w.attempt != nil {
		return ErrUnknownOutcome
	}
	w.maySend = r.MaySend
	err := w.record(&r)
	if w.attempt == nil && rec.worthRepeating(err) {
		err = w.record(&r)
	}
	if err == nil {
		rec.afterwards()
	}
	return err
}

// worthRepeating reports whether a recording of which nothing is in the file may
// succeed at once: one write can fail on a sound disk, and the last recording of
// a process has no next.
func (rec *Recorder) worthRepeating(err error) bool {
	return !rec.db.IsClosed() && (sqlitedb.HasCode(err, sqlitedb.CodeFull) || errors.As(err, new(*sqlitedb.CommitError)) && !sqlitedb.HasCode(err, sqlitedb.CodeBusy))
}

func (w *Writer) record(r *Recording) error {
	return w.commit(r.MaySend, r.kept(), func(tx *mirrordb.Tx, share bool) error { return w.recorder.record(tx, r, share) })
}

// commit makes a recording of what write writes, nothing where it is nil, and of
// what that takes from the journal.
func (w *Writer) commit(maySend bool, changes []journal.Change, write func(tx *mirrordb.Tx, share bool) error) error {
	rec := w.recorder
	if err := w.recordInherited(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	w.begin(changes)
	var now observation
	err := w.patiently(func() error {
		return rec.db.Update(rec.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error {
			now = observationOf(&tx.Header, maySend)
			switch {
			case !now.off && !w.from.off && now.erasures == w.from.erasures && !w.mayBeErased(now):
				share := now.maySend && w.from.maySend && now.follows(w.from)
				if write == nil {
					break
				}
				if err := write(tx, share); err != nil {
					return err
				}
			case w.kept.Journal == nil:
				return nil // what is dropped nobody asks for
			}
			return w.sign(tx)
		})
	})
	var commit *sqlitedb.CommitError
	if errors.As(err, &commit) {
		w.attempt = &attempt{seq: w.seq + 1, ahead: w.ahead, now: now, mirror: rec.db.Identity().Mirror, inherited: w.inheriting}
		return w.resolveAttempt(err)
	}
	if err != nil {
		w.kept.Settle(false)
		return fmt.Errorf("record: %w", err)
	}
	w.committed(w.ahead, now, w.inheriting)
	return nil
}

// committed moves on after a recording that is in the mirror. After one of what was
// inherited the journal is brought in line with the next one: until then it has counts of
// this process.
func (w *Writer) committed(ahead, now observation, inherited bool) {
	w.seq++
	w.kept.Settle(true)
	w.kept.observed = ahead
	w.advance(ahead, now)
	if !inherited {
		w.follow(now)
	}
}

// sign writes the number of this recording, by which its outcome can be told.
func (w *Writer) sign(tx *mirrordb.Tx) error {
	err := sign(tx, w.id, w.seq+1)
	if err == nil && w.seq == 0 {
		err = w.recorder.purgeWriters(tx)
	}
	return mirrordb.Wrap("sign recording", err)
}

// Resolve reports whether a recording that ended with [ErrUnknownOutcome] is in the
// file.
func (w *Writer) Resolve(context.Context) (committed bool, err error) {
	if w.missing() {
		return false, mirrordb.ErrNotOpen
	}
	w.recorder.db.Lock()
	defer w.recorder.db.Unlock()
	if w.attempt == nil || w.attempt.note {
		return true, nil
	}
	err = w.resolveAttempt(nil)
	if w.attempt != nil {
		return false, err
	}
	return err == nil, nil
}

// resolveAttempt reads the attempt's number back. It returns nil when the
// recording is in the file, and the cause when it is not.
func (w *Writer) resolveAttempt(cause error) error {
	rec := w.recorder
	var seq int64
	err := rec.db.View(rec.db.Context(), func(tx *mirrordb.Tx) error {
		if tx.Mirror != w.attempt.mirror {
			return nil // another file: what was written to the former is gone
		}
		n, err := tx.Find(`SELECT seq FROM writers WHERE id = ?1`, w.id)
		seq = n
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, errors.Join(cause, err))
	}
	done := w.attempt
	w.attempt = nil
	if seq == done.seq {
		w.committed(done.ahead, done.now, done.inherited)
		return nil
	}
	w.kept.Settle(false)
	if cause == nil {
		cause = errors.New("recording was rolled back")
	}
	return fmt.Errorf("record: %w", cause)
}

// ErrInUse is returned for a second Writer of one Store.
var ErrInUse = errors.New("localstore: store has a writer already")
