package journal

import (
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Change is what a recording takes of a series: the difference that the mirror is
// about to add or, of a State, how often it was entered since the previous one.
type Change struct {
	Slot  *Slot // nothing where it is nil
	Delta series.Value
	Moves int64
}

// Begin prepares a recording, before its transaction: all values that changed are
// written, the values being recorded become bases, and the tag of the recording
// says that they are complete. Seq is the number that the transaction is to write,
// one more than that of the latest one in the mirror. The observation is the one
// under which the counts after this recording will be: what was observed before its
// collection began.
//
// After an error the recording may go on: what it recorded is not added again by a
// recovery, but what is counted until the next one may be lost with the process.
// [Journal.Settle] is called in either case. Of a file that is no longer this
// process's it takes another one.
func (j *Journal) Begin(seq int64, o journalfile.Observation, changes []Change) error {
	if j == nil {
		return nil
	}
	full, err := j.prepare(seq, o, changes)
	j.report(full)
	if err != nil {
		return fmt.Errorf("begin recording %d: %w", seq, err)
	}
	return nil
}

// prepare is Begin under the lock. Full says why some series have no place.
func (j *Journal) prepare(seq int64, o journalfile.Observation, changes []Change) (full, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, journalfile.ErrClosed
	}
	if seq != j.seq+1 {
		return nil, fmt.Errorf("the latest was %d", j.seq)
	}
	j.propose(o, changes)
	err = j.begin(seq)
	if err == nil {
		err = j.writeWaiting() // what was counted meanwhile
	}
	if err != nil {
		j.fail()
		return nil, err
	}
	j.failed = false
	return j.full, nil
}

// propose notes, in memory, what the bases become.
func (j *Journal) propose(o journalfile.Observation, changes []Change) {
	j.begun, j.next = nil, o
	for _, c := range changes {
		s := c.Slot
		if s == nil || s.journal != j {
			continue
		}
		if !s.changing {
			s.changing, s.next = true, s.base
			j.begun = append(j.begun, s)
		}
		d := journalfile.ValueOf(c.Delta)
		if s.shape.Kind == journalfile.KindState {
			d = journalfile.Value{Moves: c.Moves}
		}
		s.next = s.shape.Plus(s.next, d)
	}
}

func (j *Journal) begin(seq int64) error {
	if err := j.check(); errors.Is(err, journalfile.ErrLost) || errors.Is(err, journalfile.ErrClosed) {
		if err := j.renew(); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	j.full = nil
	if _, err := j.file.WriteAt(make([]byte, journalfile.TagSize), journalfile.TagAt(seq)); err != nil {
		return err
	}
	if err := j.writeChanged(); err != nil {
		return err
	}
	// What an attempt at this number left is written over, too: the file is not to
	// say of a series that it was recorded when the mirror says so of another one.
	for _, s := range j.slots {
		if s.value != nil && !s.changing && (s.stale || max(s.seqs[0], s.seqs[1]) >= seq) {
			j.putBase(s, seq, &s.base)
		}
	}
	for _, s := range j.begun {
		// Also one that is clean: of a change that was recorded, its caller may not
		// have told yet. A base that is ahead of its value takes away from the mirror.
		if err := j.stage(s, true); err != nil {
			return err
		}
		if s.value != nil { // else it gets this base with its place
			j.putBase(s, seq, &s.next)
		}
	}
	if err := j.flushAll(); err != nil {
		return err
	}
	t := journalfile.Tag{Ok: true, Seq: seq, Observed: j.next, Records: j.records}
	if _, err := j.file.WriteAt(t.Encode(j.run.Nonce), journalfile.TagAt(seq)); err != nil {
		return err
	}
	for _, s := range j.slots {
		s.stale = false
	}
	return nil
}

// Settle ends what [Journal.Begin] began, once it is known whether the recording
// is in the mirror.
func (j *Journal) Settle(committed bool) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.begun {
		if committed {
			s.base, s.stale, s.waits = s.next, j.failed, false
		}
		s.changing, s.next = false, journalfile.Value{}
	}
	if committed {
		j.seq++
		j.observed = j.next
	}
	j.begun = nil
}

// mayWrite tells what forbids any write.
func (j *Journal) mayWrite() error {
	switch {
	case j.closed || j.file == nil:
		return journalfile.ErrClosed
	case journalfile.Forked(j.pid):
		return journalfile.ErrForked
	}
	return nil
}
