package localstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// ErrUnknownOutcome is returned for a recording of which nobody could tell yet
// whether it is in the file. [Writer.Resolve] tells it later.
var ErrUnknownOutcome = errors.New("localstore: outcome of the recording is not known yet")

// Writer records into a Store. There is one per Store at a time, because its
// caller's idea of what is in the file must be the only one in the process. Its
// methods must not be called concurrently with each other.
type Writer struct {
	store *Store
	id    string
	seq   int64

	// What the previous recording saw. A count may be sent only if that was
	// allowed both then and now, without a change of mind in between.
	seen observation

	// noticed are the erasures that were known before what is observed now was
	// collected: all that was counted earlier had been recorded, or dropped.
	noticed int64

	attempt *attempt // whose outcome is not known
}

type observation struct {
	maySend  bool
	off      bool
	epoch    int64
	erasures int64
	mirror   string
}

// attempt is a recording whose COMMIT failed.
type attempt struct {
	seq    int64
	seen   observation
	mirror string
}

// Change is what a series counted since the previous recording.
type Change struct {
	Series *Series
	Delta  Value
}

// Move is a State as it stands. Moved says that this process changed it since
// the previous recording; without it only the resource is brought up to date,
// once a newer version of the application has taken the state over.
type Move struct {
	Series *Series // of the gauge
	State  string  // "" for none
	Moved  bool
}

// Gauge is the latest value of an application's own gauge.
type Gauge struct {
	Series *Series
	Value  Value
}

// Recording is what one export found.
type Recording struct {
	Changes []Change
	Moves   []Move
	Gauges  []Gauge
	MaySend bool // whether this process may send at all
}

func (r *Recording) empty() bool {
	return len(r.Changes) == 0 && len(r.Moves) == 0 && len(r.Gauges) == 0
}

// Writer returns the Store's writer, [ErrInUse] while there is one. maySend
// says whether the process may send what it counts from now on.
func (s *Store) Writer(maySend bool) (*Writer, error) {
	if s.missing() {
		return nil, ErrNotOpen
	}
	s.lock()
	defer s.unlock()
	if s.readOnly {
		return nil, ErrReadOnly
	}
	if s.writer != nil {
		return nil, ErrInUse
	}
	w := &Writer{store: s, id: uuid.NewString()}
	err := s.look(func(h header) error { w.seen, w.noticed = h.observe(maySend), h.erasures; return nil })
	if err != nil {
		return nil, fmt.Errorf("begin writing: %w", err)
	}
	s.writer = w
	return w, nil
}

// missing reports a Writer that [Store.Writer] did not make.
func (w *Writer) missing() bool { return w == nil || w.store == nil }

// Close lets another Writer take over.
func (w *Writer) Close() {
	if w.missing() {
		return
	}
	w.store.lock()
	defer w.store.unlock()
	if w.store.writer == w {
		w.store.writer = nil
	}
}

func (h *header) observe(maySend bool) observation {
	return observation{
		maySend: maySend && h.maySend(), off: h.mode == ModeOff,
		epoch: h.epoch, erasures: h.erasures, mirror: h.mirror,
	}
}

// Observe notes whether sending is allowed, for an export that found nothing
// new. It writes nothing, except declarations that wait. After an erasure the
// first export may have been collected before it, and counts may lie between:
// those of the next are dropped, unless this Store erased and that was known.
func (w *Writer) Observe(ctx context.Context, maySend bool) error {
	if w.missing() {
		return ErrNotOpen
	}
	s := w.store
	s.lock()
	defer s.unlock()
	note := func(h header) error {
		if h.erasures == w.seen.erasures || h.erasures == w.noticed {
			w.seen = h.observe(maySend)
		}
		w.noticed = h.erasures
		return nil
	}
	if s.hasDeclarations() {
		return s.write(func(tx *transaction) error { return note(tx.header) })
	}
	return s.look(note)
}

// Record writes a recording in one transaction. A nil error says that its
// changes are settled, whether they were written, or dropped because recording
// is switched off or everything was erased meanwhile: the caller moves on.
// After any other error nothing was written, and the next recording is to carry
// the changes again; after [ErrUnknownOutcome], Resolve must be asked first.
// The context is not used to cut a write short.
func (w *Writer) Record(_ context.Context, r Recording) error {
	if w.missing() {
		return ErrNotOpen
	}
	s := w.store
	s.lock()
	defer s.unlock()
	if w.attempt != nil {
		return ErrUnknownOutcome
	}
	var seen observation
	err := s.write(func(tx *transaction) error {
		seen = tx.observe(r.MaySend)
		if seen.off || w.seen.off || seen.erasures != w.seen.erasures {
			return nil
		}
		share := seen.maySend && w.seen.maySend && (seen.epoch == w.seen.epoch || seen.mirror != w.seen.mirror)
		if err := s.record(tx, &r, share); err != nil {
			return err
		}
		return w.sign(tx)
	})
	var commit *commitError
	if errors.As(err, &commit) {
		w.attempt = &attempt{seq: w.seq + 1, seen: seen, mirror: s.identity.mirror}
		return w.settleAttempt(err)
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	w.seq, w.seen = w.seq+1, seen
	return nil
}

// keepWriters is how many other writers' numbers stay in the file, beside
// those of the last day.
const keepWriters = 100

// sign writes the number of this recording, by which its outcome can be told.
func (w *Writer) sign(tx *transaction) error {
	err := tx.run(`INSERT INTO writers (id, seq, committed_at) VALUES (?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, committed_at = excluded.committed_at`, w.id, w.seq+1, tx.now)
	if err == nil && w.seq == 0 {
		err = tx.run(`DELETE FROM writers WHERE committed_at < ?1 AND rowid <= (SELECT max(rowid) - ?2 FROM writers)`,
			tx.now-nanosecondsPerDay, keepWriters)
	}
	if err != nil {
		return fmt.Errorf("sign recording: %w", err)
	}
	return nil
}

// Resolve tells what became of a recording that ended with
// [ErrUnknownOutcome]: whether it is in the file.
func (w *Writer) Resolve(context.Context) (committed bool, err error) {
	if w.missing() {
		return false, ErrNotOpen
	}
	w.store.lock()
	defer w.store.unlock()
	if w.attempt == nil {
		return true, nil
	}
	err = w.settleAttempt(nil)
	if w.attempt != nil {
		return false, err
	}
	return err == nil, nil
}

// settleAttempt reads the attempt's number back. It returns nil when the
// recording is in the file, and the cause when it is not.
func (w *Writer) settleAttempt(cause error) error {
	s := w.store
	var seq int64
	err := s.look(func(h header) error {
		if h.mirror != w.attempt.mirror {
			return nil // another file: what was written to the former is gone
		}
		n, err := s.conn.find(`SELECT seq FROM writers WHERE id = ?1`, w.id)
		seq = n
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, errors.Join(cause, err))
	}
	done := w.attempt
	w.attempt = nil
	if seq == done.seq {
		w.seq, w.seen = done.seq, done.seen
		return nil
	}
	if cause == nil {
		cause = errors.New("recording was rolled back")
	}
	return fmt.Errorf("record: %w", cause)
}
