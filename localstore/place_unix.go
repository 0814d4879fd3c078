//go:build unix

package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// isNull reports whether a file is the null device, wherever its node lies.
func isNull(_ string, file os.FileInfo) bool {
	number, ok := deviceNumber(file)
	if !ok {
		return false
	}
	const linuxNull = 1<<8 | 3 // also where /dev is not mounted
	if runtime.GOOS == "linux" && number == linuxNull {
		return true
	}
	null, err := os.Stat(os.DevNull)
	if err != nil {
		return false
	}
	known, ok := deviceNumber(null)
	return ok && number == known
}

func deviceNumber(file os.FileInfo) (number uint64, ok bool) {
	stat, ok := file.Sys().(*syscall.Stat_t)
	if !ok || file.Mode()&fs.ModeCharDevice == 0 {
		return 0, false
	}
	return uint64(stat.Rdev), true
}

// owner returns who owns a file, false where the file system does not say.
func owner(file os.FileInfo) (uid, gid int, ok bool) {
	stat, ok := file.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(stat.Uid), int(stat.Gid), true
}

// checkOwner refuses what another user owns, who could have written anything
// into it. Root is trusted. Root itself also takes what belongs to the owner of
// the directory: it works in that user's home.
func checkOwner(path string, file os.FileInfo) error {
	uid, _, ok := owner(file)
	me := os.Geteuid()
	if !ok || uid == me {
		return nil // whatever the directory says
	}
	home := me
	if dir, err := os.Stat(filepath.Dir(path)); err == nil {
		home, _, _ = owner(dir)
	}
	if trusts(me, uid, home) {
		return nil
	}
	return fmt.Errorf("%w: %s belongs to user %d, this process runs as user %d", ErrUntrusted, path, uid, me)
}

func trusts(me, owner, home int) bool {
	const root = 0
	return owner == me || owner == root || me == root && owner == home
}

// checkDirectory refuses a directory in which every user can replace files of
// others.
func checkDirectory(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return nil // what opens the file meets it too
	}
	const others = 0o002
	if info.Mode()&others != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%w: every user can write in the directory %s, which has mode %v; one of its own below it would do", ErrUntrusted, dir, info.Mode())
	}
	return nil
}

// giveFile gives a file that root made to the owner of its directory, so that
// this user's own processes can go on with it. A file system without owners
// refuses that and needs none of it.
func giveFile(f *os.File) {
	if os.Geteuid() != 0 {
		return
	}
	dir, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return
	}
	if uid, gid, ok := owner(dir); ok && uid != 0 {
		_ = f.Chown(uid, gid)
	}
}

// giveDirectory is giveFile for a directory. It is opened, not named, so that
// nobody can put a link to something else in its place.
func giveDirectory(path string) {
	if os.Geteuid() != 0 {
		return
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	giveFile(f)
	_ = f.Close()
}

// denied returns what keeps this user from opening a mirror, nil where it is no
// permission: SQLite has one code for all that can go wrong there. Nothing is
// opened, because closing a file drops the locks that the process has on it.
func denied(path string, write bool) error {
	const execute, writing, reading = 1, 2, 4
	mode := uint32(reading)
	if write {
		mode |= writing
		if err := syscall.Access(filepath.Dir(path), writing|execute); isDenied(err) {
			return err
		}
	}
	for _, suffix := range append([]string{""}, besideSuffixes[:]...) {
		if err := syscall.Access(path+suffix, mode); isDenied(err) {
			return err
		}
	}
	return nil
}

// writeDenied returns what keeps this user from making files in a directory.
func writeDenied(dir string) error {
	const execute, writing = 1, 2
	if err := syscall.Access(dir, writing|execute); isDenied(err) {
		return err
	}
	return nil
}

func isDenied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
