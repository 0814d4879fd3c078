package localstore

import (
	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/lazy"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/warm"
)

// sleep leaves the mirror alone if the cache beside it tells what a start needs. The
// caller holds the lock.
func (s *Store) sleep() bool {
	c := lazy.Find(s.db, s.book.MaxSeries, s.importer.Waits)
	if c == nil || s.ledger.Adopt(c.Known) != nil {
		return false
	}
	c.LetSleep(s.db)
	s.outbox.Adopt(c.Facts)
	s.recorder.Adopt(c.States, c.Waits(), c.Heritage())
	s.wakes = true
	return true
}

// IsAsleep reports whether the file of a Store that was opened [Lazily] was not needed
// yet, and the Store is not closed. It waits for nobody: while the Store is in use the
// answer is false.
func (s *Store) IsAsleep() bool {
	if s.missing() || !s.db.TryLock() {
		return false
	}
	defer s.db.Unlock()
	return s.db.IsAsleep()
}

// opened runs before each use of the file, which fresh says was opened just now. With
// the first one a Store that slept does what [Open] does otherwise.
func (s *Store) opened(fresh bool) error {
	err := s.importer.Opened(fresh)
	if err != nil || !fresh || !s.wakes {
		return err
	}
	s.wakes = false
	s.recovery.Run()
	s.recorder.RecordInherited()
	s.ledger.Wake() // and not before: until then lifetimes lack what was recovered
	if !s.db.IsOpen() {
		return s.db.Open()
	}
	return nil
}

// leaveCache closes the file, and leaves a cache beside it for the next starts. What
// keeps it from being written is no error: the next start opens the mirror. The caller
// holds the lock.
func (s *Store) leaveCache(closeFile func() error) error {
	var nonce uint64
	path := s.db.Path()
	if s.lazily && s.db.IsOpen() && s.recorder.HadWriter() && !s.recorder.HasLeft() {
		_ = s.db.WaitingAtMost(sqlitedb.Moment, func() error {
			return s.db.Update(s.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) (err error) {
				nonce, err = lazy.Write(s.db, tx, s.outbox)
				return err
			})
		})
	}
	err := closeFile()
	if err == nil && nonce != 0 {
		_ = warm.Stamp(path, nonce)
	}
	return err
}

// consentAsleep is Consent while the mirror is asleep; ok is false where that cannot
// tell what applies now.
func (s *Store) consentAsleep() (c consent.Consent, ok bool) {
	if !s.db.TryLock() {
		return c, false
	}
	defer s.db.Unlock()
	if !s.db.IsCurrent() {
		return c, false
	}
	h := s.db.LastHeader()
	return s.db.ConsentOf(&h), true
}
