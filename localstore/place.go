package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// locate follows the path that was asked for to the file that it leads to, and
// makes that file's own path the Store's: what is opened, made, set aside and
// erased is the file, and never a link to it. Where nothing lies at the path the
// error is fs.ErrNotExist.
func (s *DB) locate() (os.FileInfo, error) {
	path, file, err := findFile(s.asked)
	if path != "" {
		s.path = path
	}
	return file, err
}

// findFile returns the file that a path leads to, if a mirror may be there: a
// regular file of this user or root, or none, in a directory that strangers
// cannot write.
func findFile(path string) (real string, file os.FileInfo, err error) {
	at, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if out := throughNull(path, nil); out != nil { // what Windows has no other error for
			return "", nil, out
		}
		if refused := checkDirectory(path); refused != nil {
			err = refused
		}
		return path, nil, err
	case err != nil:
		return "", nil, throughNull(path, err)
	case at.Mode()&fs.ModeSymlink == 0:
		return path, at, checkFile(path, at)
	}
	if err := checkOwner(path, at); err != nil {
		return "", nil, err
	}
	if err := checkDirectory(path); err != nil { // where anybody could lead it elsewhere
		return "", nil, err
	}
	if leadsToNull(path) {
		return "", nil, optedOut(path)
	}
	real, file, err = followLink(path)
	if err != nil {
		return "", nil, err
	}
	if isNull(real, file) {
		return "", nil, optedOut(path)
	}
	return real, file, checkFile(real, file)
}

// followLink returns what a link leads to.
func followLink(link string) (real string, file os.FileInfo, err error) {
	if file, err = os.Stat(link); err == nil {
		real, err = filepath.EvalSymlinks(link)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, fmt.Errorf("%w: it is a link to nothing", ErrNotMirror) // something is there
	case errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR):
		return "", nil, fmt.Errorf("%w: it is a link: %w", ErrNotMirror, err)
	}
	return real, file, err
}

// throughNull tells a path below a link to the null device from one that cannot
// be there for another reason.
func throughNull(path string, cause error) error {
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		at, err := os.Lstat(dir)
		if err != nil {
			continue
		}
		if at.Mode()&fs.ModeSymlink != 0 {
			if leadsToNull(dir) {
				return optedOut(dir)
			}
			if to, file, err := followLink(dir); err == nil && isNull(to, file) {
				return optedOut(dir)
			}
		}
		break
	}
	return cause
}

func optedOut(link string) error {
	return fmt.Errorf("%w: %w: %s is a link to the null device", ErrNotMirror, ErrOptedOut, link)
}

func checkFile(path string, file os.FileInfo) error {
	if what := irregular(file.Mode()); what != "" {
		return fmt.Errorf("%w: it is %s", ErrNotMirror, what)
	}
	if err := checkWriters(path, file); err != nil {
		return err
	}
	return checkBeside(path)
}

// checkWriters refuses a file that others than this user and root could have
// written, or put there.
func checkWriters(path string, file os.FileInfo) error {
	if err := checkOwner(path, file); err != nil {
		return err
	}
	const others = 0o002
	if restrictsByMode && file.Mode()&others != 0 {
		return fmt.Errorf("%w: every user can write %s, which has mode %v", ErrUntrusted, path, file.Mode())
	}
	return checkDirectory(path)
}

// irregular says what lies at a path in place of a regular file. Opening some of
// it waits for ever, or does what the device does.
func irregular(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// besideSuffixes name the files that SQLite keeps beside a database.
var besideSuffixes = [...]string{"-wal", "-shm", journalSuffix}

const journalSuffix = "-journal"

// checkReached is checkWriters for a file that is reached through any links, and
// for the link at the path.
func checkReached(path string, file os.FileInfo) error {
	at, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if at.Mode()&fs.ModeSymlink != 0 {
		if err := checkOwner(path, at); err != nil {
			return err
		}
		if err := checkDirectory(path); err != nil {
			return err
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	return checkWriters(path, file)
}

// checkBeside refuses what SQLite would open beside a mirror that is no file, or
// a stranger's: SQLite takes over into the mirror what it finds in a log.
func checkBeside(path string) error {
	for _, suffix := range besideSuffixes {
		file, err := os.Lstat(path + suffix)
		if err != nil {
			continue
		}
		if what := irregular(file.Mode()); what != "" {
			return fmt.Errorf("%w: %s beside it is %s", ErrNotMirror, filepath.Base(path)+suffix, what)
		}
		if err := checkOwner(path+suffix, file); err != nil {
			return err
		}
	}
	return nil
}

// hasBeside reports whether files of a database lie beside it: it was open when
// it was emptied or deleted, and may be open still.
func hasBeside(path string) bool {
	for _, suffix := range besideSuffixes {
		if _, err := os.Lstat(path + suffix); err == nil {
			return true
		}
	}
	return false
}

// makeDirectory makes a directory, with those it lies in, for this user alone.
// What root makes belongs to the owner of the nearest one that was there.
func makeDirectory(dir string) error {
	var missing []string
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break // Mkdir meets any other error
		}
		missing = append(missing, at)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], ownDirectory); err == nil {
			giveDirectory(missing[i])
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// createFile makes an empty file that only this user can read: SQLite gives
// the files beside it the same owner and permissions. One that is there is left
// alone.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, ownFile)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	giveFile(f)
	setPermissions(f, ownFile)
	return f.Close()
}

// What is made is for this user alone.
const (
	ownFile      fs.FileMode = 0o600
	ownDirectory fs.FileMode = 0o700
)

// setPermissions gives a file that was made its permissions whatever the umask. A file
// system that knows no permissions refuses that and needs none of it.
func setPermissions(f *os.File, mode fs.FileMode) {
	if info, err := f.Stat(); err == nil && info.Mode().Perm() != mode {
		_ = f.Chmod(mode)
	}
}
