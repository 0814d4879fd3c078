package journal

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Slot is the place of a series in a journal.
type Slot struct {
	journal *Journal
	series  *series.Series
	shape   journalfile.Shape
	read    func(*journalfile.Value)
	gates   atomic.Pointer[[]Gate]
	queued  bool // guarded by the journal's waiting

	// Guarded by the journal's mutex.
	base     journalfile.Value // what the mirror has
	next     journalfile.Value // with the recording that was begun
	changing bool
	value    *extent // nil until something is written
	valueAt  int
	bases    *extent
	baseAt   int
	seqs     [2]int64
	stale    bool // the base is not in the file

	inherited journalfile.Value
	waits     bool // what was inherited is to be recorded
}

// Kept is a series that is to be kept.
type Kept struct {
	Series *series.Series
	State  bool // it is the gauge of a State
	Gate   Gate // of its cell

	// Read returns its value: cumulative since the process started, or the state
	// with the number of its changes. It is called from any goroutine, must neither
	// wait nor fail, and may reuse the value's buckets.
	Read func(*journalfile.Value)

	// Recorded is what the mirror has of that already.
	Recorded journalfile.Value
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
		return nil, fmt.Errorf("%w: a series without gate or value", journalfile.ErrKind)
	}
	if err := journalfile.Check(of); err != nil {
		return nil, err
	}
	shape, err := journalfile.ShapeOf(of.Metric, k.State)
	if err == nil {
		err = journalfile.CheckLength(of)
	}
	if err != nil {
		return nil, fmt.Errorf("keep %q: %w", of.Metric.Name, err)
	}
	s := &Slot{journal: j, series: of, shape: shape, read: k.Read, base: k.Recorded.Clone(), seqs: [2]int64{none, none}}
	s.gates.Store(&[]Gate{k.Gate})
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil, journalfile.ErrClosed
	}
	key := journalfile.KeyOf(of)
	idle := j.idle[key]
	switch {
	case j.kept[key] != nil, idle != nil && !shape.IsZero(&k.Recorded):
		j.mu.Unlock()
		return nil, fmt.Errorf("keep %q: %w", of.Metric.Name, journalfile.ErrKept)
	case idle != nil:
		s = idle
		delete(j.idle, key)
		err = s.keepOwn(k)
	default:
		j.slots = append(j.slots, s)
		if !j.failed {
			err = j.writeSlot(s)
		}
	}
	j.kept[key] = s
	if err != nil {
		j.fail()
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
	if j == nil || journalfile.Check(of) != nil {
		return nil
	}
	key := journalfile.KeyOf(of)
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
// value, or leaves that to the flusher. While a recording or another change is being
// written it waits for that, 100 ms at most.
func (s *Slot) Changed() {
	if s == nil || !s.claim() {
		return
	}
	j := s.journal
	if !j.lockSoon() {
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
		if err = j.writeSlot(s); err == nil {
			err = j.writeWaiting()
		}
		if err != nil {
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
