package localstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Consent says what holds for this installation, as stored in its mirror and
// the decision file beside it, the stricter of the two. What a process's own
// environment and configuration forbid comes on top of it: see [Circumstances].
type Consent struct {
	Mode      Mode
	ShouldAsk bool      // consent is required and nobody was asked yet
	Sending   bool      // whether anything may be sent
	Reason    string    // why, for people
	Since     time.Time // when the mode was set; zero when it never was
}

// Consent reads what holds now, whichever process set it. It ends with ctx.
func (s *Store) Consent(ctx context.Context) (Consent, error) {
	if s.missing() {
		return Consent{}, ErrNotOpen
	}
	var c Consent
	err := s.db.look(ctx, func(tx *transaction) error { c = s.db.consentOf(&tx.header); return nil })
	if err != nil {
		return Consent{}, fmt.Errorf("read consent: %w", err)
	}
	return c, nil
}

func (h *header) consent() Consent {
	c := Consent{Mode: h.mode, Sending: h.maySend(), ShouldAsk: h.mode == ModeUnset && h.requireConsent != notRequired}
	if h.modeSince != 0 {
		c.Since = time.Unix(0, h.modeSince).UTC()
	}
	switch {
	case h.mode == ModeOff:
		c.Reason = "recording is switched off"
	case h.mode == ModeLocal:
		c.Reason = "sending is switched off, usage is recorded on this machine only"
	case h.wrongDecision != "":
		c.Reason = "the file beside the mirror that says what was decided " + h.wrongDecision
	case h.mode == ModeOn:
		c.Reason = "sending is switched on"
	case h.requireConsent == requiredAfterLoss:
		c.Reason = "the mirror was lost, and with it what was decided: nothing is sent until somebody decides"
	case h.requireConsent != notRequired:
		c.Reason = "consent is required and was not given yet"
	default:
		c.Reason = "consent is not required"
	}
	c.Reason += h.unheeded()
	return c
}

// unheeded is what is to be said of a decision file that does not count.
func (h *header) unheeded() string {
	if h.mode != ModeUnset || h.distrusted == "" {
		return ""
	}
	return "; the file beside the mirror that says on does not count, because it " + h.distrusted
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
func (s *Store) SetMode(ctx context.Context, mode Mode) error {
	if s.missing() {
		return ErrNotOpen
	}
	if mode < ModeUnset || mode > ModeOn {
		return fmt.Errorf("set mode: unknown %v", mode)
	}
	s.db.lock()
	defer s.db.unlock()
	s.keepStricter(mode)
	var notKept error
	err := s.db.update(ctx, durable, func(tx *transaction) error {
		holds := mode
		// Under the lock, and before the commit: whatever ends this process
		// here leaves the stricter of the two in one of them.
		notKept = writeDecisions(s.db.path, s.db.asked, mode)
		switch {
		case notKept == nil:
			tx.wrongDecision, tx.distrusted = "", ""
		case errors.Is(notKept, errNotOurs):
			holds = strictest(mode, s.db.decision.read(s.db.path, s.db.asked).mode)
		case !stricter(mode, tx.mode):
			return notKept
		}
		if tx.mode == holds {
			return nil
		}
		return s.db.switchMode(tx, holds)
	})
	if err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	if err := s.db.view(s.db.context(), func(*transaction) error { return nil }); err != nil { // remember it
		return err
	}
	if errors.Is(notKept, errNotOurs) {
		return overruled(mode, s.db.decision.read(s.db.path, s.db.asked), notKept)
	}
	return wrap("set mode in the mirror alone", notKept)
}

// overruled returns why a decision that is not in the file beside the mirror
// does not hold; nil where it does.
func overruled(mode Mode, said decision, notKept error) error {
	switch {
	case said.wrong != "" && (mode == ModeOn || mode == ModeUnset):
		return fmt.Errorf("set mode %v: %w: it %s; %w", mode, ErrOverruled, said.wrong, notKept)
	case strictest(mode, said.mode) != mode:
		return fmt.Errorf("set mode %v: %w: it says %v; %w", mode, ErrOverruled, said.mode, notKept)
	}
	return nil
}

// keepStricter keeps a decision also where the mirror cannot be written now. A
// looser one waits for the mirror: it holds once both say it.
func (s *Store) keepStricter(mode Mode) {
	said := s.db.decision.read(s.db.path, s.db.asked)
	if said.wrong == "" && stricter(mode, said.mode) && !s.db.closed && !s.db.readOnly {
		_ = writeDecisions(s.db.path, s.db.asked, mode) // the transaction does it again
	}
}

// Enable is SetMode with [ModeOn].
func (s *Store) Enable(ctx context.Context) error { return s.SetMode(ctx, ModeOn) }

// Disable is SetMode with [ModeLocal].
func (s *Store) Disable(ctx context.Context) error { return s.SetMode(ctx, ModeLocal) }

// RequireConsent stores that this installation sends nothing before it was
// enabled. It is not undone by a program that does not ask for it. No context
// cuts it short.
func (s *Store) RequireConsent(ctx context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.db.lock()
	defer s.db.unlock()
	done := false
	err := s.db.view(s.db.context(), func(tx *transaction) error { done = tx.requireConsent != notRequired; return nil })
	if err != nil || done {
		return err
	}
	err = s.db.update(s.db.context(), durable, func(tx *transaction) error {
		before := tx.maySend()
		tx.requireConsent = required
		if before && !tx.maySend() {
			if err := s.outbox.withholdPending(tx); err != nil {
				return err
			}
		}
		return tx.Run(`UPDATE mirror SET require_consent = 1, epoch = epoch + 1`)
	})
	if err != nil {
		return fmt.Errorf("require consent: %w", err)
	}
	s.db.last.requireConsent = required
	return nil
}
