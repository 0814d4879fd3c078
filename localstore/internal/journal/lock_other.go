//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd && !windows

package journal

import (
	"errors"
	"os"
)

// lock: where files cannot be locked for a process's life there is no journal.
func lock(*os.File) (ok bool, err error) { return false, errors.ErrUnsupported }

func owned(*os.File) (bool, error) { return false, errors.ErrUnsupported }
