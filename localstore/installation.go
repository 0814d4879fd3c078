package localstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
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

// MirrorID returns the id of this file. What is sent has it as service.instance.id,
// until the ids are changed: see [Store.StreamID].
func (s *Store) MirrorID() string {
	if s.missing() {
		return ""
	}
	s.db.Lock()
	defer s.db.Unlock()
	return s.db.Identity().Mirror
}

// StreamID returns the service.instance.id of what this installation sends, which
// tells it from another file with the same installation id; empty where it cannot
// be read, and where each batch has an id of its own.
func (s *Store) StreamID() string {
	if s.missing() {
		return ""
	}
	s.db.Lock()
	defer s.db.Unlock()
	var i batch.Identity
	err := s.db.View(s.db.Context(), func(tx *mirrordb.Tx) (err error) { i, err = batch.IdentityOf(tx); return err })
	if err != nil || i.Unlinkable {
		return ""
	}
	return i.Stream
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

// SetInstallationID replaces the installation id, as [WithInstallationID] does. An
// id that differs begins another stream: see [Store.Rotate].
func (s *Store) SetInstallationID(id string) error {
	if s.missing() {
		return ErrNotOpen
	}
	if err := schema.CheckInstallationID(id); err != nil {
		return err
	}
	s.db.Lock()
	defer s.db.Unlock()
	return mirrordb.Wrap("set installation id", s.renewIDs(s.db.Context(), id, false))
}

// ErrFixedID is returned by [Store.Rotate] for an installation id that the
// application gave: the next [Open] would put it back.
var ErrFixedID = errors.New("localstore: the application gave the installation id")

// Rotate gives the installation a random id, and what it sends another
// service.instance.id and intervals that begin with the UTC day. Nothing that was
// recorded is lost or sent twice: a batch that is sealed keeps its ids, and what
// waits is sent under the new ones. The former ids are forgotten, so that Erase
// cannot ask for the deletion of what was sent under them. A destination of totals,
// such as HQ, then has the totals under both ids. The context bounds the wait for
// another process.
func (s *Store) Rotate(ctx context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.db.Lock()
	defer s.db.Unlock()
	if s.db.InstallationID != "" {
		return ErrFixedID
	}
	return mirrordb.Wrap("rotate ids", s.renewIDs(sqlitedb.OrBackground(ctx), uuid.NewString(), true))
}

// renewIDs changes the ids, unless the installation's is the same and that suffices.
func (s *Store) renewIDs(ctx context.Context, id string, always bool) error {
	err := s.db.Update(ctx, mirrordb.Durable, func(tx *mirrordb.Tx) error {
		if tx.Installation == id && !always {
			return nil
		}
		return tx.RenewIDs(id)
	})
	if err == nil {
		s.db.RememberInstallation(id)
	}
	return err
}

// SetUnlinkable stores whether batches are sealed under ids of their own, so that
// previews are right. Package exporter calls it; sealing follows
// [outbox.Request.Unlinkable]. It writes only a change. The context does not cut it
// short.
func (s *Store) SetUnlinkable(_ context.Context, unlinkable bool) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.db.Lock()
	defer s.db.Unlock()
	if s.db.IsAsleep() && s.outbox.IsKnownUnlinkable() == unlinkable {
		return nil
	}
	var i batch.Identity
	err := s.db.View(s.db.Context(), func(tx *mirrordb.Tx) (err error) { i, err = batch.IdentityOf(tx); return err })
	if err != nil || i.Unlinkable == unlinkable {
		return mirrordb.Wrap("read ids", err)
	}
	return mirrordb.Wrap("store ids", s.db.Update(s.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error {
		return batch.KeepUnlinkable(tx, unlinkable)
	}))
}
