package place

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Find returns the file that a path leads to, if a mirror may be there: a
// regular file of this user or root, or none, in a directory that strangers
// cannot write.
func Find(path string) (real string, file os.FileInfo, err error) {
	at, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if out := throughNull(path, nil); out != nil { // what Windows has no other error for
			return "", nil, out
		}
		if refused := CheckDirectory(path); refused != nil {
			err = refused
		}
		return path, nil, err
	case err != nil:
		return "", nil, throughNull(path, err)
	case at.Mode()&fs.ModeSymlink == 0:
		return path, at, checkFile(path, at)
	}
	if err := CheckOwner(path, at); err != nil {
		return "", nil, err
	}
	if err := CheckDirectory(path); err != nil { // where anybody could lead it elsewhere
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
	if what := Irregular(file.Mode()); what != "" {
		return fmt.Errorf("%w: it is %s", ErrNotMirror, what)
	}
	if err := CheckWriters(path, file); err != nil {
		return err
	}
	return CheckBeside(path)
}

// CheckWriters refuses a file that others than this user and root could have
// written, or put there.
func CheckWriters(path string, file os.FileInfo) error {
	if err := CheckOwner(path, file); err != nil {
		return err
	}
	const others = 0o002
	if restrictsByMode && file.Mode()&others != 0 {
		return fmt.Errorf("%w: every user can write %s, which has mode %v", ErrUntrusted, path, file.Mode())
	}
	return CheckDirectory(path)
}

// Irregular says what lies at a path in place of a regular file. Opening some of
// it waits for ever, or does what the device does.
func Irregular(mode fs.FileMode) string {
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

// BesideSuffixes name the files that SQLite keeps beside a database.
var BesideSuffixes = [...]string{"-wal", "-shm", JournalSuffix}

const JournalSuffix = "-journal"

// CheckReached is CheckWriters for a file that is reached through any links, and
// for the link at the path.
func CheckReached(path string, file os.FileInfo) error {
	at, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if at.Mode()&fs.ModeSymlink != 0 {
		if err := CheckOwner(path, at); err != nil {
			return err
		}
		if err := CheckDirectory(path); err != nil {
			return err
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	return CheckWriters(path, file)
}

// CheckBeside refuses what SQLite would open beside a mirror that is no file, or
// a stranger's: SQLite takes over into the mirror what it finds in a log.
func CheckBeside(path string) error {
	for _, suffix := range BesideSuffixes {
		file, err := os.Lstat(path + suffix)
		if err != nil {
			continue
		}
		if what := Irregular(file.Mode()); what != "" {
			return fmt.Errorf("%w: %s beside it is %s", ErrNotMirror, filepath.Base(path)+suffix, what)
		}
		if err := CheckOwner(path+suffix, file); err != nil {
			return err
		}
	}
	return nil
}

// HasBeside reports whether files of a database lie beside it: it was open when
// it was emptied or deleted, and may be open still.
func HasBeside(path string) bool {
	for _, suffix := range BesideSuffixes {
		if _, err := os.Lstat(path + suffix); err == nil {
			return true
		}
	}
	return false
}

// MakeDirectory makes a directory, with those it lies in, for this user alone.
// What root makes belongs to the owner of the nearest one that was there.
func MakeDirectory(dir string) error {
	var missing []string
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break // Mkdir meets any other error
		}
		missing = append(missing, at)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], DirectoryMode); err == nil {
			giveDirectory(missing[i])
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// Create makes an empty file that only this user can read: SQLite gives
// the files beside it the same owner and permissions. One that is there is left
// alone.
func Create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, FileMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	GiveFile(f)
	SetPermissions(f, FileMode)
	return f.Close()
}

// What is made is for this user alone.
const (
	FileMode      fs.FileMode = 0o600
	DirectoryMode fs.FileMode = 0o700
)

// SetPermissions gives a file that was made its permissions whatever the umask. A file
// system that knows no permissions refuses that and needs none of it.
func SetPermissions(f *os.File, mode fs.FileMode) {
	if info, err := f.Stat(); err == nil && info.Mode().Perm() != mode {
		_ = f.Chmod(mode)
	}
}
