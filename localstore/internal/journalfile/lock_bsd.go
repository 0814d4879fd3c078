//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package journalfile

import (
	"errors"
	"os"
	"syscall"
)

// Locks of flock(2), which belong to the open file description. Closing another
// descriptor of the file does not drop them as it drops those of the process. A
// child that is forked without starting a program of its own keeps them.

// Lock takes a file for as long as it is open; ok is false while another process
// has it.
func Lock(f *os.File) (ok bool, err error) {
	err = control(f, syscall.LOCK_EX)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// Owned reports whether a process has a file. There is no asking without a shared
// lock, for some microseconds: who wants to take the file then passes over it, and
// tries again before giving up.
func Owned(f *os.File) (bool, error) {
	err := control(f, syscall.LOCK_SH)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, control(f, syscall.LOCK_UN)
}

func control(f *os.File, how int) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			if failed = syscall.Flock(int(fd), how|syscall.LOCK_NB); failed != syscall.EINTR {
				return
			}
		}
	})
	return errors.Join(err, failed)
}
