package sqlitedb

import (
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Limit bounds what a statement loads into memory: what is longer is an error,
// see tooLong.
func (c *Conn) Limit(bytes int) {
	_, _ = sqlite.Limit(c.conn, sqlite3.SQLITE_LIMIT_LENGTH, bytes) // the connection is open
}

// MaxLoaded is how much a reading loads at most of one text, by accident too.
const MaxLoaded = 32 << 20

// Unlimited leaves SQLite's own bound.
const Unlimited = 1_000_000_000
