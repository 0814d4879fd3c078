package localstore

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// whenUnused runs f on a database that nobody has open with a write-ahead log,
// this process included, and that nobody can open meanwhile; otherwise it
// returns errInUse. Such a connection holds a lock on the file for its life. The
// lock that is taken belongs to the descriptor: locks of the other kind, which a
// process may hold on the same file, conflict with it, and the kernel drops them
// before it when the file is closed.
func whenUnused(path string, f func(*os.File) error) (err error) {
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	const (
		setOpenFileLock = 37         // F_OFD_SETLK
		firstLockByte   = 0x40000000 // of SQLite's 512: pending, reserved, shared
	)
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: firstLockByte, Len: 512}
	switch err := syscall.FcntlFlock(file.Fd(), setOpenFileLock, &lock); {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES):
		return errInUse
	case err != nil:
		return fmt.Errorf("%w: lock it: %w", errInUse, err)
	}
	return f(file)
}
