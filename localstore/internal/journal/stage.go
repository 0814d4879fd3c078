package journal

import (
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

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
	s.total(&j.scratch)
	if s.shape.Kind == journalfile.KindState && j.scratch.Moves > 0 {
		if err := j.own(); err != nil {
			return err
		}
	}
	if s.value == nil {
		if !force && s.shape.Equal(&j.scratch, &s.base) {
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
	j.put(s, &j.scratch)
	return nil
}

// put puts a value into its place.
func (j *Journal) put(s *Slot, v *journalfile.Value) {
	b := s.value.data[s.valueAt : s.valueAt+s.shape.ValueSize()]
	journalfile.Order.PutUint32(b[4:], uint32(s.shape.Size()))
	s.shape.Encode(b[journalfile.CellHead:], v)
	journalfile.Seal(j.run.Nonce, s.value.offset+int64(s.valueAt), b)
	s.value.touch(s.valueAt, s.valueAt+len(b))
}

// settleIn gives a series its places, with the base that holds whatever recording
// is the latest.
func (j *Journal) settleIn(s *Slot) (err error) {
	if s.value, s.valueAt, err = j.place(&j.values, s.shape.ValueSize()); err != nil {
		return err
	}
	if s.bases, s.baseAt, err = j.place(&j.bases, s.shape.BaseStride()+s.shape.BaseSize()); err != nil {
		return err
	}
	s.seqs = [2]int64{none, none}
	j.putBase(s, 0, &s.base)
	s.bases.touch(s.baseAt, s.baseAt+s.shape.BaseStride()+s.shape.BaseSize())
	return j.putIdentity(s)
}

// putBase writes a base for a recording in place of the older one, or of what an
// attempt at that recording left.
func (j *Journal) putBase(s *Slot, seq int64, v *journalfile.Value) {
	i := 0
	switch {
	case s.seqs[0] >= seq:
	case s.seqs[1] >= seq || s.seqs[1] < s.seqs[0]:
		i = 1
	}
	s.seqs[i] = seq
	at := s.baseAt + i*s.shape.BaseStride()
	b := s.bases.data[at : at+s.shape.BaseSize()]
	s.shape.EncodeBase(b, seq, v)
	journalfile.Seal(j.run.Nonce, s.bases.offset+int64(at), b)
	s.bases.touch(at, at+len(b))
}

// putIdentity appends what a reader needs to know the series by.
func (j *Journal) putIdentity(s *Slot) error {
	resource, err := j.putShared(journalfile.RecordResource, 0, journalfile.EncodeResource(s.series.Resource))
	if err != nil {
		return err
	}
	metric, err := j.putShared(journalfile.RecordMetric, resource, journalfile.EncodeMetric(s.series.Metric))
	if err != nil {
		return err
	}
	p := journalfile.Place{Shape: s.shape, Value: s.value.offset + int64(s.valueAt), Base: s.bases.offset + int64(s.baseAt)}
	_, err = j.putRecord(journalfile.RecordSeries, metric, journalfile.EncodeSeries(p, s.series.Attributes))
	return err
}

// putShared appends a record that many refer to, once.
func (j *Journal) putShared(t journalfile.RecordType, parent int64, payload []byte) (int64, error) {
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

func (j *Journal) putRecord(t journalfile.RecordType, parent int64, payload []byte) (int64, error) {
	size := journalfile.Align(journalfile.RecordHead + len(payload))
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
	journalfile.Order.PutUint32(b[4:], journalfile.RecordMagic)
	journalfile.Order.PutUint32(b[8:], uint32(t)|uint32(j.records)<<8)
	journalfile.Order.PutUint32(b[12:], uint32(len(payload)))
	journalfile.Order.PutUint64(b[16:], uint64(parent))
	copy(b[journalfile.RecordHead:], payload)
	offset := e.offset + int64(at)
	journalfile.Seal(j.run.Nonce, offset, b)
	e.touch(at, at+size)
	j.records++
	return offset, nil
}
