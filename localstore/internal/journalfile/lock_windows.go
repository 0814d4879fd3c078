package journalfile

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var (
	kernel       = syscall.NewLazyDLL("kernel32.dll")
	lockFileEx   = kernel.NewProc("LockFileEx")
	unlockFileEx = kernel.NewProc("UnlockFileEx")
)

// A locked range cannot be read by others: it is one byte far behind the end.
const (
	lockedHigh      = 1 << 30
	failImmediately = 1
	exclusively     = 2
	lockViolation   = syscall.Errno(33)
)

// Lock takes a file for as long as it is open; ok is false while another process
// has it. A child has no handles of its parent's.
func Lock(f *os.File) (ok bool, err error) { return acquire(f, exclusively) }

// Owned reports whether a process has a file. There is no asking without a shared
// lock, for some microseconds: who wants to take the file then passes over it, and
// tries again before giving up.
func Owned(f *os.File) (bool, error) {
	ok, err := acquire(f, 0)
	if ok {
		err = control(f, func(handle uintptr) error {
			at := syscall.Overlapped{OffsetHigh: lockedHigh}
			return result(unlockFileEx.Call(handle, 0, 1, 0, uintptr(unsafe.Pointer(&at))))
		})
	}
	return !ok && err == nil, err
}

func acquire(f *os.File, how uintptr) (ok bool, err error) {
	err = control(f, func(handle uintptr) error {
		at := syscall.Overlapped{OffsetHigh: lockedHigh}
		return result(lockFileEx.Call(handle, how|failImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&at))))
	})
	if errors.Is(err, lockViolation) || errors.Is(err, syscall.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func result(done, _ uintptr, err error) error {
	if done != 0 {
		return nil
	}
	return err
}

func control(f *os.File, call func(handle uintptr) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(handle uintptr) { failed = call(handle) })
	return errors.Join(err, failed)
}
