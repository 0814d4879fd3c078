package place

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// AsideFiles returns what was set aside beside a mirror, the files of a log
// included: what cannot be listed is not there. The path itself may hold what a
// pattern would take for something else.
func AsideFiles(path string) (files []string) {
	entries, _ := os.ReadDir(filepath.Dir(path))
	prefix := filepath.Base(path) + DamagedInfix
	for _, e := range entries {
		if beginsWith(e.Name(), prefix) {
			files = append(files, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return files
}

// beginsWith compares as the file system does: Windows does not tell case apart.
func beginsWith(name, prefix string) bool {
	if runtime.GOOS == "windows" {
		return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
	}
	return strings.HasPrefix(name, prefix)
}

// AsideOf returns the name of a file that was at the path and was set aside, by
// whichever process, and "" for one that was deleted.
func AsideOf(path string, file os.FileInfo) string {
	for _, name := range AsideFiles(path) {
		if info, err := os.Lstat(name); err == nil && os.SameFile(info, file) {
			return name
		}
	}
	return ""
}

// HasLog reports whether a mirror was at the path: its log is.
func HasLog(path string) bool {
	file, err := os.Stat(path + "-wal")
	return err == nil && file.Size() > 0
}

// WasDamaged reports whether a mirror was set aside at the path, by a process
// that may have ended before it put another one there.
func WasDamaged(path string) bool {
	return len(AsideFiles(path)) > 0
}
