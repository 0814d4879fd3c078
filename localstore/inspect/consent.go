package inspect

import (
	"context"
	"fmt"
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
			return s.changing(func(store *localstore.Store) error {
				if err := store.SetMode(ctx, mode); err != nil {
					return err
				}
				return s.showConsent(ctx, store)
			})
		}}
	}
	status := func(ctx context.Context, c *cli.Command) error {
		if c.Name == "consent" && c.Args().Present() {
			return s.unknown("command", c.Args().First(), commandNames(c))
		}
		if err := most(0, c); err != nil {
			return err
		}
		return s.with(func(store *localstore.Store) error { return s.showConsent(ctx, store) })
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

func (s *session) showConsent(ctx context.Context, store *localstore.Store) error {
	c, err := store.Consent(ctx)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(newConsentDocument(c))
	}
	since := ""
	if !c.Since.IsZero() {
		since = fmt.Sprintf(" since %s UTC", when(c.Since))
	}
	s.line("consent: %s%s", c.Mode, since)
	s.line("%s", sending(c))
	if text := consequences[c.Mode]; text != "" {
		s.line("%s", text)
	}
	if c.ShouldAsk {
		s.line("Nobody decided yet: consent on, consent local or consent off does.")
	}
	s.note("A running application notices before it next records or sends.")
	return nil
}
