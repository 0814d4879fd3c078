package journal

import (
	"errors"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// Close gives the journal back: empty, for the next run, where all that it holds is
// recorded, or is to be dropped; otherwise what it holds waits to be recovered, with
// what waited for the flusher. What was inherited, and is not recorded, is not dropped.
// A journal that cannot be dropped, because its disk is broken, stays locked until
// [Journal.Release]: a recovery would count again what its process records in another way.
func (j *Journal) Close(drop bool) error {
	if j == nil {
		return nil
	}
	j.waiting.stop()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	err := j.leave(drop)
	j.closed = true
	for _, s := range j.slots {
		s.disarm()
	}
	return err
}

func (j *Journal) leave(drop bool) (err error) {
	switch {
	case j.file == nil:
		return nil
	case journalfile.Forked(j.pid):
		return journalfile.ErrForked // the lock is the parent's, and stays
	case !drop:
		err = j.writeChanged()
		if err == nil && j.isRecorded() {
			err = empty(j.file, false)
		}
	case j.inherits():
		err = j.disown()
	default:
		err = empty(j.file, false)
	}
	if drop && err != nil {
		return err // and keep the lock
	}
	return errors.Join(err, j.file.Close())
}

// Release lets others recover a journal that could not be dropped, once what its process
// counted is recorded.
func (j *Journal) Release() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed && j.file != nil && !journalfile.Forked(j.pid) {
		_ = j.file.Close() // nothing more is written
	}
}

// IsWhole reports whether the file holds all that was counted when the latest
// recording began: no series lacks a place, and every write succeeded.
func (j *Journal) IsWhole() bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.closed && j.file != nil && !j.failed && j.full == nil
}

// Leave writes all that changed, and notes that its owner ends well and leaves it to
// be recovered, or to be gone on with. It reports whether the file is this process's, nobody
// marked it, and it holds everything.
func (j *Journal) Leave() (whole bool) {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed || j.full != nil || j.check() != nil || j.superseded.Load() {
		return false
	}
	err := j.writeChanged()
	if err == nil {
		t := journalfile.Tag{Ok: true, Seq: j.seq, Observed: j.observed, Records: j.records, Left: true}
		_, err = j.file.WriteAt(t.Encode(j.run.Nonce), journalfile.TagAt(j.seq))
	}
	if err != nil {
		j.fail()
	}
	return err == nil && j.full == nil
}

// isRecorded reports whether the mirror has everything. Of a recording whose
// outcome is not known that is not known either.
func (j *Journal) isRecorded() bool {
	if len(j.begun) > 0 {
		return false
	}
	for _, s := range j.slots {
		s.arm() // what changes from here on is not in time
		s.total(&j.scratch)
		if d, ok := s.shape.Minus(j.scratch, s.base, false); !ok || !s.shape.IsZero(&d) {
			return false
		}
	}
	return true
}

// empty leaves a file in which nothing waits, the whole of it overwritten where it
// is not to be read any more.
func empty(f journalfile.File, erase bool) error {
	if erase {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if err := journalfile.WriteZeros(f, journalfile.RunOffset, info.Size()); err != nil {
			return err
		}
	}
	if err := writeHeader(f, make([]byte, journalfile.HeaderSize)); err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && info.Size() > journalfile.WarmSize {
		_ = f.Truncate(journalfile.InitialSize) // at worst it stays large
	}
	if !erase {
		return nil
	}
	return f.Sync()
}
