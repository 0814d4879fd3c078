package mirrordb

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// Where an open file keeps its name, as on Windows, the last process that has a
// damaged mirror open sets it aside. Each process closes it once it meets the
// damage itself or finds the note that another one left. Until then nobody opens it
// again except to check whether it is damaged, and counts wait in memory.

// NoteSuffix names the note that a mirror is damaged and to be closed.
const NoteSuffix = ".damaged"

// errNoted is met where a note lies beside a mirror.
var errNoted = errors.New("localstore: another process found it damaged")

// setAsideOnceClosed asks the processes that have a damaged mirror open to close
// it, and sets it aside. It waits for them for the busy timeout: a process that has
// not noticed by then does so with its next recording. The caller holds the lock
// file.
func (db *DB) setAsideOnceClosed(unreadable bool) (aside string, err error) {
	aside, err = place.SetAside(db.path, db.Now())
	if !place.IsHeld(err) {
		return aside, err
	}
	// Where it cannot be written the others meet the damage themselves.
	_ = os.WriteFile(db.path+NoteSuffix, []byte(Note(place.FileID(db.path), unreadable)), 0o600)
	ends, until := sqlitedb.OrBackground(db.ends), time.Now().Add(db.Patience())
	for place.IsHeld(err) && !db.held.waited && ends.Err() == nil && time.Now().Before(until) {
		aside, err = place.SetAside(db.path, db.Now())
	}
	if !place.IsHeld(err) {
		db.held.waited = false
		return aside, err
	}
	db.held.waited = db.held.waited || db.Patience() == db.BusyLimit()
	return aside, fmt.Errorf("%w: it is damaged, and cannot be set aside while it is open elsewhere: %w", ErrBusy, err)
}

// Note names a damaged file, and says whether a check of SQLite finds the damage:
// whoever reads it is to know both.
func Note(file string, unreadable bool) string {
	if unreadable {
		return "unreadable " + file + "\n"
	}
	return "damaged " + file + "\n"
}

// IsNoted reports whether the mirror is to be closed.
func (db *DB) IsNoted() bool {
	if !place.OpenKeepsName {
		return false
	}
	file, err := os.Lstat(db.path + NoteSuffix)
	return err == nil && file.Mode().IsRegular() && !file.ModTime().Equal(db.held.disbelieved)
}

// notedUnreadable reports whether a note says of the file at the path what no
// check finds again.
func (db *DB) notedUnreadable() bool {
	if !db.IsNoted() {
		return false
	}
	text, err := os.ReadFile(db.path + NoteSuffix)
	id := place.FileID(db.path)
	return err == nil && id != "" && strings.TrimSpace(string(text)) == strings.TrimSpace(Note(id, true))
}

// removeNote takes the note away once the mirror was set aside, or turned out
// sound. Where it cannot, this Store goes by another note alone.
func (db *DB) removeNote() {
	if !place.OpenKeepsName {
		return
	}
	path := db.path + NoteSuffix
	if file, err := os.Lstat(path); err == nil {
		db.held.disbelieved = file.ModTime()
		_ = place.Remove(path)
	}
}
