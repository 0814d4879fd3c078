package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

func (s *session) consentCommand() *cli.Command {
	set := func(name, usage string, mode localstore.Mode) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			path, err := s.path()
			if err != nil {
				return err
			}
			decided, err := localstore.Decide(ctx, path, mode, localstore.WithClock(s.opts.Now),
				localstore.WithBusyTimeout(s.opts.busyTimeout), localstore.WithErrorHandler(func(error) {}))
			if err != nil {
				return err
			}
			if err := s.showConsent(ctx); err != nil {
				return s.showDecided(decided, err)
			}
			return nil
		}}
	}
	status := func(ctx context.Context, c *cli.Command) error {
		if c.Name == "consent" && c.Args().Present() {
			return s.unknown("command", c.Args().First(), commandNames(c))
		}
		if err := most(0, c); err != nil {
			return err
		}
		return s.showConsent(ctx)
	}
	return &cli.Command{
		Name: "consent", Usage: "show or change whether usage is recorded and sent", Action: status,
		Commands: []*cli.Command{
			{Name: "status", Usage: "show what holds and why", Action: status},
			set("on", "record and send", localstore.ModeOn),
			set("local", "record on this machine, send nothing", localstore.ModeLocal),
			set("off", "record nothing", localstore.ModeOff),
		},
	}
}

type consentDocument struct {
	Mode      string     `json:"mode"`
	Sending   bool       `json:"sending"`
	ShouldAsk bool       `json:"should_ask"`
	Reason    string     `json:"reason"`
	Since     *time.Time `json:"since"`
}

func newConsentDocument(c localstore.Consent) consentDocument {
	return consentDocument{c.Mode.String(), c.Sending, c.ShouldAsk, c.Reason, nullable(c.Since)}
}

// consequences say what a mode means for what is counted from now on.
var consequences = map[localstore.Mode]string{
	localstore.ModeOff:   "The application goes on working and records nothing.",
	localstore.ModeLocal: "What is recorded from now on, and what was not sent yet, stays on this machine for good.",
	localstore.ModeOn:    "What was recorded without consent is not sent later either.",
}

// showConsent shows what holds now. Without a mirror that is what was decided,
// if anything was.
func (s *session) showConsent(ctx context.Context) error {
	var c localstore.Consent
	err := s.with(ctx, func(store *localstore.Store) (err error) { c, err = store.Consent(ctx); return err })
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, localstore.ErrDamaged) || errors.Is(err, localstore.ErrEmpty) {
		c, err = s.withoutAMirror(err)
	}
	if err != nil {
		return err
	}
	return s.printConsent(c)
}

// showDecided shows a decision that is kept beside a mirror that cannot be read
// now.
func (s *session) showDecided(c localstore.Consent, why error) error {
	if err := s.printConsent(s.circumstances().Apply(c)); err != nil || s.json {
		return err
	}
	s.note("The mirror itself cannot be read now: %s.", plain(strings.ReplaceAll(why.Error(), "localstore: ", "")))
	return nil
}

func (s *session) printConsent(c localstore.Consent) error {
	if s.json {
		return s.printJSON(newConsentDocument(c))
	}
	since := ""
	if !c.Since.IsZero() {
		since = fmt.Sprintf(" since %s UTC", when(c.Since))
	}
	s.line("consent: %s%s", c.Mode, since)
	s.line("%s", sending(c))
	if text := s.consequence(c.Mode); text != "" {
		s.line("%s", text)
	}
	if c.ShouldAsk {
		s.line("Nobody decided yet: consent on, consent local or consent off does.")
	}
	s.note("%s", s.validity())
	return nil
}

func (s *session) consequence(mode localstore.Mode) string {
	if s.circumstances().RecordingVeto() != "" {
		return "In this environment an application records nothing either."
	}
	return consequences[mode]
}

// validity says from when on it holds.
func (s *session) validity() string {
	switch {
	case errors.Is(s.missing, localstore.ErrDamaged):
		return "The mirror is damaged. What was decided holds also for the fresh one that the application begins."
	case s.missing != nil:
		return "There is no mirror yet. What was decided holds from the first run on."
	}
	return "A running application notices before it next records or sends."
}

// withoutAMirror returns what was decided where there is no mirror to ask, and
// why there is none where nothing was.
func (s *session) withoutAMirror(why error) (localstore.Consent, error) {
	path, err := s.path()
	if err != nil {
		return localstore.Consent{}, err
	}
	c, err := localstore.Decided(path)
	if err != nil {
		return c, why
	}
	if c.Mode == localstore.ModeUnset {
		return c, fmt.Errorf("%s: %w", c.Reason, why)
	}
	s.missing = why
	return s.circumstances().Apply(c), nil
}
