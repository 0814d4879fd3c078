//go:build unix

package sqlitedb

import (
	"errors"
	"os"
	"syscall"
)

// MapsShared reports whether files in a directory can be mapped by several
// processes together, unless it cannot be found out.
func MapsShared(dir string) bool {
	f, err := os.CreateTemp(dir, ".mirror-*")
	if err != nil {
		return true
	}
	defer func() {
		_ = f.Close() // nothing is kept in it
		_ = os.Remove(f.Name())
	}()
	size := os.Getpagesize()
	if err := f.Truncate(int64(size)); err != nil {
		return true
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EAGAIN) // says nothing of the file system
	}
	_ = syscall.Munmap(mapped)
	return true
}
