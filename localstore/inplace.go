package localstore

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// A file that another one is mounted on cannot be renamed, nor can one be put in
// its place: a container is given a single file that way. What happens to it
// happens in place, while nobody else has it open.

// errInUse is met where a file that would be emptied in place is open elsewhere,
// or may be: whoever has it open would go on with the log of the former one.
var errInUse = errors.New("localstore: it may be open elsewhere")

// isBlank reports whether an empty file lies at the path that may become the
// mirror as it is.
func (s *DB) isBlank() (bool, error) {
	file, err := os.Lstat(s.path)
	if err != nil || !file.Mode().IsRegular() || file.Size() > 0 {
		return false, nil
	}
	if !hasBeside(s.path) {
		return true, nil // whoever has a mirror open has files beside it
	}
	err = whenUnused(s.path, func(*os.File) error { return removeBeside(s.path) })
	if errors.Is(err, errInUse) {
		return false, nil
	}
	return err == nil, err
}

// copyAside keeps a copy of a damaged mirror and empties it. The error is the
// one that its renaming met.
func (s *DB) copyAside(cause error) (aside string, err error) {
	if err := s.closeLeft(); err != nil {
		return "", errors.Join(cause, err)
	}
	aside = asideName(s.path, s.now())
	err = whenUnused(s.path, func(f *os.File) error {
		err := renameBeside(s.path, aside)
		if err == nil {
			err = copyFile(f, aside)
		}
		if err == nil {
			err = f.Truncate(0)
		}
		if err != nil {
			return errors.Join(err, removeFile(aside), renameBeside(aside, s.path))
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("%w; empty it in place: %w", cause, err)
	}
	return aside, nil
}

// closeLeft closes the connection that was left when its file turned out damaged.
// The file is still at its path, and so are those beside it that closing removes.
func (s *DB) closeLeft() error {
	left := s.left
	s.left = nil
	file, err := os.Stat(s.path)
	if left == nil || err != nil || !os.SameFile(file, s.file) {
		return err
	}
	_ = left.close() // of a damaged file
	return nil
}

// copyFile writes what a file holds to one that is made, and to the disk: what
// it was copied from is deleted next.
func copyFile(from *os.File, path string) (err error) {
	if err := createFile(path); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|neverWait, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Sync()
}
