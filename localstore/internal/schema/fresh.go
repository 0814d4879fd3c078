package schema

import (
	"errors"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// The file format's two bytes that say how a database is written: with a write-ahead
// log, which a database in memory does not have.
const (
	writtenAt, readAt = 18, 19
	withLog           = 2
)

// Fresh returns the content of a file that is a fresh mirror, of the row that create
// returns; logged says that it is to have a write-ahead log. It is made in memory: in a
// file, SQLite would write and synchronize a journal to choose the log, the log, and
// the pages.
func Fresh(create func() []any, logged bool) (content []byte, err error) {
	c, err := sqlitedb.OpenSource(":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := Migrate(c, create); err != nil {
		return nil, err
	}
	if content, err = c.Content(); err == nil && logged {
		content[writtenAt], content[readAt] = withLog, withLog
	}
	return content, err
}
