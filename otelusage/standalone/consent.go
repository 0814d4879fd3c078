package standalone

import (
	"context"
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// Consent returns the consent that applies to this process: what the mirror
// stores, restricted by the environment and the configuration.
func (u *Usage) Consent(ctx context.Context) (localstore.Consent, error) {
	r := u.recorder()
	if r == nil {
		return localstore.Consent{Mode: localstore.ModeOff, Reason: u.whyNot()}, nil
	}
	return r.exporter.Consent(ctx)
}

// whyNot says why nothing is recorded.
func (u *Usage) whyNot() string {
	switch {
	case u == nil:
		return "usage tracking was not started"
	case u.veto != "":
		return u.veto
	}
	return "the mirror could not be opened"
}

// veto returns why nothing may be recorded, empty where recording is allowed.
func (c *Config) veto() string {
	if c.Disabled {
		return exporter.RecordingVeto(exporter.Disabled())
	}
	return exporter.RecordingVeto()
}

// Enable stores consent to sending. Earlier counts stay on this machine.
// localstore.ErrOverruled says that an administrator's stricter decision applies.
func (u *Usage) Enable(ctx context.Context) error { return u.setMode(ctx, localstore.ModeOn) }

// Disable withdraws consent to sending. Recording continues. While a failed start
// is being retried, Disable stores the decision without waiting for it.
func (u *Usage) Disable(ctx context.Context) error {
	if u.recorder() == nil && u != nil && u.retry != nil {
		u.agreed.Store(false)
		return u.decideAhead(ctx, localstore.ModeLocal)
	}
	return u.setMode(ctx, localstore.ModeLocal)
}

// decideAhead stores a decision for a mirror that could not be opened. A line of
// text can be written beside one that is locked, and needs little room.
func (u *Usage) decideAhead(ctx context.Context, mode localstore.Mode) error {
	path, err := u.config.path()
	if err != nil {
		return err
	}
	_, err = localstore.Decide(ctx, path, mode, localstore.WithBusyTimeout(startWait), localstore.WithErrorHandler(u.errors.report))
	if err == nil || errors.Is(err, localstore.ErrOverruled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotRecording, err)
}

// Erase deletes everything that was recorded on this machine, and asks a destination
// of deltas to delete what was sent, as often as it takes. It also withdraws
// this installation's states at the destination: best effort, within two seconds.
// States of a request in progress are withdrawn however long that takes. The
// installation gets another id. localstore.ErrErasePending says that another
// process kept the file from being cleaned: the next start finishes it.
func (u *Usage) Erase(ctx context.Context) error {
	r := u.recorder()
	if r == nil {
		return ErrNotRecording
	}
	err := r.reader.Erase(ctx)
	if err != nil && !errors.Is(err, localstore.ErrErasePending) {
		return err
	}
	if u.attached.Load() {
		u.tracker.Reset()
	}
	return err
}

// setMode records before and after, so that each count falls under the decision
// it was made under. A decision that forbids to send is kept also where nothing
// can be recorded: what could not be counts as made under it.
func (u *Usage) setMode(ctx context.Context, mode localstore.Mode) error {
	r := u.recorder()
	if r == nil {
		return ErrNotRecording
	}
	if err := r.reader.Record(ctx); err != nil && mode != localstore.ModeLocal {
		return err
	}
	err := r.store.SetMode(ctx, mode)
	if err != nil && !errors.Is(err, localstore.ErrOverruled) {
		return err
	}
	return errors.Join(err, r.reader.Record(ctx))
}
