package localstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Decide stores a person's decision for the mirror at path, whether or not there
// is one already, as [Store.SetMode] does. Where there is none, or a damaged
// one, the decision is kept beside it and holds before anything is recorded. It
// returns what holds then.
func Decide(ctx context.Context, path string, mode Mode, opts ...Option) (Consent, error) {
	s, err := Open(path, append(opts[:len(opts):len(opts)], Existing())...)
	if err == nil {
		var c Consent
		if err = s.SetMode(ctx, mode); err == nil {
			c, err = s.Consent(ctx)
		}
		return c, errors.Join(err, s.Close())
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrDamaged) {
		return Consent{}, err
	}
	file, pathErr := mirrorPath(path)
	if pathErr != nil {
		return Consent{}, pathErr
	}
	if err := makeDirectory(filepath.Dir(file)); err != nil {
		return Consent{}, fmt.Errorf("keep decision: %w", err)
	}
	if err := writeDecision(file+decisionSuffix, mode); err != nil {
		return Consent{}, err
	}
	return Decided(path)
}

// Decided returns what was decided for a mirror that is not there yet: what the
// line of text beside its path says. Mode is ModeUnset for nothing.
func Decided(path string) (Consent, error) {
	file, err := mirrorPath(path)
	if err != nil {
		return Consent{}, err
	}
	var h header
	h.decide(new(decisionCache).read(file + decisionSuffix))
	c := h.consent()
	if c.Mode == ModeUnset && h.wrongDecision == "" {
		c.Sending, c.Reason = false, "nothing was recorded yet, and nobody decided"
	}
	return c, nil
}

// mirrorPath returns where the mirror is, or will be made, for a path.
func mirrorPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find mirror: %w", err)
	}
	s := &Store{asked: path, path: path}
	s.makeWay()
	_, err = s.locate()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return s.path, nil
}
