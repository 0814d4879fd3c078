package place

import (
	"errors"
	"io/fs"
	"os"
)

// RemoveAll removes a database with the files beside it.
func RemoveAll(path string) error { return errors.Join(Remove(path), RemoveBeside(path)) }

func RemoveBeside(path string) (err error) {
	for _, suffix := range BesideSuffixes {
		err = errors.Join(err, Remove(path+suffix))
	}
	return err
}

func Remove(path string) error {
	err := Patiently(func() error { return os.Remove(path) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
