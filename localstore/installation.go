package localstore

import (
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
)

// InstallationID returns the id under which this installation submits.
func (s *Store) InstallationID() string {
	if s.missing() {
		return ""
	}
	s.db.lock()
	defer s.db.unlock()
	return s.db.identityNow().installation
}

// MirrorID returns the id of this file, which tells its streams from those of
// another file with the same installation id.
func (s *Store) MirrorID() string {
	if s.missing() {
		return ""
	}
	s.db.lock()
	defer s.db.unlock()
	return s.db.identityNow().mirror
}

// CreatedAt returns when the mirror was made.
func (s *Store) CreatedAt() time.Time {
	if s.missing() {
		return time.Time{}
	}
	s.db.lock()
	defer s.db.unlock()
	return time.Unix(0, s.db.identityNow().createdAt).UTC()
}

// SetInstallationID replaces the installation id, as [WithInstallationID] does.
func (s *Store) SetInstallationID(id string) error {
	if s.missing() {
		return ErrNotOpen
	}
	if err := schema.CheckInstallationID(id); err != nil {
		return err
	}
	s.db.lock()
	defer s.db.unlock()
	return s.db.setInstallationID(id)
}

func (s *DB) setInstallationID(id string) error {
	err := s.update(s.context(), relaxed, func(tx *transaction) error {
		return tx.Run(schema.ReplaceInstallation, id)
	})
	if err != nil {
		return fmt.Errorf("set installation id: %w", err)
	}
	s.identity.installation, s.last.installation = id, id
	return nil
}
