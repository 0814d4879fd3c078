package mirrordb

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// Where an open file keeps its name, a damaged mirror is set aside by the last
// process that has it open: each of them closes it, once it met the damage
// itself or finds the note that another one left. Until then nobody opens it
// again, but to look whether it is damaged, and what was counted waits.

// NoteSuffix names the note that a mirror is damaged and to be closed.
const NoteSuffix = ".damaged"

// errNoted is met where a note lies beside a mirror.
var errNoted = errors.New("localstore: another process found it damaged")

// setAsideOnceClosed asks whoever has a damaged mirror open to close it, and
// sets it aside. It waits for them as for a transaction, the busy timeout once:
// who did not notice by then does so with the next recording. The caller holds
// the lock file.
func (s *DB) setAsideOnceClosed(unreadable bool) (aside string, err error) {
	aside, err = place.SetAside(s.path, s.Now())
	if !place.IsHeld(err) {
		return aside, err
	}
	// Where it cannot be written the others meet the damage themselves.
	_ = os.WriteFile(s.path+NoteSuffix, []byte(Note(place.FileID(s.path), unreadable)), 0o600)
	ends, until := OrBackground(s.ends), time.Now().Add(s.Patience())
	for place.IsHeld(err) && !s.held.waited && ends.Err() == nil && time.Now().Before(until) {
		aside, err = place.SetAside(s.path, s.Now())
	}
	if !place.IsHeld(err) {
		s.held.waited = false
		return aside, err
	}
	s.held.waited = s.held.waited || s.Patience() == s.BusyLimit()
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
func (s *DB) IsNoted() bool {
	if !place.OpenKeepsName {
		return false
	}
	file, err := os.Lstat(s.path + NoteSuffix)
	return err == nil && file.Mode().IsRegular() && !file.ModTime().Equal(s.held.disbelieved)
}

// notedUnreadable reports whether a note says of the file at the path what no
// check finds again.
func (s *DB) notedUnreadable() bool {
	if !s.IsNoted() {
		return false
	}
	text, err := os.ReadFile(s.path + NoteSuffix)
	id := place.FileID(s.path)
	return err == nil && id != "" && strings.TrimSpace(string(text)) == strings.TrimSpace(Note(id, true))
}

// removeNote takes the note away once the mirror was set aside, or turned out
// sound. Where it cannot, this Store goes by another note alone.
func (s *DB) removeNote() {
	if !place.OpenKeepsName {
		return
	}
	path := s.path + NoteSuffix
	if file, err := os.Lstat(path); err == nil {
		s.held.disbelieved = file.ModTime()
		_ = place.Remove(path)
	}
}
