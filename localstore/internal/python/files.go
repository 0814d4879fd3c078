package python

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// ErrOriginal is met where a database of the library cannot be read. Package
// localstore documents it for its callers.
var ErrOriginal = errors.New("localstore: database of the Python library cannot be imported")

// Files is where the Python library keeps its database: the
// master, and what it did not upload yet.
type Files struct{ Master, Part string }

func FilesOf(path string) Files {
	base := strings.TrimSuffix(path, extension(path))
	return Files{Master: base + ".db", Part: base + ".part.db"}
}

// extension is that of Python's os.path.splitext, which the Python library replaces:
// the dots that a hidden file's name begins with are none.
func extension(path string) string {
	ext := filepath.Ext(path)
	name := path[:len(path)-len(ext)]
	for i := len(name) - 1; i >= 0 && !os.IsPathSeparator(name[i]); i-- {
		if name[i] != '.' {
			return ext
		}
	}
	return ""
}

// begun reports whether the Python library made files in which nothing shows yet: its
// master is empty until the first upload, and a killed program may have left the
// journal of its first transaction; or files that this user may not read.
func (r Files) begun() bool {
	master, ok := trusted(r.Master)
	_, uploads := trusted(r.Part)
	return ok && uploads && (master.Size() == 0 || exists(r.Master+place.JournalSuffix) || forbidden(r.Master))
}

// Distrusted says why files are not looked at: others could have written them.
func (r Files) Distrusted() error {
	for _, path := range []string{r.Master, r.Part} {
		if file, err := os.Stat(path); err == nil && file.Mode().IsRegular() {
			if err := place.CheckReached(path, file); errors.Is(err, place.ErrUntrusted) {
				return err
			}
		}
	}
	return nil
}

// Found reports whether there is something to import: not in the mirror itself.
// What cannot be read may be.
func (r Files) Found(mirror string) bool {
	if r.Master == mirror {
		return false
	}
	return isDatabase(r.Master) || isDatabase(r.Part) || forbidden(r.Master) || forbidden(r.Part)
}

// forbidden reports whether a file is there and this user may not read it.
func forbidden(path string) bool {
	_, ok := trusted(path)
	return ok && place.Denied(path, false) != nil
}

// trusted reports whether a regular file lies at a path that nobody else could
// have written.
func trusted(path string) (os.FileInfo, bool) {
	file, err := os.Stat(path)
	return file, err == nil && file.Mode().IsRegular() && place.CheckReached(path, file) == nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
