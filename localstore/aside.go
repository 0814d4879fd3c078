package localstore

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// asideFiles returns what was set aside beside a mirror, the files of a log
// included: what cannot be listed is not there. The path itself may hold what a
// pattern would take for something else.
func asideFiles(path string) (files []string) {
	entries, _ := os.ReadDir(filepath.Dir(path))
	prefix := filepath.Base(path) + damagedInfix
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

// asideOf returns the name of a file that was at the path and was set aside, by
// whichever process, and "" for one that was deleted.
func asideOf(path string, file os.FileInfo) string {
	for _, name := range asideFiles(path) {
		if info, err := os.Lstat(name); err == nil && os.SameFile(info, file) {
			return name
		}
	}
	return ""
}
