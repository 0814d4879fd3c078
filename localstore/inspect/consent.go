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
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
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
			{Name: "status", Usage: "show what applies and why", Action: status},
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
	return consentDocument{c.Mode.String(), c.Sending, c.ShouldAsk, c.Reason, terminal.Nullable(c.Since)}
}

// consequences describe what a mode means for future counts.
var consequences = map[localstore.Mode]string{
	localstore.ModeOff:   "The application continues to work and records nothing.",
	localstore.ModeLocal: "What is recorded from now on, and what was not sent yet, never leaves this machine.",
	localstore.ModeOn:    "What was recorded without consent is still not sent.",
}

// showConsent shows the current consent. Without a mirror that is the decision in
// the file, if there is one.
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

// showDecided shows the decision file of a mirror that cannot be read now.
func (s *session) showDecided(c localstore.Consent, why error) error {
	if err := s.printConsent(s.circumstances().Apply(c)); err != nil || s.json {
		return err
	}
	s.Note("The mirror itself cannot be read now: %s.", terminal.Plain(strings.ReplaceAll(why.Error(), "localstore: ", "")))
	return nil
}

func (s *session) printConsent(c localstore.Consent) error {
	if s.json {
		return s.PrintJSON(newConsentDocument(c))
	}
	since := ""
	if !c.Since.IsZero() {
		since = fmt.Sprintf(" since %s UTC", terminal.When(c.Since))
	}
	s.Line("consent: %s%s", c.Mode, since)
	s.Line("%s", show.Sending(c))
	if text := s.consequence(c.Mode); text != "" {
		s.Line("%s", text)
	}
	if c.ShouldAsk {
		s.Line("No decision yet: choose consent on, consent local or consent off.")
	}
	s.Note("%s", s.validity())
	return nil
}

func (s *session) consequence(mode localstore.Mode) string {
	if s.circumstances().RecordingVeto() != "" {
		return "In this environment an application also records nothing."
	}
	return consequences[mode]
}

// validity says when the decision takes effect.
func (s *session) validity() string {
	switch {
	case errors.Is(s.missing, localstore.ErrDamaged):
		return "The mirror is damaged. The decision also applies to the fresh one that the application will create."
	case s.missing != nil:
		return "There is no mirror yet. The decision applies from the first run on."
	}
	return "A running application notices the change before it next records or sends."
}

// withoutAMirror returns the decision if there is no mirror, or, without a
// decision, why there is no mirror.
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
