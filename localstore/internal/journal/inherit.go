package journal

import (
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// inherit goes on with a journal that may be inherited, if there is one. To whoever reads
// it, and to the mirror, it is the journal of one process, which counted all of it: what
// was found in a slot is added to what this process counts there.
func (j *Journal) inherit() (ok bool) {
	for _, left := range j.config.Inherit {
		f, err := claimFile(left.Path)
		if err != nil {
			continue
		}
		j.file, j.raw, j.path = j.config.wrap(f), f, left.Path
		if j.isAsLeft(left) && j.goOn(left) {
			j.config.Writer = j.run.Writer // also of a file that is begun anew
			return true
		}
		_ = j.file.Close() // nothing of this process is in it
		j.file, j.raw, j.slots, j.idle = nil, nil, nil, nil
	}
	return false
}

// isAsLeft reports whether nobody recovered, erased, marked or went on with a journal since
// it was found.
func (j *Journal) isAsLeft(left *journalpool.Found) bool {
	h, err := journalfile.ReadHeader(j.file)
	if err != nil || j.seq != 0 || h.Marked || h.Run != left.Content.Header.Run || h.Tags != left.Content.Header.Tags {
		return false
	}
	return len(left.Bytes) == journalfile.InitialSize && left.Content.MayBeInherited(j.config.Mirror, j.observed)
}

func (j *Journal) goOn(left *journalpool.Found) (ok bool) {
	b, c := left.Bytes, left.Content
	values, bases, identities, ok := c.Used()
	if !ok {
		return false
	}
	j.run, j.started = c.Header.Run, j.config.Clock().UnixNano()
	j.run.Pid = int64(j.pid)
	j.run.Heirs++ // wraps around
	j.end, j.zeroed = journalfile.HeaderSize, journalfile.InitialSize
	j.values, j.bases = j.found(b, journalfile.FirstValues, values), j.found(b, journalfile.FirstBases, bases)
	j.identities = j.found(b, journalfile.FirstIdentities, identities)
	j.written, j.records = make(map[string]int64), c.Identities()
	j.idle = make(map[string]*Slot, len(c.Slots))
	for i := range c.Slots {
		s := j.inherited(&c.Slots[i])
		j.slots, j.idle[journalfile.KeyOf(s.series)] = append(j.slots, s), s
	}
	return len(j.idle) == len(c.Slots) && j.writeOwner(b) == nil
}

// found returns the next extent of a file, and what is in use of it. What lies behind that
// is nobody's, and is not to be a part of what is written there.
func (j *Journal) found(b []byte, size, used int) area {
	end := j.end + int64(size)
	e := &extent{offset: j.end, data: b[j.end:end:end], used: used}
	clear(e.data[used:])
	j.end = end
	return area{first: size, list: []*extent{e}}
}

func (j *Journal) inherited(r *journalfile.ReadSlot) *Slot {
	s := &Slot{
		journal: j, series: r.Series(), shape: r.Place.Shape, read: readNothing, inherited: r.Value, waits: !r.Place.Shape.IsZero(&r.Value),
		value: j.values.list[0], bases: j.bases.list[0], seqs: [2]int64{0, none},
	}
	s.valueAt, s.baseAt = int(r.Place.Value-s.value.offset), int(r.Place.Base-s.bases.offset)
	s.gates.Store(new([]Gate))
	return s
}

func readNothing(v *journalfile.Value) { *v = journalfile.Value{Buckets: v.Buckets[:0]} }

// writeOwner writes into the first page, in one write, who has the journal now, and that it
// is not left any more.
func (j *Journal) writeOwner(b []byte) error {
	page := b[journalfile.RunOffset : journalfile.TagOffset+journalfile.TagSize]
	copy(page, j.run.Encode())
	t := journalfile.Tag{Ok: true, Seq: j.seq, Observed: j.observed, Records: j.records}
	copy(page[journalfile.TagOffset-journalfile.RunOffset:], t.Encode(j.run.Nonce))
	_, err := j.file.WriteAt(page, journalfile.RunOffset)
	return err
}

// keepOwn begins to keep what this process counts in a slot that was inherited.
func (s *Slot) keepOwn(k Kept) error {
	j := s.journal
	s.series, s.read = k.Series, k.Read
	s.gates.Store(&[]Gate{k.Gate})
	if j.failed {
		return nil
	}
	s.arm()
	s.read(&j.scratch)
	if s.shape.IsZero(&j.scratch) {
		return nil // the file has it
	}
	return j.writeSlot(s)
}

// total reads what a slot holds: what was inherited, and what this process counted.
func (s *Slot) total(v *journalfile.Value) {
	s.read(v)
	if !s.shape.IsZero(&s.inherited) {
		*v = s.shape.Plus(*v, s.inherited)
	}
}

// Inherited returns what the mirror lacks of what runs before this one left in the journal,
// and since when they counted. It is to be recorded before anything else is.
func (j *Journal) Inherited() (list []Change, since int64) {
	if j == nil {
		return nil, 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.slots {
		if s.waits {
			list = append(list, Change{Slot: s, Delta: s.shape.SeriesValue(&s.inherited, s.series.Metric.Bounds)})
		}
	}
	return list, j.run.Started
}

// Inherits reports whether Inherited returns anything.
func (j *Journal) Inherits() bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.inherits()
}

func (j *Journal) inherits() bool {
	return slices.ContainsFunc(j.slots, func(s *Slot) bool { return s.waits })
}

// disown takes out of the file what this process counted.
func (j *Journal) disown() error {
	for _, s := range j.slots {
		if s.value != nil {
			j.put(s, &s.inherited)
		}
	}
	return j.flushAll()
}

// own notes that the run moved a State: of two journals with moves of one State that holds
// of which the process began last, and what was inherited has none.
func (j *Journal) own() error {
	run := j.run
	if run.Started = j.started; run == j.run {
		return nil
	}
	_, err := j.file.WriteAt(run.Encode(), journalfile.RunOffset)
	if err == nil {
		j.run = run
	}
	return err
}

// Writer returns the id under which recordings are signed, which is inherited, too.
func (j *Journal) Writer() string {
	if j == nil {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.run.Writer
}

// Series returns whose slot it is.
func (s *Slot) Series() *series.Series { return s.series }
