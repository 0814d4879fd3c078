package journalfile

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// Locks of the open file description: closing another descriptor of the file does
// not drop them as it drops those of the process, they are asked about without
// being taken, and NFS knows them. A child that is forked without starting a
// program of its own keeps them: its parent's journal counts as living until both
// have ended.
const (
	getLock = 36 // F_OFD_GETLK
	setLock = 37 // F_OFD_SETLK
)

// Lock takes a file for as long as it is open; ok is false while another process
// has it.
func Lock(f *os.File) (ok bool, err error) {
	err = control(f, setLock, &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart})
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// Owned reports whether a process has a file. It takes no lock, so that nobody who
// starts meanwhile takes the caller for an owner.
func Owned(f *os.File) (bool, error) {
	at := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	err := control(f, getLock, &at)
	return err == nil && at.Type != syscall.F_UNLCK, err
}

func control(f *os.File, command int, at *syscall.Flock_t) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			if failed = syscall.FcntlFlock(fd, command, at); failed != syscall.EINTR {
				return
			}
		}
	})
	return errors.Join(err, failed)
}
