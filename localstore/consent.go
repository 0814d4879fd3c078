package localstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// Consent returns what applies now, whichever process set it. It stops when ctx
// ends.
func (s *Store) Consent(ctx context.Context) (consent.Consent, error) {
	if s.missing() {
		return consent.Consent{}, ErrNotOpen
	}
	if c, ok := s.consentAsleep(); ok {
		return c, nil
	}
	var c consent.Consent
	err := s.db.Look(ctx, func(tx *mirrordb.Tx) error { c = s.db.ConsentOf(&tx.Header); return nil })
	if err != nil {
		return consent.Consent{}, fmt.Errorf("read consent: %w", err)
	}
	return c, nil
}

// SetMode stores the person's decision. Every other process with this mirror open
// notices before its next recording or submission. The decision is also written to
// a line of text beside the mirror, PATH.consent, which outlives the database and
// can be written by hand; the stricter of the two applies. When sending is switched
// off, what was recorded and not sent yet is never sent. The one exception is a
// batch that was under way: it is kept, and sent unchanged when sending is switched
// on again. The context limits how long SetMode waits for another process. A
// decision that can be stored without a long wait is stored even when the context
// has ended.
//
// Where that file is a link, its target is written. A file that this user may not
// change, such as an administrator's, is left as it is, and the decision is stored
// only in the mirror: [ErrOverruled] says that the file keeps it from taking
// effect. After any other error a stricter decision may apply; a looser one does
// not.
func (s *Store) SetMode(ctx context.Context, mode consent.Mode) error {
	if s.missing() {
		return ErrNotOpen
	}
	if mode < consent.ModeUnset || mode > consent.ModeOn {
		return fmt.Errorf("set mode: unknown %v", mode)
	}
	s.db.Lock()
	defer s.db.Unlock()
	s.recovery.BeforeDecision()
	s.keepStricter(mode)
	var notKept error
	err := s.superseding(func() (err error) { notKept, err = s.storeMode(ctx, mode); return err })
	if err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	if err := s.db.View(s.db.Context(), func(*mirrordb.Tx) error { return nil }); err != nil { // remember it
		return err
	}
	if errors.Is(notKept, decision.ErrNotOurs) {
		return overruled(mode, s.db.ReadDecision(), notKept)
	}
	return mirrordb.Wrap("set mode in the mirror alone", notKept)
}

// storeMode stores a decision in the mirror and beside it. NotKept says why it is in
// the mirror alone.
func (s *Store) storeMode(ctx context.Context, mode consent.Mode) (notKept, err error) {
	err = s.db.Update(ctx, mirrordb.Durable, func(tx *mirrordb.Tx) error {
		holds := mode
		// Under the lock, and before the commit: whatever ends this process
		// here leaves the stricter of the two in one of them.
		notKept = s.db.WriteDecision(mode)
		switch {
		case notKept == nil:
			tx.WrongDecision, tx.Distrusted = "", ""
		case errors.Is(notKept, decision.ErrNotOurs):
			holds = decision.Strictest(mode, s.db.ReadDecision().Mode)
		case !decision.Stricter(mode, tx.Mode):
			return notKept
		}
		if tx.Mode == holds {
			return nil
		}
		return s.db.SwitchMode(tx, holds)
	})
	return notKept, err
}

// overruled returns why a decision that is not in the file beside the mirror does
// not apply; nil where it does.
func overruled(mode consent.Mode, said decision.Decision, notKept error) error {
	switch {
	case said.Wrong != "" && (mode == consent.ModeOn || mode == consent.ModeUnset):
		return fmt.Errorf("set mode %v: %w: it %s; %w", mode, ErrOverruled, said.Wrong, notKept)
	case decision.Strictest(mode, said.Mode) != mode:
		return fmt.Errorf("set mode %v: %w: it says %v; %w", mode, ErrOverruled, said.Mode, notKept)
	}
	return nil
}

// keepStricter stores a stricter decision in the file even if the mirror cannot be
// written now. A looser one needs the mirror, too: it applies once both say it.
func (s *Store) keepStricter(mode consent.Mode) {
	said := s.db.ReadDecision()
	if said.Wrong == "" && decision.Stricter(mode, said.Mode) && !s.db.IsClosed() && !s.db.IsReadOnly() {
		_ = s.db.WriteDecision(mode) // the transaction does it again
	}
}

// Enable is SetMode with [ModeOn].
func (s *Store) Enable(ctx context.Context) error { return s.SetMode(ctx, consent.ModeOn) }

// Disable is SetMode with [ModeLocal].
func (s *Store) Disable(ctx context.Context) error { return s.SetMode(ctx, consent.ModeLocal) }

// RequireConsent stores that this installation sends nothing until it is enabled. A
// program that does not call it does not undo it. The context does not cut it
// short.
func (s *Store) RequireConsent(ctx context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.db.Lock()
	defer s.db.Unlock()
	if s.db.IsAsleep() && s.db.LastHeader().RequireConsent != mirrordb.NotRequired {
		return nil
	}
	done := false
	err := s.db.View(s.db.Context(), func(tx *mirrordb.Tx) error { done = tx.RequireConsent != mirrordb.NotRequired; return nil })
	if err != nil || done {
		return err
	}
	err = s.superseding(func() error {
		return s.db.Update(s.db.Context(), mirrordb.Durable, s.requireConsent)
	})
	if err != nil {
		return fmt.Errorf("require consent: %w", err)
	}
	s.db.RememberRequired()
	return nil
}

func (s *Store) requireConsent(tx *mirrordb.Tx) error {
	before := tx.MaySend()
	tx.RequireConsent = mirrordb.Required
	if before && !tx.MaySend() {
		if err := s.outbox.WithholdPending(tx); err != nil {
			return err
		}
	}
	return tx.Run(`UPDATE mirror SET require_consent = 1, epoch = epoch + 1`)
}

// SetCircumstances makes the Store take this process's environment and
// configuration into account in everything it says about consent, also in
// snapshots, previews and documents. Package exporter calls it for the Store it
// records into; viewers call it for theirs. Without it the Store returns what the
// mirror says.
func (s *Store) SetCircumstances(x consent.Circumstances) {
	if s.missing() {
		return
	}
	s.db.SetCircumstances(x)
}

// Circumstances returns what SetCircumstances set, or those of a viewer if it was
// not called.
func (s *Store) Circumstances() consent.Circumstances {
	if s.missing() {
		return consent.Circumstances{Viewer: true}
	}
	return s.db.Circumstances()
}
