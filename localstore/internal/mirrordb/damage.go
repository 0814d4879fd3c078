package mirrordb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// ReplaceDamaged moves a damaged mirror out of the way and puts a fresh one in
// its place. Processes that find the damage together take turns, and the later
// ones find the file replaced.
func (s *DB) ReplaceDamaged(cause error) error {
	if err := s.refuseForeign(cause); errors.Is(err, place.ErrNotMirror) {
		return err
	}
	return sqlitedb.WithLockFile(s.path+LockSuffix, s.Patience(), func() error {
		file, err := os.Stat(s.path)
		switch {
		case err == nil:
			// SQLite finds nothing wrong with what is unreadable; that
			// this is still the file it was read from has to do.
			unreadable := errors.Is(cause, series.ErrUnreadable) && s.file != nil && os.SameFile(file, s.file) || s.notedUnreadable()
			if !unreadable && !schema.IsDamaged(s.path, s.Patience()) {
				s.noticeSetAside()
				s.removeNote()
				return nil
			}
			s.salvage()
			s.lost = s.last.Mirror == ""
			aside, err := s.setAsideOnceClosed(unreadable)
			if errors.Is(err, ErrBusy) {
				return err
			} else if err != nil {
				if aside, err = s.copyAside(err); err != nil {
					return err
				}
			}
			s.inherits, s.recorded = true, false
			s.Report(fmt.Errorf("mirror is damaged and was set aside as %s: %w", aside, cause))
		case !errors.Is(err, fs.ErrNotExist):
			return err // it may be there, and sound
		}
		return s.place()
	})
}

// salvage reads from a damaged file what its successor takes over, unless this
// process knows it. Most damage leaves that one row legible.
func (s *DB) salvage() {
	if s.last.Mirror != "" {
		return
	}
	conn, err := sqlitedb.Open(s.path, true, s.Patience())
	if err != nil {
		return
	}
	var h Header
	if errors.Is(schema.RefuseViews(conn, schema.ErrNoMirror), schema.ErrNoMirror) {
		_ = conn.Close() // read-only
		return
	}
	_, _ = conn.Exec("PRAGMA writable_schema = 1") // lets a file that was cut off be read
	err = conn.QueryRow(`SELECT installation_id, mode, mode_since, require_consent FROM mirror`).
		Scan(&h.Installation, &h.Mode, &h.modeSince, &h.RequireConsent)
	if err == nil && schema.CheckInstallationID(h.Installation) == nil && h.Mode >= consent.ModeUnset && h.Mode <= consent.ModeOn {
		s.last = h
	}
	_ = conn.Close() // of a damaged file
}

// noticeSetAside tells, once, that the file this Store recorded into was set
// aside by somebody else: what it holds is not in the mirror any more.
func (s *DB) noticeSetAside() {
	if s.file == nil {
		return
	}
	aside := place.AsideOf(s.path, s.file)
	if aside == "" {
		return
	}
	s.inherits = true
	if s.recorded {
		s.recorded = false
		s.Report(fmt.Errorf("mirror was found damaged by another process, which set it aside as %s", aside))
	}
}

// heed sets a mirror aside that another process found damaged, before it is
// opened again.
func (s *DB) heed() error {
	if s.Existing {
		return fmt.Errorf("%w: %w", ErrDamaged, errNoted)
	}
	return s.ReplaceDamaged(errNoted)
}
