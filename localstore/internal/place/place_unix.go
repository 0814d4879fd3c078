//go:build unix

package place

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

// Owner returns who owns a file, false where the file system does not say.
func Owner(file os.FileInfo) (uid, gid int, ok bool) {
	stat, ok := file.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(stat.Uid), int(stat.Gid), true
}

// restrictsByMode: a file's mode says who may write it.
const restrictsByMode = true

// NeverWait opens a pipe without its other end, and no terminal as this
// process's own.
const NeverWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// CheckOwner refuses what another user owns, who could have written anything
// into it. Root is trusted. Root itself also takes what belongs to the owner of
// the directory: it works in that user's home.
func CheckOwner(path string, file os.FileInfo) error {
	uid, _, ok := Owner(file)
	me := os.Geteuid()
	if !ok || uid == me {
		return nil // whatever the directory says
	}
	home := me
	if dir, err := os.Stat(filepath.Dir(path)); err == nil {
		home, _, _ = Owner(dir)
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

// CheckDirectory refuses a directory in which every user can replace files of
// others.
func CheckDirectory(path string) error {
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

// Strangers says who else than this user and root can write a file, or could
// have put it there; "" for nobody. This user's own group is no stranger: with a
// umask of 002 it is often that of one person.
func Strangers(path string, file os.FileInfo) string {
	const others, group = 0o002, 0o020
	uid, gid, ok := Owner(file)
	switch mode := file.Mode(); {
	case CheckOwner(path, file) != nil:
		return fmt.Sprintf("belongs to user %d", uid)
	case CheckDirectory(path) != nil:
		return "lies in a directory that every user can write in"
	case mode&fs.ModeSymlink != 0: // its mode says nothing
	case mode&others != 0:
		return "can be written by every user"
	case mode&group != 0 && ok && !ownGroup(path, gid):
		return fmt.Sprintf("can be written by group %d", gid)
	}
	return ""
}

// ownGroup reports whether a group is this user's, or root's; for root also that
// of the directory, as with owners.
func ownGroup(path string, gid int) bool {
	if gid == 0 || gid == os.Getegid() {
		return true
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || os.Geteuid() != 0 {
		return false
	}
	_, home, ok := Owner(dir)
	return ok && gid == home
}

// Ours reports whether this user may replace a file. Root may replace what it
// trusts; what a user trusts need not belong to that user.
func Ours(path string, file os.FileInfo) bool {
	uid, _, ok := Owner(file)
	me := os.Geteuid()
	return !ok || uid == me || me == 0 && CheckOwner(path, file) == nil
}

// MayLeadTo reports whether the owners of links could write what they lead to:
// root must not be led by a user to a file of its own.
func MayLeadTo(links []os.FileInfo, file os.FileInfo) bool {
	to, _, ok := Owner(file)
	for _, link := range links {
		if from, _, known := Owner(link); ok && known && from != 0 && from != to {
			return false
		}
	}
	return true
}

// GiveAs gives a file the owner and the permissions of another one, but lets no
// others write it.
func GiveAs(f *os.File, was os.FileInfo) {
	const writeOthers, rw = 0o022, 0o600
	if uid, gid, ok := Owner(was); ok {
		if os.Geteuid() != 0 {
			uid = -1
		}
		_ = f.Chown(uid, gid) // a group that this user is not in
	}
	SetPermissions(f, was.Mode().Perm()&^writeOthers|rw)
}

// CloseToOthers takes from others what lets them lock a file of this user's.
func CloseToOthers(path string, file os.FileInfo) {
	uid, _, ok := Owner(file)
	if ok && uid == os.Geteuid() && file.Mode().Perm()&^FileMode != 0 {
		_ = os.Chmod(path, FileMode) // at worst it is busy
	}
}

// GiveFile gives a file that root made to the owner of its directory, so that
// this user's own processes can go on with it. A file system without owners
// refuses that and needs none of it.
func GiveFile(f *os.File) {
	if os.Geteuid() != 0 {
		return
	}
	dir, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return
	}
	if uid, gid, ok := Owner(dir); ok && uid != 0 {
		_ = f.Chown(uid, gid)
	}
}

// giveDirectory is GiveFile for a directory. It is opened, not named, so that
// nobody can put a link to something else in its place.
func giveDirectory(path string) {
	if info, err := os.Lstat(path); err == nil && info.IsDir() && info.Mode().Perm()&DirectoryMode != DirectoryMode {
		_ = os.Chmod(path, DirectoryMode) // a umask took away what this user needs
	}
	if os.Geteuid() != 0 {
		return
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	GiveFile(f)
	_ = f.Close()
}

// Denied returns what keeps this user from opening a mirror, nil where it is no
// permission: SQLite has one code for all that can go wrong there. Nothing is
// opened, because closing a file drops the locks that the process has on it.
func Denied(path string, write bool) error {
	const execute, writing, reading = 1, 2, 4
	mode := uint32(reading)
	if write {
		mode |= writing
		if err := syscall.Access(filepath.Dir(path), writing|execute); IsDenied(err) {
			return err
		}
	}
	for _, suffix := range append([]string{""}, BesideSuffixes[:]...) {
		if err := syscall.Access(path+suffix, mode); IsDenied(err) {
			return err
		}
	}
	return nil
}

// WriteDenied returns what keeps this user from making files in a directory.
func WriteDenied(dir string) error {
	const execute, writing = 1, 2
	if err := syscall.Access(dir, writing|execute); IsDenied(err) {
		return err
	}
	return nil
}

func IsDenied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
