package localstore

import (
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// limit bounds what a statement loads into memory: what is longer is an error,
// see tooLong.
func (c *connection) limit(bytes int) {
	_, _ = sqlite.Limit(c.conn, sqlite3.SQLITE_LIMIT_LENGTH, bytes) // the connection is open
}

// maxLoaded is how much a reading loads at most of one text, by accident too.
const maxLoaded = 32 << 20

// unlimited leaves SQLite's own bound.
const unlimited = 1_000_000_000
