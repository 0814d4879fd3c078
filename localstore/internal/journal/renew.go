package journal

import (
	"errors"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// Renew starts anew: with what counted since the last recording that was settled,
// under another observation, and where the mirror was replaced under its id. The
// file is overwritten, so that no name, attribute or state is left in it but those
// of series that counted since; what is no longer this process's file is left, and
// another one taken.
func (j *Journal) Renew(mirror string, o journalfile.Observation) error {
	if j == nil {
		return journalfile.ErrClosed
	}
	if len(mirror) > journalfile.MaxID {
		return journalfile.ErrTooLarge
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return journalfile.ErrClosed
	}
	if journalfile.Forked(j.pid) {
		return journalfile.ErrForked
	}
	j.config.Mirror, j.observed = mirror, o
	err := j.renew()
	if err != nil {
		j.fail()
	}
	return err
}

// renew is called with the lock.
func (j *Journal) renew() error {
	for _, s := range j.slots {
		s.forget()
	}
	switch err := j.check(); {
	case err == nil, errors.Is(err, errCut) && j.locked():
		if err := empty(j.file, true); err != nil {
			return err
		}
		if err := j.start(); err != nil {
			return err
		}
	case j.file == nil:
		if err := j.takeFile(); err != nil {
			return err
		}
	case errors.Is(err, journalfile.ErrLost):
		if err := j.abandon(); err != nil {
			return err
		}
		if err := j.takeFile(); err != nil {
			return err
		}
	default:
		return err
	}
	return j.writeChanged()
}

// abandon closes a file that is this process's no more. Where it may still be found
// under another name nothing is to be recovered from it: the next journal holds the
// same counts. While that cannot be written there is no next one.
func (j *Journal) abandon() error {
	if h, err := journalfile.ReadHeader(j.file); err == nil && h.Run == j.run {
		if _, err := j.file.WriteAt(make([]byte, journalfile.RunSize), journalfile.RunOffset); err != nil {
			return err
		}
	}
	_ = j.file.Close() // nothing waits in it
	j.file, j.raw = nil, nil
	return nil
}

// locked takes the lock again, which changes nothing where it is held.
func (j *Journal) locked() bool {
	ok, err := journalfile.Lock(j.raw)
	return ok && err == nil
}
