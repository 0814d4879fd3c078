//go:build unix

package journalfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// neverWait opens a pipe without its other end, no terminal as this process's own,
// and no link.
const neverWait = syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_NOFOLLOW

func openRegular(path string, write bool) (*os.File, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	return os.OpenFile(path, flag|neverWait, 0)
}

func createRegular(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|neverWait, OwnFile)
}

// checkOwner refuses what another user owns or can write, who could have written
// anything into it or keep it locked for good. Root also takes what belongs to the owner of the
// directory: it works in that user's home. A file with a second name may be one
// that somebody wants to be overwritten.
func checkOwner(path string, info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if stat.Nlink > 1 {
		return fmt.Errorf("%w: %s has %d names", ErrNotJournal, path, stat.Nlink)
	}
	const others = 0o002
	if mode := info.Mode(); mode&others != 0 {
		return fmt.Errorf("%w: every user can write %s, which has mode %v", ErrNotJournal, path, mode)
	}
	me, owner := os.Geteuid(), int(stat.Uid)
	if owner == me {
		return nil
	}
	if me == 0 {
		if home, ok := directoryOwner(path); ok && int(home.Uid) == owner {
			return nil
		}
	}
	return fmt.Errorf("%w: %s belongs to user %d, this process runs as user %d", ErrNotJournal, path, owner, me)
}

func directoryOwner(path string) (*syscall.Stat_t, bool) {
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, false
	}
	stat, ok := dir.Sys().(*syscall.Stat_t)
	return stat, ok
}

// giveFile gives a file that root made to the owner of its directory, so that this
// user's own processes can go on with it.
func giveFile(f *os.File) {
	if os.Geteuid() != 0 {
		return
	}
	if stat, ok := directoryOwner(f.Name()); ok && stat.Uid != 0 {
		_ = f.Chown(int(stat.Uid), int(stat.Gid)) // a file system may know no owners
	}
}

// closeToOthers takes from others what lets them read or lock a file.
func closeToOthers(f *os.File, info fs.FileInfo) {
	if info.Mode().Perm() != OwnFile {
		_ = f.Chmod(OwnFile) // a file system may know no permissions
	}
}

// MayGrow refuses what the process's limit on the size of files forbids, before
// the kernel sends a signal that ends a program which is not all Go.
func MayGrow(size int64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil || uint64(limit.Cur) >= uint64(size) {
		return nil // the file system knows its own
	}
	return fmt.Errorf("limit on the size of files: %w", syscall.EFBIG)
}
