package mirrordb

import (
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// release closes a connection if the file at its path is still the one that it has
// open.
func (db *DB) release(conn *sqlitedb.Conn) {
	if file, err := os.Stat(db.path); err != nil || !os.SameFile(file, db.file) {
		conn.Abandon()
		return
	}
	_ = conn.Close() // it has failed already
}

// Leave gives up the connection to a damaged file.
func (db *DB) Leave() {
	if db.Conn != nil {
		db.abandon(db.Conn)
		db.Conn = nil
	}
}

func (db *DB) abandon(conn *sqlitedb.Conn) {
	conn.Abandon()
	if !place.OpenKeepsName {
		db.left = conn
	}
}

// leaveReader closes the connection of a reader and removes the files that it made
// beside the mirror, which a read-only connection cannot do. SQLite removes them
// only for the last connection that closes.
func (db *DB) leaveReader(conn *sqlitedb.Conn, file os.FileInfo) error {
	err := conn.Close()
	if !conn.Alone || place.HasLog(db.path) || !place.HasBeside(db.path) {
		return err
	}
	if now, statErr := os.Stat(db.path); statErr != nil || !os.SameFile(file, now) || now.Size() == 0 {
		return err
	}
	last, lastErr := sqlitedb.Open(db.path, false, 0)
	if lastErr != nil {
		return err // whoever opens the mirror next goes by them
	}
	_, _ = last.JournalMode() // opens the log, for it to be removed
	_ = last.Close()
	return err
}
