package localstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// ErrReference is reported, and returned by submissions of lifetime totals,
// while a database of the reference implementation lies where it is to be
// imported from and cannot be read: totals without it would replace a user's
// years with small numbers.
var ErrReference = errors.New("localstore: database of the reference implementation cannot be imported")

// reference is where the reference implementation keeps its database: the
// master, and what it did not upload yet.
type reference struct{ master, part string }

func referenceOf(path string) reference {
	base := strings.TrimSuffix(path, extension(path))
	return reference{master: base + ".db", part: base + ".part.db"}
}

// extension is that of Python's os.path.splitext, which the reference replaces:
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

// mirrorSuffix takes the place of ".db" where the reference's master has the
// path that a mirror is asked for.
const mirrorSuffix = ".mirror.db"

// makeWay moves the Store beside the database of the reference, if that is what
// lies at its path, or is damaged there, or what is left of it: the configuration
// of an application that comes from the reference names it, and it is kept. The
// mirror stays beside it when the database is deleted later. It is called where
// there is no mirror at the path.
func (s *DB) makeWay() bool {
	r := referenceOf(s.asked)
	if s.asked != r.master || strings.HasSuffix(s.asked, mirrorSuffix) {
		return false
	}
	beside := strings.TrimSuffix(s.asked, ".db") + mirrorSuffix
	if _, err := os.Stat(beside); err != nil && !isReference(r.master) && !isReference(r.part) && !r.begun() {
		return false
	}
	s.asked, s.path = beside, beside
	return true
}

// makeWayForJournal is makeWay before the file at the path is opened: SQLite
// would roll back into the original what a killed program left in its journal.
func (s *DB) makeWayForJournal() bool {
	if !exists(s.path + place.JournalSuffix) {
		return false
	}
	return (isReference(s.path) || referenceOf(s.asked).begun() && !isMirror(s.path)) && s.makeWay()
}

// makeWayForUnreadable is makeWay for a file that this user may not read, and
// that lies where the reference has its database: counting goes on beside it, and
// it is imported once it can be read. Who only looks at a mirror goes there where
// another process has. What nothing shows to be the reference's may be a mirror,
// and decisions that were made beside it would not hold for it.
func (s *DB) makeWayForUnreadable() bool {
	beside := strings.TrimSuffix(s.asked, ".db") + mirrorSuffix
	if place.Denied(s.path, false) == nil || (s.readOnly || s.existing) && !exists(beside) || place.WriteDenied(filepath.Dir(s.asked)) != nil {
		return false
	}
	return s.makeWay()
}

// begun reports whether the reference made files in which nothing shows yet: its
// master is empty until the first upload, and a killed program may have left the
// journal of its first transaction; or files that this user may not read.
func (r reference) begun() bool {
	master, ok := trusted(r.master)
	_, uploads := trusted(r.part)
	return ok && uploads && (master.Size() == 0 || exists(r.master+place.JournalSuffix) || forbidden(r.master))
}

// distrusted says why files are not looked at: others could have written them.
func (r reference) distrusted() error {
	for _, path := range []string{r.master, r.part} {
		if file, err := os.Stat(path); err == nil && file.Mode().IsRegular() {
			if err := place.CheckReached(path, file); errors.Is(err, place.ErrUntrusted) {
				return err
			}
		}
	}
	return nil
}

// found reports whether there is something to import: not in the mirror itself.
// What cannot be read may be.
func (r reference) found(mirror string) bool {
	if r.master == mirror {
		return false
	}
	return isReference(r.master) || isReference(r.part) || forbidden(r.master) || forbidden(r.part)
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
