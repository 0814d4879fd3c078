package place

import (
	"errors"
	"os"
)

// WriteWhole makes a file with a content, and what [Create] gives it. It is on the disk
// when that returns. What lies there, and the files of a database beside it, are those
// of a process that died here, and go before.
func WriteWhole(path string, content []byte) error {
	if err := RemoveAll(path); err != nil {
		return err
	}
	if err := Create(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, FileMode)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
