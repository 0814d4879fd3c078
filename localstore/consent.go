package localstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// Consent reads what holds now, whichever process set it. It ends with ctx.
func (s *Store) Consent(ctx context.Context) (consent.Consent, error) {
	if s.missing() {
		return consent.Consent{}, ErrNotOpen
	}
	var c consent.Consent
	err := s.db.Look(ctx, func(tx *mirrordb.Tx) error { c = s.db.ConsentOf(&tx.Header); return nil })
	if err != nil {
		return consent.Consent{}, fmt.Errorf("read consent: %w", err)
	}
	return c, nil
}

// SetMode stores the person's decision. Every other process with this mirror
// open notices before its next recording or submission. The decision also stands
// in a line of text beside the mirror, PATH.consent, which outlives the database
// and can be written by hand; the stricter of the two holds. What was recorded and
// not sent yet when sending is switched off is never sent later, except for a
// batch that was under way: it is kept, and sent unchanged when sending is
// switched on again. The context bounds how long it waits for another process;
// what need not wait, or for a moment only, is kept also when it has ended.
//
// Where that file is a link, the file that it leads to is written. What is not
// this user's to change there is left as it is, an administrator's file above
// all, and the decision is kept in the mirror alone: [ErrOverruled] says that
// the file keeps it from taking effect. After any other error a stricter
// decision may hold, a looser one does not.
func (s *Store) SetMode(ctx context.Context, mode consent.Mode) error {
	if s.missing() {
		return ErrNotOpen
	}
	if mode < consent.ModeUnset || mode > consent.ModeOn {
		return fmt.Errorf("set mode: unknown %v", mode)
	}
	s.db.Lock()
	defer s.db.Unlock()
	s.keepStricter(mode)
	var notKept error
	err := s.db.Update(ctx, mirrordb.Durable, func(tx *mirrordb.Tx) error {
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

// overruled returns why a decision that is not in the file beside the mirror
// does not hold; nil where it does.
func overruled(mode consent.Mode, said decision.Decision, notKept error) error {
	switch {
	case said.Wrong != "" && (mode == consent.ModeOn || mode == consent.ModeUnset):
		return fmt.Errorf("set mode %v: %w: it %s; %w", mode, ErrOverruled, said.Wrong, notKept)
	case decision.Strictest(mode, said.Mode) != mode:
		return fmt.Errorf("set mode %v: %w: it says %v; %w", mode, ErrOverruled, said.Mode, notKept)
	}
	return nil
}

// keepStricter keeps a decision also where the mirror cannot be written now. A
// looser one waits for the mirror: it holds once both say it.
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

// RequireConsent stores that this installation sends nothing before it was
// enabled. It is not undone by a program that does not ask for it. No context
// cuts it short.
func (s *Store) RequireConsent(ctx context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.db.Lock()
	defer s.db.Unlock()
	done := false
	err := s.db.View(s.db.Context(), func(tx *mirrordb.Tx) error { done = tx.RequireConsent != mirrordb.NotRequired; return nil })
	if err != nil || done {
		return err
	}
	err = s.db.Update(s.db.Context(), mirrordb.Durable, func(tx *mirrordb.Tx) error {
		before := tx.MaySend()
		tx.RequireConsent = mirrordb.Required
		if before && !tx.MaySend() {
			if err := s.outbox.WithholdPending(tx); err != nil {
				return err
			}
		}
		return tx.Run(`UPDATE mirror SET require_consent = 1, epoch = epoch + 1`)
	})
	if err != nil {
		return fmt.Errorf("require consent: %w", err)
	}
	s.db.RememberRequired()
	return nil
}

// SetCircumstances makes what the Store says of consent, also in snapshots,
// previews and documents, hold for this process. Package exporter does it for
// the Store it records into; viewers do it for their own. Without it the Store
// says what the mirror stores.
func (s *Store) SetCircumstances(x consent.Circumstances) {
	if s.missing() {
		return
	}
	s.db.SetCircumstances(x)
}

// Circumstances returns what SetCircumstances set; without it those of a viewer.
func (s *Store) Circumstances() consent.Circumstances {
	if s.missing() {
		return consent.Circumstances{Viewer: true}
	}
	return s.db.Circumstances()
}
