package localstore

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	base := strings.TrimSuffix(path, filepath.Ext(path))
	return reference{master: base + ".db", part: base + ".part.db"}
}

// mirrorSuffix takes the place of ".db" where the reference's master has the
// path that a mirror is asked for.
const mirrorSuffix = ".mirror.db"

// makeWay moves the Store beside the database of the reference, if that is what
// lies at its path, or is damaged there, or what is left of it: the configuration
// of an application that comes from the reference names it, and it is kept. The
// mirror stays beside it when the database is deleted later. It is called where
// there is no mirror at the path.
func (s *Store) makeWay() bool {
	r := referenceOf(s.asked)
	if s.asked != r.master || strings.HasSuffix(s.asked, mirrorSuffix) {
		return false
	}
	beside := strings.TrimSuffix(s.asked, ".db") + mirrorSuffix
	if _, err := os.Stat(beside); err != nil && !isReference(r.master) && !isReference(r.part) {
		return false
	}
	s.asked, s.path = beside, beside
	return true
}

// found reports whether there is something to import: not in the mirror itself.
func (r reference) found(mirror string) bool {
	return r.master != mirror && (isReference(r.master) || isReference(r.part))
}

// distrusted says why files are not looked at: others could have written them.
func (r reference) distrusted() error {
	for _, path := range []string{r.master, r.part} {
		if file, err := os.Stat(path); err == nil && file.Mode().IsRegular() {
			if err := checkReached(path, file); errors.Is(err, ErrUntrusted) {
				return err
			}
		}
	}
	return nil
}

// isReference reports whether a file is a database of the reference, or shows
// that it was: a damaged one must not be taken for a damaged mirror.
func isReference(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || checkBeside(path) != nil || checkReached(path, info) != nil {
		return false
	}
	if n, err := countTables(path, tableInfo); err == nil {
		return n > 0
	}
	return shows(path, tableInfo) // damaged, or in use by the reference
}

func countTables(path, name string) (n int64, err error) {
	c, err := connect(path, true, 0)
	if err != nil {
		return 0, err
	}
	n, err = c.find(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1`, name)
	return n, errors.Join(err, c.close())
}

// shows reports whether a text stands in the beginning of a file that SQLite
// cannot read. A mirror is not looked at: closing a file drops the locks that the
// process has on it. The reference has no write-ahead log.
func shows(path, text string) bool {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return false
	}
	f, _, err := openFile(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, markLimit))
	return err == nil && !hasApplicationID(start) && bytes.Contains(start, []byte(text))
}
