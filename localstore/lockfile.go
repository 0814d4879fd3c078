package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// withLockFile runs f while holding a lock that a dead process releases: the
// write lock of an empty SQLite database, which is removed afterwards.
func withLockFile(path string, wait time.Duration, f func() error) error {
	for until := time.Now().Add(wait); ; {
		lock, current, err := lockFile(path, wait)
		if current && err == nil {
			err = f()
			_ = os.Remove(path) // where others have it open it may stay
			return errors.Join(err, lock.rollback(), lock.close())
		}
		// Unless that is an error, the one before us removed the file that
		// we waited for.
		if lock != nil {
			_ = lock.rollback()
			_ = lock.close()
		}
		if current || time.Now().After(until) {
			return errors.Join(fmt.Errorf("lock %s", path), err)
		}
	}
}

// lockFile locks a file and reports whether it is still the one at the path.
func lockFile(path string, wait time.Duration) (lock *connection, current bool, err error) {
	if err := createFile(path); err != nil {
		return nil, true, err
	}
	before, err := os.Stat(path)
	if err != nil {
		return nil, !errors.Is(err, fs.ErrNotExist), err
	}
	lock, err = connect(path, false, wait)
	if err == nil {
		err = lock.run("BEGIN EXCLUSIVE")
	}
	after, statErr := os.Stat(path)
	return lock, statErr == nil && os.SameFile(before, after), err
}
