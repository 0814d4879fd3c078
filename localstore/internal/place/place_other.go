//go:build !unix

package place

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func isNull(path string, file os.FileInfo) bool {
	return file.Mode()&fs.ModeDevice != 0 && strings.EqualFold(filepath.Base(path), os.DevNull)
}

// Who may do what with a file is no matter of its mode here: a user's
// directories are closed to others by what they inherit.
func CheckOwner(string, os.FileInfo) error { return nil }
func CheckDirectory(string) error          { return nil }
func GiveFile(*os.File)                    {}
func giveDirectory(string)                 {}

func Owner(os.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }
func Strangers(string, os.FileInfo) string      { return "" }
func Ours(string, os.FileInfo) bool             { return true }
func MayLeadTo([]os.FileInfo, os.FileInfo) bool { return true }
func CloseToOthers(string, os.FileInfo)         {}
func GiveAs(*os.File, os.FileInfo)              {}
func IsDenied(err error) bool                   { return errors.Is(err, fs.ErrPermission) }

// restrictsByMode: it does not.
const restrictsByMode = false

// NeverWait: there are no pipes in directories here.
const NeverWait = 0

// Denied returns what keeps this user from opening a mirror, nil where it is no
// permission.
func Denied(path string, write bool) error {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err == nil {
		_ = f.Close() // nothing was written
	}
	return nil
}

// WriteDenied: a directory does not say here whether files can be made in it.
func WriteDenied(string) error { return nil }
