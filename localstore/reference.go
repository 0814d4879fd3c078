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

// found reports whether there is something to import.
func (r reference) found() bool { return isReference(r.master) || isReference(r.part) }

// mirrorSuffix takes the place of ".db" where the reference's master has the
// path that a mirror is asked for.
const mirrorSuffix = ".mirror.db"

// mirrorPath returns where the mirror of a path lies. The configuration of an
// application that comes from the reference names the reference's own database,
// which is kept: the mirror then lies beside it, and stays there when the
// database is deleted later.
func mirrorPath(path string) string {
	r := referenceOf(path)
	if path != r.master || hasApplicationID(head(path, headerSize)) {
		return path
	}
	beside := strings.TrimSuffix(path, ".db") + mirrorSuffix
	if _, err := os.Stat(beside); err == nil || r.found() {
		return beside
	}
	return path
}

// isReference reports whether a file shows that it is, or was, a database of
// the reference. A damaged one must not be taken for a damaged mirror.
func isReference(path string) bool {
	return !hasApplicationID(head(path, headerSize)) && bytes.Contains(head(path, markLimit), []byte(tableInfo))
}

// headerSize is how much of a file SQLite's header takes.
const headerSize = 100

// head returns the beginning of a regular file, nothing where there is none.
func head(path string, limit int64) []byte {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil
	}
	return start
}
