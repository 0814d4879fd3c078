//go:build !unix

package localstore

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
func checkOwner(string, os.FileInfo) error { return nil }
func checkDirectory(string) error          { return nil }
func giveFile(*os.File)                    {}
func giveDirectory(string)                 {}

func owner(os.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }
func strangers(string, os.FileInfo) string      { return "" }
func ours(string, os.FileInfo) bool             { return true }
func mayLeadTo([]os.FileInfo, os.FileInfo) bool { return true }
func closeToOthers(string, os.FileInfo)         {}
func giveAs(*os.File, os.FileInfo)              {}
func isDenied(err error) bool                   { return errors.Is(err, fs.ErrPermission) }

// restrictsByMode: it does not.
const restrictsByMode = false

// neverWait: there are no pipes in directories here.
const neverWait = 0

// denied returns what keeps this user from opening a mirror, nil where it is no
// permission.
func denied(path string, write bool) error {
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

// writeDenied: a directory does not say here whether files can be made in it.
func writeDenied(string) error { return nil }
