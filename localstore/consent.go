package localstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Mode is what the person at this installation decided.
type Mode int

// The modes.
const (
	ModeUnset Mode = iota // nobody was asked, or nobody answered
	ModeOff               // record nothing
	ModeLocal             // record, send nothing
	ModeOn                // record and send
)

var modeNames = [...]string{"unset", "off", "local", "on"}

// String returns the mode in lower case.
func (m Mode) String() string {
	if m < 0 || int(m) >= len(modeNames) {
		return fmt.Sprintf("mode(%d)", int(m))
	}
	return modeNames[m]
}

// Consent says what holds for this installation, as stored in its mirror. What
// a process's own environment forbids comes on top of it.
type Consent struct {
	Mode      Mode
	ShouldAsk bool      // consent is required and nobody was asked yet
	Sending   bool      // whether the mirror lets anything be sent
	Reason    string    // why, for people
	Since     time.Time // when the mode was set; zero when it never was
}

// Consent reads what holds now, whichever process set it.
func (s *Store) Consent(context.Context) (Consent, error) {
	if s.missing() {
		return Consent{}, ErrNotOpen
	}
	s.lock()
	defer s.unlock()
	var c Consent
	err := s.look(func(h header) error { c = h.consent(); return nil })
	if err != nil {
		return Consent{}, fmt.Errorf("read consent: %w", err)
	}
	return c, nil
}

func (h *header) consent() Consent {
	c := Consent{Mode: h.mode, Sending: h.maySend(), ShouldAsk: h.mode == ModeUnset && h.requireConsent}
	if h.modeSince != 0 {
		c.Since = time.Unix(0, h.modeSince).UTC()
	}
	switch {
	case h.mode == ModeOff:
		c.Reason = "recording is switched off"
	case h.mode == ModeLocal:
		c.Reason = "sending is switched off, usage is recorded on this machine only"
	case h.mode == ModeOn:
		c.Reason = "sending is switched on"
	case h.requireConsent:
		c.Reason = "consent is required and was not given yet"
	default:
		c.Reason = "consent is not required"
	}
	return c
}

func (h *header) maySend() bool {
	return h.mode == ModeOn || h.mode == ModeUnset && !h.requireConsent
}

// SetMode stores the person's decision. Every other process with this mirror
// open notices before its next recording or submission. What was recorded and
// not sent yet when sending is switched off is never sent later, except for a
// batch that was under way: it rests and goes out unchanged when sending is
// switched on again.
func (s *Store) SetMode(_ context.Context, mode Mode) error {
	if s.missing() {
		return ErrNotOpen
	}
	if mode < ModeUnset || mode > ModeOn {
		return fmt.Errorf("set mode: unknown %v", mode)
	}
	s.lock()
	defer s.unlock()
	var since int64
	err := s.writeDurably(func(tx *transaction) error {
		since = tx.modeSince
		if tx.mode == mode {
			return nil
		}
		since = tx.now
		before := tx.maySend()
		tx.mode = mode
		if before && !tx.maySend() {
			if err := s.withholdPending(tx); err != nil {
				return err
			}
		}
		return tx.run(`UPDATE mirror SET mode = ?1, mode_since = ?2, epoch = epoch + 1`, int64(mode), tx.now)
	})
	if err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	s.last.mode, s.last.modeSince = mode, since
	return nil
}

// Enable is SetMode with [ModeOn].
func (s *Store) Enable(ctx context.Context) error { return s.SetMode(ctx, ModeOn) }

// Disable is SetMode with [ModeLocal].
func (s *Store) Disable(ctx context.Context) error { return s.SetMode(ctx, ModeLocal) }

// RequireConsent stores that this installation sends nothing before it was
// enabled. It is not undone by a program that does not ask for it.
func (s *Store) RequireConsent(context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.lock()
	defer s.unlock()
	required := false
	err := s.look(func(h header) error { required = h.requireConsent; return nil })
	if err != nil || required {
		return err
	}
	err = s.writeDurably(func(tx *transaction) error {
		before := tx.maySend()
		tx.requireConsent = true
		if before && !tx.maySend() {
			if err := s.withholdPending(tx); err != nil {
				return err
			}
		}
		return tx.run(`UPDATE mirror SET require_consent = 1, epoch = epoch + 1`)
	})
	if err != nil {
		return fmt.Errorf("require consent: %w", err)
	}
	s.last.requireConsent = true
	return nil
}

// withholdPending moves all that waits to be sent to what is never sent, but
// for what a cumulative forwarder has sent in its totals already: those must not
// fall, and what was sent there with consent may be sent elsewhere.
func (s *Store) withholdPending(tx *transaction) error {
	ids, err := tx.list(`SELECT series_id FROM totals WHERE pending IS NOT NULL`)
	if err != nil {
		return err
	}
	rows, err := s.loadTotals(tx, ids)
	if err != nil {
		return err
	}
	uploaded, err := s.uploads(tx)
	if err != nil {
		return err
	}
	for _, t := range rows {
		keep := t.metric.zero()
		if column, ok := uploaded[t.series]; ok {
			total, err := t.metric.parseValue(column)
			if err != nil {
				return err
			}
			keep = t.uploadedPending(total)
		}
		hold, ok := t.pending.Sub(keep)
		if !ok {
			keep, hold = t.metric.zero(), t.pending
		}
		t.withheld, t.pending = t.withheld.Add(hold), keep
	}
	if err := s.saveTotals(tx, rows); err != nil {
		return err
	}
	if err := tx.withholdStates(); err != nil {
		return err
	}
	return tx.run(`UPDATE gauges SET due = NULL`)
}

// uploads returns the totals that a cumulative forwarder sent, if it was the
// last one that sent anything.
func (s *Store) uploads(tx *transaction) (map[int64]any, error) {
	uploaded := make(map[int64]any)
	err := tx.each(`SELECT series_id, uploaded FROM totals WHERE uploaded IS NOT NULL AND pending IS NOT NULL
		AND (SELECT mark FROM forwarders WHERE kind = 'cumulative')
			>= max((SELECT coalesce(max(mark), 0) FROM forwarders WHERE kind = 'delta'), (SELECT coalesce(max(mark), 0) FROM batches))`,
		func(rows *sql.Rows) error {
			var series int64
			var column any
			err := rows.Scan(&series, &column)
			uploaded[series] = column
			return err
		})
	return uploaded, wrap("read uploads", err)
}

// uploadedPending returns which part of pending is in a total that was sent.
func (t *totals) uploadedPending(total Value) Value {
	elsewhere, ok := t.recorded.Sub(t.withheld)
	if ok {
		elsewhere, ok = elsewhere.Sub(t.pending)
	}
	if !ok {
		return t.metric.zero()
	}
	keep, ok := total.Sub(elsewhere)
	if !ok {
		return t.metric.zero()
	}
	return keep
}
