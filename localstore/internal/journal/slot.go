package journal

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Gate is beside a cell, or in it. While it is armed the next change is to call
// [Slot.Changed], after it changed the cell; otherwise a change needs no action:
// nobody keeps the cell, or a write of it is on its way, which arms the gate before
// it reads the cell. Its methods are called concurrently, while the journal is
// locked, and wait for nothing. With atomics, or one lock around the gate and the
// cell, no change is missed.
type Gate interface {
	Arm()
	Disarm() (was bool) // of concurrent calls one sees that it was armed
	Armed() bool
}

// Flag is a Gate of its own beside a cell that is an atomic, or has a lock. The
// zero value is not armed.
type Flag struct{ armed atomic.Uint32 }

// Arm calls for the next change.
func (f *Flag) Arm() { f.armed.Store(1) }

// Disarm takes that back.
func (f *Flag) Disarm() (was bool) { return f.armed.Load() != 0 && f.armed.CompareAndSwap(1, 0) }

// Armed costs one load.
func (f *Flag) Armed() bool { return f.armed.Load() != 0 }

// Slot is the place of a series in a journal.
type Slot struct {
	journal *Journal
	series  *series.Series
	shape   shape
	read    func(*Value)
	gates   atomic.Pointer[[]Gate]
	queued  bool // guarded by the journal's waiting

	// Guarded by the journal's mutex.
	base     Value // what the mirror has
	next     Value // with the recording that was begun
	changing bool
	value    *extent // nil until something is written
	valueAt  int
	bases    *extent
	baseAt   int
	seqs     [2]int64
	stale    bool // the base is not in the file
}

// Kept is a series that is to be kept.
type Kept struct {
	Series *series.Series
	State  bool // it is the gauge of a State
	Gate   Gate // of its cell

	// Read returns its value: cumulative since the process started, or the state
	// with the number of its changes. It is called from any goroutine, must neither
	// wait nor fail, and may reuse the value's buckets.
	Read func(*Value)

	// Recorded is what the mirror has of that already.
	Recorded Value
}

// Add begins to keep a series. It is written with its first count. Slots are never
// taken back. A series that is kept already is [ErrKept]: [Journal.Find] returns its
// slot, and [Slot.Watch] keeps another cell of it. For a nil Journal the slot is nil.
func (j *Journal) Add(k Kept) (*Slot, error) {
	if j == nil {
		return nil, nil
	}
	of := k.Series
	if k.Gate == nil || k.Read == nil {
		return nil, fmt.Errorf("%w: a series without gate or value", ErrKind)
	}
	if err := check(of); err != nil {
		return nil, err
	}
	shape, err := shapeOf(of.Metric, k.State)
	if err == nil {
		err = checkLength(of)
	}
	if err != nil {
		return nil, fmt.Errorf("keep %q: %w", of.Metric.Name, err)
	}
	s := &Slot{journal: j, series: of, shape: shape, read: k.Read, base: k.Recorded.clone(), seqs: [2]int64{none, none}}
	s.gates.Store(&[]Gate{k.Gate})
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil, ErrClosed
	}
	key := keyOf(of)
	if j.kept[key] != nil {
		j.mu.Unlock()
		return nil, fmt.Errorf("keep %q: %w", of.Metric.Name, ErrKept)
	}
	j.kept[key] = s
	j.slots = append(j.slots, s)
	if !j.failed {
		if err = j.writeSlot(s); err != nil {
			j.fail()
		}
	}
	full := j.full
	j.mu.Unlock()
	j.report(err)
	j.report(full)
	return s, nil // it is written later
}

const none = -1

// Find returns the slot of a series, nil where it is not kept. Whoever asks often
// remembers it: slots are never taken back.
func (j *Journal) Find(of *series.Series) *Slot {
	if j == nil || check(of) != nil {
		return nil
	}
	key := keyOf(of)
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.kept[key]
}

// Watch adds a gate: that of another cell which the series counts in.
func (s *Slot) Watch(gate Gate) {
	if s == nil || gate == nil {
		return
	}
	s.journal.mu.Lock()
	gates := append(slices.Clip(*s.gates.Load()), gate)
	s.gates.Store(&gates)
	if s.journal.closed || s.journal.failed {
		s.disarm()
		s.journal.mu.Unlock()
		return
	}
	gate.Arm()
	s.journal.mu.Unlock()
	s.Changed() // what was counted before
}

// Changed is called after a change of a cell whose gate is armed. It writes the
// value, or leaves that to the flusher. It waits for no other goroutine.
func (s *Slot) Changed() {
	if s == nil || !s.claim() {
		return
	}
	j := s.journal
	if !j.mu.TryLock() {
		j.waiting.add(s)
		return
	}
	if !j.budget.take(j.config.now()) {
		j.mu.Unlock()
		j.waiting.add(s)
		return
	}
	var err error
	if !j.closed && !j.failed {
		if err = j.writeSlot(s); err != nil {
			j.fail()
		}
	}
	full := j.full
	j.mu.Unlock()
	j.report(err)
	j.report(full)
}

// claim takes the call for a change; ok is false where another change did.
func (s *Slot) claim() (ok bool) {
	for _, g := range *s.gates.Load() {
		if g.Disarm() {
			ok = true
		}
	}
	return ok
}

func (s *Slot) arm() {
	for _, g := range *s.gates.Load() {
		g.Arm()
	}
}

func (s *Slot) disarm() {
	for _, g := range *s.gates.Load() {
		g.Disarm()
	}
}

// clean reports whether nothing changed since the value was read for a write.
func (s *Slot) clean() bool {
	for _, g := range *s.gates.Load() {
		if !g.Armed() {
			return false
		}
	}
	return true
}

// forget is called when the file is given up.
func (s *Slot) forget() {
	s.value, s.bases, s.seqs, s.stale = nil, nil, [2]int64{none, none}, false
	s.disarm()
}

// writeSlot writes one value, in one write where the series was written before.
// The journal is locked.
func (j *Journal) writeSlot(s *Slot) error {
	if err := j.mayWrite(); err != nil {
		return err
	}
	placed := s.value != nil
	if err := j.stage(s, false); err != nil {
		return err
	}
	if placed {
		return j.flush(s.value, true)
	}
	return j.flushAll()
}

// writeChanged writes every value that changed.
func (j *Journal) writeChanged() error {
	if err := j.mayWrite(); err != nil {
		return err
	}
	for _, s := range j.slots {
		if s.clean() {
			continue
		}
		if err := j.stage(s, false); err != nil {
			return err
		}
	}
	return j.flushAll()
}

// stage reads a value into what is written next: the gate is armed first, so that
// a change which is not read calls for the next write. A series that has nothing to
// say gets no place, unless it is forced to.
func (j *Journal) stage(s *Slot, force bool) error {
	s.arm()
	s.read(&j.scratch)
	if s.value == nil {
		if !force && s.shape.equal(&j.scratch, &s.base) {
			return nil
		}
		if err := j.settleIn(s); err != nil {
			s.value, s.bases = nil, nil
			s.disarm() // until a recording finds room
			if errors.Is(err, errFull) {
				return nil
			}
			return err
		}
	}
	b := s.value.data[s.valueAt : s.valueAt+s.shape.valueSize()]
	order.PutUint32(b[4:], uint32(s.shape.size()))
	s.shape.encode(b[cellHead:], &j.scratch)
	seal(j.run.nonce, s.value.offset+int64(s.valueAt), b)
	s.value.touch(s.valueAt, s.valueAt+len(b))
	return nil
}

// settleIn gives a series its places, with the base that holds whatever recording
// is the latest.
func (j *Journal) settleIn(s *Slot) (err error) {
	if s.value, s.valueAt, err = j.place(&j.values, s.shape.valueSize()); err != nil {
		return err
	}
	if s.bases, s.baseAt, err = j.place(&j.bases, s.shape.baseStride()+s.shape.baseSize()); err != nil {
		return err
	}
	s.seqs = [2]int64{none, none}
	j.putBase(s, 0, &s.base)
	s.bases.touch(s.baseAt, s.baseAt+s.shape.baseStride()+s.shape.baseSize())
	return j.putIdentity(s)
}

// putBase writes a base for a recording in place of the older one, or of what an
// attempt at that recording left.
func (j *Journal) putBase(s *Slot, seq int64, v *Value) {
	i := 0
	switch {
	case s.seqs[0] >= seq:
	case s.seqs[1] >= seq || s.seqs[1] < s.seqs[0]:
		i = 1
	}
	s.seqs[i] = seq
	at := s.baseAt + i*s.shape.baseStride()
	b := s.bases.data[at : at+s.shape.baseSize()]
	s.shape.encodeBase(b, seq, v)
	seal(j.run.nonce, s.bases.offset+int64(at), b)
	s.bases.touch(at, at+len(b))
}

// putIdentity appends what a reader needs to know the series by.
func (j *Journal) putIdentity(s *Slot) error {
	resource, err := j.putShared(recordResource, 0, encodeResource(s.series.Resource))
	if err != nil {
		return err
	}
	metric, err := j.putShared(recordMetric, resource, encodeMetric(s.series.Metric))
	if err != nil {
		return err
	}
	p := place{s.shape, s.value.offset + int64(s.valueAt), s.bases.offset + int64(s.baseAt)}
	_, err = j.putRecord(recordSeries, metric, encodeSeries(p, s.series.Attributes))
	return err
}

// putShared appends a record that many refer to, once.
func (j *Journal) putShared(t recordType, parent int64, payload []byte) (int64, error) {
	key := fmt.Sprintf("%d %d %s", t, parent, payload)
	if at, ok := j.written[key]; ok {
		return at, nil
	}
	at, err := j.putRecord(t, parent, payload)
	if err == nil {
		j.written[key] = at
	}
	return at, err
}

func (j *Journal) putRecord(t recordType, parent int64, payload []byte) (int64, error) {
	size := align(recordHead + len(payload))
	if n := len(j.identities.list); n > 0 {
		if _, ok := j.identities.list[n-1].room(size); !ok { // it is given up
			if err := j.flushAll(); err != nil {
				return 0, err
			}
		}
	}
	e, at, err := j.place(&j.identities, size)
	if err != nil {
		return 0, err
	}
	b := e.data[at : at+size]
	order.PutUint32(b[4:], recordMagic)
	order.PutUint32(b[8:], uint32(t)|uint32(j.records)<<8)
	order.PutUint32(b[12:], uint32(len(payload)))
	order.PutUint64(b[16:], uint64(parent))
	copy(b[recordHead:], payload)
	offset := e.offset + int64(at)
	seal(j.run.nonce, offset, b)
	e.touch(at, at+size)
	j.records++
	return offset, nil
}
