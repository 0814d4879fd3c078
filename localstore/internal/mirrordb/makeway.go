package mirrordb

import (
	"errors"
	"io/fs"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
)

// makeWay moves the file beside the database of the Python library, if that is
// what lies at its path. It is called where there is no mirror at the path.
func (db *DB) makeWay() bool {
	beside, ok := python.MirrorPath(db.asked)
	if ok {
		db.asked, db.path = beside, beside
	}
	return ok
}

// makeWayForJournal is makeWay before the file at the path is opened.
func (db *DB) makeWayForJournal() bool { return python.HasJournal(db.path, db.asked) && db.makeWay() }

// makeWayForUnreadable is makeWay for a file that this user may not read. Who only
// looks at a mirror goes where another process has.
func (db *DB) makeWayForUnreadable() bool {
	return python.MayHide(db.path, db.asked, db.ReadOnly || db.Existing) && db.makeWay()
}

// PathOf returns where the mirror of an absolute path is, or will be made, and
// where it was looked for.
func PathOf(path string) (file, asked string, err error) {
	s := New(path, Options{})
	s.makeWay()
	if _, err := s.Locate(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	return s.path, s.asked, nil
}
