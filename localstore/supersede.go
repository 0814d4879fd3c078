package localstore

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
)

// superseding runs what decides or erases, and tells the owners of all journals
// before and after: whatever they read of the mirror in between, they read it again.
// The caller holds the lock.
func (s *Store) superseding(decide func() error) error {
	if s.db.IsClosed() || s.db.IsReadOnly() {
		return decide()
	}
	s.supersede()
	defer s.supersede()
	return decide()
}

func (s *Store) supersede() { s.reportJournals(journal.Supersede(s.db.Path())) }

// eraseJournals overwrites what dead processes left, once everything is erased: until
// then it may have to be recovered. Those of the living are marked. The own one is
// overwritten at once.
func (s *Store) eraseJournals() {
	_, err := journal.Erase(s.db.Path())
	s.reportJournals(err)
}

func (s *Store) reportJournals(err error) {
	if err != nil {
		s.db.Report(fmt.Errorf("tell other processes: %w", err))
	}
}

// journalsErased tells of what an erasure did not reach yet: the owners overwrite
// their journals at their next recordings. It does not wait for that.
func (s *Store) journalsErased() error {
	if n := journal.Erasing(s.db.Path()); n > 0 {
		return fmt.Errorf("%w: %d processes have not overwritten what they keep of their counts yet", ErrErasePending, n)
	}
	return nil
}
