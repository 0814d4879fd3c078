package place

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
)

// WhenUnused runs f on a database that nobody has open with a write-ahead log,
// this process included, and that nobody can open meanwhile; otherwise it
// returns ErrInUse. Such a connection holds a lock on the file for its life. The
// lock that is taken belongs to the descriptor: it conflicts with those of any
// process, this one too.
func WhenUnused(path string, f func(*os.File) error) error {
	inUse.mu.Lock()
	defer inUse.mu.Unlock()
	file, err := inUse.open(path)
	if err != nil {
		return err
	}
	const (
		setOpenFileLock = 37         // F_OFD_SETLK
		firstLockByte   = 0x40000000 // of SQLite's 512: pending, reserved, shared
	)
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: firstLockByte, Len: 512}
	switch err := syscall.FcntlFlock(file.Fd(), setOpenFileLock, &lock); {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES):
		inUse.keep(file)
		return ErrInUse
	case err != nil:
		inUse.keep(file)
		return fmt.Errorf("%w: lock it: %w", ErrInUse, err)
	}
	inUse.drop(file)
	return errors.Join(f(file), file.Close())
}

// inUse are the files that were found in use. Closing one would drop the locks
// that this process has on it by other descriptors, so that they stay open.
var inUse openFiles

type openFiles struct {
	mu    sync.Mutex
	files []*os.File
}

// open returns the file at a path, of those that are open or opened anew.
func (o *openFiles) open(path string) (*os.File, error) {
	now, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	for _, file := range o.files {
		if info, err := file.Stat(); err == nil && os.SameFile(info, now) {
			return file, nil
		}
	}
	return os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|NeverWait, 0)
}

func (o *openFiles) keep(file *os.File) {
	if !slices.Contains(o.files, file) {
		o.files = append(o.files, file)
	}
}

func (o *openFiles) drop(file *os.File) {
	o.files = slices.DeleteFunc(o.files, func(f *os.File) bool { return f == file })
}
