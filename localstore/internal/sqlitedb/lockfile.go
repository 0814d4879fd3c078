package sqlitedb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// errNoLockFile is met where something else lies in a lock file's place.
var errNoLockFile = errors.New("localstore: no lock file")

// WithLockFile runs f while holding a lock that a dead process releases: the
// write lock of an empty SQLite database, which is removed afterwards.
func WithLockFile(path string, wait time.Duration, f func() error) error {
	return WithLockFileUnless(path, wait, func() bool { return false }, f)
}

// WithLockFileUnless is WithLockFile that stops waiting, and does nothing, once there
// is no reason for f any more: of many that wait for the same, each would else take
// the lock to learn that.
func WithLockFileUnless(path string, wait time.Duration, over func() bool, f func() error) error {
	again := 20 * time.Millisecond
	for until := time.Now().Add(wait); ; again = min(2*again, 8*20*time.Millisecond) {
		lock, current, err := lockFile(path)
		if current && err == nil {
			err = f()
			return errors.Join(err, unlockFile(lock, path))
		}
		// Unless that is an error, the one before us removed the file that
		// we waited for.
		if lock != nil {
			_ = lock.Rollback()
			_ = lock.Close()
		}
		if current && !HasCode(err, CodeBusy) || !time.Now().Before(until) {
			return errors.Join(fmt.Errorf("lock %s", path), err)
		}
		if current && isSoon(over, earlier(time.Now().Add(again), until)) || over() {
			return nil
		}
	}
}

// isSoon reports whether something is over before the lock is to be tried again: to
// look for that costs much less than to try.
func isSoon(over func() bool, until time.Time) bool {
	for ; time.Now().Before(until); time.Sleep(4 * time.Millisecond) {
		if over() {
			return true
		}
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// unlockFile removes a lock file: before it is unlocked where an open file can be
// removed, so that nobody locks one that is about to go. Elsewhere it stays where
// others wait for it.
func unlockFile(lock *Conn, path string) error {
	if !place.OpenKeepsName {
		_ = os.Remove(path)
	}
	err := errors.Join(lock.Rollback(), lock.Close())
	if place.OpenKeepsName {
		_ = os.Remove(path)
	}
	return err
}

// lockFile locks a file and reports whether it is still the one at the path.
// Anything else at the path, a link above all, is left alone. It does not wait: of
// many that try at once one succeeds, because nobody's lock is in the way of another
// who does not have this one.
func lockFile(path string) (lock *Conn, current bool, err error) {
	if err := place.Patiently(func() error { return place.Create(path) }); err != nil {
		return nil, true, err
	}
	before, err := os.Lstat(path)
	if err != nil {
		return nil, !errors.Is(err, fs.ErrNotExist), err
	}
	switch what := place.Irregular(before.Mode()); {
	case what != "":
		return nil, true, fmt.Errorf("%w: it is %s", errNoLockFile, what)
	case before.Size() > 0:
		return nil, true, fmt.Errorf("%w: there is something in it", errNoLockFile)
	}
	if err := place.CheckOwner(path, before); err != nil { // who could keep it locked for good
		return nil, true, err
	}
	place.CloseToOthers(path, before)
	lock, err = Open(path, false, 0)
	if err == nil {
		err = lock.Run("BEGIN IMMEDIATE")
	}
	after, statErr := os.Lstat(path)
	return lock, statErr == nil && os.SameFile(before, after), err
}
