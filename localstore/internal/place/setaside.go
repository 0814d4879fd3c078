package place

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

const DamagedInfix = ".damaged-"

func AsideName(path string, at time.Time) string {
	return path + DamagedInfix + at.UTC().Format("20060102T150405.000000000Z")
}

// SetAside renames the database and the files beside it together.
func SetAside(path string, at time.Time) (string, error) {
	aside, move := AsideName(path, at), moveBesideFirst
	if OpenKeepsName {
		move = moveDatabaseFirst
	}
	if err := move(path, aside); err != nil {
		return "", fmt.Errorf("set damaged mirror aside: %w", err)
	}
	return aside, nil
}

// moveBesideFirst: once the database is gone the files beside it may be those of
// a fresh one. Where it cannot go, the others come back.
func moveBesideFirst(from, to string) error {
	err := RenameBeside(from, to)
	if err == nil {
		err = Rename(from, to)
	}
	if err != nil {
		err = errors.Join(err, RenameBeside(to, from))
	}
	return err
}

// moveDatabaseFirst is for where an open file keeps its name: if the database can
// go, nobody has the others open either.
func moveDatabaseFirst(from, to string) error {
	if err := Rename(from, to); err != nil {
		return err
	}
	if err := RenameBeside(from, to); err != nil {
		return errors.Join(err, RenameBeside(to, from), Rename(to, from))
	}
	return nil
}

func Rename(from, to string) error {
	return Patiently(func() error { return os.Rename(from, to) })
}

// RenameBeside renames the files beside a database, as far as there are any.
func RenameBeside(from, to string) error {
	for _, suffix := range BesideSuffixes {
		if err := Rename(from+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
