package place

import (
	"errors"
	"io"
	"os"
)

// A file that is a mount point, as when a container is given a single file, cannot
// be renamed or replaced. It is emptied and filled in place, while nobody else has
// it open.

// ErrInUse is met where a file that would be emptied in place is open elsewhere,
// or may be: whoever has it open would go on with the log of the former one.
var ErrInUse = errors.New("localstore: it may be open elsewhere")

// Copy writes what a file holds to one that is made, and to the disk: what
// it was copied from is deleted next.
func Copy(from *os.File, path string) (err error) {
	if err := Create(path); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|NeverWait, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Sync()
}
