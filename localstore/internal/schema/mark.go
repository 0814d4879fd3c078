package schema

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// ErrNoMirror is met in a sound database without a mirror's one row: a mirror
// that was emptied under a running process.
var ErrNoMirror = errors.New("localstore: no mirror in the file")

// hasNoMirror reports whether a sound file of ours has lost its one row, the ids
// in it, the number of its schema, or a table to a view.
func hasNoMirror(c *sqlitedb.Conn) bool {
	if id, err := c.Pragma("application_id"); err != nil || id != ApplicationID {
		return false // somebody else's
	}
	if _, err := VersionOf(c); errors.Is(err, ErrNoMirror) || errors.Is(RefuseViews(c, ErrNoMirror), ErrNoMirror) {
		return true
	}
	n, err := c.Find(`SELECT count(*) FROM mirror WHERE ` + Loaded("mirror_id", Nothing) + ` IS NOT NULL AND ` + Loaded("installation_id", Nothing) + ` IS NOT NULL`)
	return n == 0 && (err == nil || sqlitedb.HasCode(err, sqlitedb.CodeError))
}

// VersionOf returns the number of a file's schema, 0 for a file that is
// being made. The number and the mark of a mirror are written together.
func VersionOf(c *sqlitedb.Conn) (version int64, err error) {
	if version, err = c.Pragma("user_version"); err != nil || version > 0 {
		return version, err
	}
	id, err := c.Pragma("application_id")
	if err == nil && (version < 0 || id == ApplicationID) {
		err = fmt.Errorf("%w: schema %d", ErrNoMirror, version)
	}
	return version, err
}

// MarkLimit is how much of a file is searched for traces of a mirror.
const MarkLimit = 1 << 20

// HasApplicationID looks where SQLite's file format keeps it, at offset 68.
func HasApplicationID(start []byte) bool {
	const offset = 68
	return len(start) >= offset+4 && bytes.Equal(start[offset:offset+4], []byte("OTUs"))
}
