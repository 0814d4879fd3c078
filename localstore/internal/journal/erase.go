package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// Supersede marks the journals of a mirror: their owners are to give up what they
// remember, of a living process at its next recording, of the next one at its
// start. Whoever decides or erases calls it before the transaction and after it.
func Supersede(mirror string) error {
	return eachFile(mirror, func(f *os.File, path string) error { return mark(f) })
}

// mark writes at a place that is the same in all versions of the format.
func mark(f journalfile.File) error {
	b := make([]byte, 8)
	journalfile.Order.PutUint64(b, randomNonce())
	_, err := f.WriteAt(b, journalfile.MarkOffset)
	return err
}

// Erase overwrites the journals of dead processes and empty ones, whatever version
// wrote them, and supersedes those of the living. Living says how many those are:
// until their owners renewed them, names and counts are left in them.
func Erase(mirror string) (living int, err error) {
	err = eachFile(mirror, func(f *os.File, path string) error {
		switch err := acquireFile(f, path); {
		case errors.Is(err, journalfile.ErrLiving):
			living++
			return mark(f)
		case err != nil:
			return err
		}
		return empty(f, true)
	})
	return living, err
}

// Erasing returns how many journals an erasure still waits for: those of living
// processes that were superseded and not renewed yet.
func Erasing(mirror string) (living int) {
	for _, found := range journalpool.List(mirror) {
		if found.Standing == journalpool.Living && found.Content != nil && found.Content.Superseded {
			living++
		}
	}
	return living
}

// eachFile calls f for each file of the pool that may be a journal. What is none is
// left alone.
func eachFile(mirror string, do func(*os.File, string) error) error {
	var failed error
	for i := range journalpool.Size {
		path := journalpool.Path(mirror, i)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		f, err := journalfile.OpenFile(path, true)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, journalfile.ErrNotJournal) {
			continue
		}
		if err == nil {
			err = errors.Join(do(f, path), f.Close())
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("journal %s: %w", path, err))
		}
	}
	return failed
}
