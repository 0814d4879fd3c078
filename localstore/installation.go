package localstore

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const replaceInstallation = `UPDATE mirror SET installation_id = ?1`

// InstallationID returns the id under which this installation submits.
func (s *Store) InstallationID() string {
	if s.missing() {
		return ""
	}
	s.db.lock()
	defer s.db.unlock()
	return s.db.identity.installation
}

// MirrorID returns the id of this file, which tells its streams from those of
// another file with the same installation id.
func (s *Store) MirrorID() string {
	if s.missing() {
		return ""
	}
	s.db.lock()
	defer s.db.unlock()
	return s.db.identity.mirror
}

// CreatedAt returns when the mirror was made.
func (s *Store) CreatedAt() time.Time {
	if s.missing() {
		return time.Time{}
	}
	s.db.lock()
	defer s.db.unlock()
	return time.Unix(0, s.db.identity.createdAt).UTC()
}

// SetInstallationID replaces the installation id, as [WithInstallationID] does.
func (s *Store) SetInstallationID(id string) error {
	if s.missing() {
		return ErrNotOpen
	}
	if err := checkInstallationID(id); err != nil {
		return err
	}
	s.db.lock()
	defer s.db.unlock()
	return s.db.setInstallationID(id)
}

func (s *DB) setInstallationID(id string) error {
	err := s.update(s.context(), relaxed, func(tx *transaction) error {
		return tx.run(replaceInstallation, id)
	})
	if err != nil {
		return fmt.Errorf("set installation id: %w", err)
	}
	s.identity.installation, s.last.installation = id, id
	return nil
}

// maxInstallationID is how many characters HQ keeps of an identifier.
const maxInstallationID = 255

func checkInstallationID(id string) error {
	if n := utf8.RuneCountInString(id); n == 0 || n > maxInstallationID {
		return fmt.Errorf("%w: %d characters, want 1 to %d", ErrInvalidID, n, maxInstallationID)
	}
	if !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return fmt.Errorf("%w: only UTF-8 text without control characters is allowed", ErrInvalidID)
	}
	return nil
}
