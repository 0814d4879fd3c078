package localstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// Decide stores a person's decision for the mirror at path, whether or not there is
// one already, as [Store.SetMode] does. Where there is none, or an empty or damaged
// file, the decision is written to the file beside it and applies before anything
// is recorded. If this user may not change that file, a mirror is made to store the
// decision. A decision that forbids sending is also written beside a mirror that
// cannot be written now. Decide returns what applies afterwards.
func Decide(ctx context.Context, path string, mode consent.Mode, opts ...Option) (consent.Consent, error) {
	c, err := decideIn(ctx, path, mode, append(opts[:len(opts):len(opts)], Existing()))
	switch {
	case err == nil || errors.Is(err, ErrOverruled):
		return c, err
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrEmpty):
		return forbid(path, mode, err)
	}
	file, asked, pathErr := mirrorPath(path)
	if pathErr != nil {
		return consent.Consent{}, pathErr
	}
	if err := place.MakeDirectory(filepath.Dir(file)); err != nil {
		return consent.Consent{}, fmt.Errorf("keep decision: %w", err)
	}
	err = writeDecision(file, asked, mode)
	if errors.Is(err, decision.ErrNotOurs) {
		return decideInMirror(ctx, path, mode, new(decision.Files).Read(file, asked), err, opts)
	}
	if err != nil {
		return consent.Consent{}, err
	}
	return Decided(path)
}

// decideInMirror stores a decision that cannot be written beside the mirror in the
// mirror, which it makes if necessary.
func decideInMirror(ctx context.Context, path string, mode consent.Mode, said decision.Decision, notKept error, opts []Option) (consent.Consent, error) {
	if err := overruled(mode, said, notKept); err != nil {
		return consent.Consent{}, err
	}
	if said.Wrong == "" && said.Mode == mode {
		return Decided(path)
	}
	return decideIn(ctx, path, mode, opts)
}

func decideIn(ctx context.Context, path string, mode consent.Mode, opts []Option) (c consent.Consent, err error) {
	s, err := OpenContext(ctx, path, opts...)
	if err != nil {
		return consent.Consent{}, err
	}
	if err = s.SetMode(ctx, mode); err == nil {
		c, err = s.Consent(ctx)
	}
	return c, errors.Join(err, s.Close())
}

// forbid writes a decision that forbids sending beside a mirror that cannot be
// written now, for example because it is locked: the decision applies from there.
// Otherwise it returns the error that the mirror met.
func forbid(path string, mode consent.Mode, cause error) (consent.Consent, error) {
	for _, foreign := range []error{place.ErrNotMirror, place.ErrUntrusted, ErrNewerSchema, ErrInvalidID} {
		if errors.Is(cause, foreign) {
			return consent.Consent{}, cause
		}
	}
	file, asked, err := mirrorPath(path)
	if err != nil || mode != consent.ModeOff && mode != consent.ModeLocal {
		return consent.Consent{}, cause
	}
	said := new(decision.Files).Read(file, asked)
	if said.Wrong != "" || decision.Stricter(mode, said.Mode) {
		if writeDecision(file, asked, mode) != nil {
			return consent.Consent{}, cause
		}
		said.Mode = mode
	}
	if said.Mode != mode {
		return consent.Consent{}, cause
	}
	return Decided(path)
}

// writeDecision writes a decision beside a mirror, and tells who keeps a journal of
// it. Whom that does not reach sees the file at its next recording.
func writeDecision(file, asked string, mode consent.Mode) error {
	_ = journal.Supersede(file)
	defer func() { _ = journal.Supersede(file) }()
	return decision.Write(file, asked, mode)
}

// Decided returns what was decided for a mirror that does not exist yet: what the
// line of text beside its path says. Mode is ModeUnset if nothing was decided.
func Decided(path string) (consent.Consent, error) {
	file, asked, err := mirrorPath(path)
	if err != nil {
		return consent.Consent{}, err
	}
	var h mirrordb.Header
	h.Decide(new(decision.Files).Read(file, asked))
	c := h.Consent()
	if c.Mode == consent.ModeUnset && h.WrongDecision == "" {
		c.Sending, c.Reason = false, "nothing was recorded yet, and nobody decided"+h.Unheeded()
	}
	return c, nil
}

// mirrorPath returns where the mirror is, or will be made, for a path, and where
// it was looked for, which may be a link to it.
func mirrorPath(path string) (file, asked string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", "", fmt.Errorf("find mirror: %w", err)
	}
	return mirrordb.PathOf(path)
}
