package localstore

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
)

// InstallationID returns the id under which this installation submits.
func (s *Store) InstallationID() string {
	if s.missing() {
		return ""
	}
	s.db.Lock()
	defer s.db.Unlock()
	return s.db.Identity().Installation
}

// MirrorID returns the id of this file, which tells its streams from those of
// another file with the same installation id.
func (s *Store) MirrorID() string {
	if s.missing() {
		return ""
	}
	s.db.Lock()
	defer s.db.Unlock()
	return s.db.Identity().Mirror
}

// CreatedAt returns when the mirror was made.
func (s *Store) CreatedAt() time.Time {
	if s.missing() {
		return time.Time{}
	}
	s.db.Lock()
	defer s.db.Unlock()
	return time.Unix(0, s.db.Identity().CreatedAt).UTC()
}

// SetInstallationID replaces the installation id, as [WithInstallationID] does.
func (s *Store) SetInstallationID(id string) error {
	if s.missing() {
		return ErrNotOpen
	}
	if err := schema.CheckInstallationID(id); err != nil {
		return err
	}
	s.db.Lock()
	defer s.db.Unlock()
	return s.db.SetInstallationID(id)
}
