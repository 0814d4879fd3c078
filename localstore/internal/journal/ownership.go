package journal

import (
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// check tells whether the file is still this process's. It also notes whether
// another process marked it.
func (j *Journal) check() error {
	switch {
	case j.closed || j.file == nil:
		return journalfile.ErrClosed
	case journalfile.Forked(j.pid):
		return journalfile.ErrForked
	}
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", journalfile.ErrLost, err)
	}
	at, err := os.Lstat(j.path)
	if err != nil || !os.SameFile(info, at) {
		return fmt.Errorf("%w: %s was removed or replaced", journalfile.ErrLost, j.path)
	}
	h, err := journalfile.ReadHeader(j.file)
	switch {
	case err == nil && h.Run == j.run && info.Size() >= j.zeroed:
		j.superseded.Store(h.Marked)
		return j.repair(h)
	case h.Run.Nonce != 0 && h.Run != j.run:
		return fmt.Errorf("%w: %s was taken over", journalfile.ErrLost, j.path)
	}
	return fmt.Errorf("%w: %s was written by others", errCut, j.path)
}

// repair writes what others damaged in the first page.
func (j *Journal) repair(h journalfile.Header) error {
	if len(h.Damage) == 0 {
		return nil
	}
	t := journalfile.Tag{Ok: true, Seq: j.seq, Observed: j.observed, Records: j.records}
	if _, err := j.file.WriteAt(t.Encode(j.run.Nonce), journalfile.TagAt(j.seq)); err != nil {
		return err
	}
	_, err := j.file.WriteAt(journalfile.Preamble(), 0)
	return err
}

// errCut is met where a file is this process's but does not hold what it wrote.
var errCut = fmt.Errorf("%w, but not its file", journalfile.ErrLost)

// Superseded reports whether another process decided or erased, as of the start and
// of the last recording: what this one knows of that may be old. After an erasure
// it calls [Journal.Renew], and in any case [Journal.Acknowledge].
func (j *Journal) Superseded() bool { return j != nil && j.superseded.Load() }

// Refresh looks for the mark of another process now, and returns what Superseded
// does then.
func (j *Journal) Refresh() (superseded bool) {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.check() // what is wrong the next recording meets, too
	return j.Superseded()
}

// Acknowledge takes the mark of another process away. Whoever calls it reads
// afterwards what was decided: who decides marks every journal before and after.
func (j *Journal) Acknowledge() error {
	if j == nil {
		return journalfile.ErrClosed
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.check(); err != nil {
		return err
	}
	_, err := j.file.WriteAt(make([]byte, 8), journalfile.MarkOffset)
	if err == nil {
		j.superseded.Store(false)
	}
	return err
}
