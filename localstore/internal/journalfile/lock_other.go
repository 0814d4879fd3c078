//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd && !windows

package journalfile

import (
	"errors"
	"os"
)

// Lock: where files cannot be locked for a process's life there is no journal.
func Lock(*os.File) (ok bool, err error) { return false, errors.ErrUnsupported }

func Owned(*os.File) (bool, error) { return false, errors.ErrUnsupported }
