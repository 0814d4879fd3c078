package mirrordb

import (
	"errors"
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// A file that is a mount point, as when a container is given a single file, cannot
// be renamed or replaced. It is emptied and filled in place, while nobody else has
// it open.

// isBlank reports whether an empty file lies at the path that may become the
// mirror as it is.
func (db *DB) isBlank() (bool, error) {
	file, err := os.Lstat(db.path)
	if err != nil || !file.Mode().IsRegular() || file.Size() > 0 {
		return false, nil
	}
	if !place.HasBeside(db.path) {
		return true, nil // whoever has a mirror open has files beside it
	}
	err = place.WhenUnused(db.path, func(*os.File) error { return place.RemoveBeside(db.path) })
	if errors.Is(err, place.ErrInUse) {
		return false, nil
	}
	return err == nil, err
}

// copyAside keeps a copy of a damaged mirror and empties it. The error is the
// one that its renaming met.
func (db *DB) copyAside(cause error) (aside string, err error) {
	if err := db.closeLeft(); err != nil {
		return "", errors.Join(cause, err)
	}
	aside = place.AsideName(db.path, db.Now())
	err = place.WhenUnused(db.path, func(f *os.File) error {
		err := place.RenameBeside(db.path, aside)
		if err == nil {
			err = place.Copy(f, aside)
		}
		if err == nil {
			err = f.Truncate(0)
		}
		if err != nil {
			return errors.Join(err, place.Remove(aside), place.RenameBeside(aside, db.path))
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
func (db *DB) closeLeft() error {
	left := db.left
	db.left = nil
	file, err := os.Stat(db.path)
	if left == nil || err != nil || !os.SameFile(file, db.file) {
		return err
	}
	_ = left.Close() // of a damaged file
	return nil
}
