package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
)

func (s *session) viewCommand() *cli.Command {
	listen := view.DefaultAddress
	return &cli.Command{
		Name: "view", Usage: "serve a page for the browser, until interrupted",
		Flags: []cli.Flag{&cli.StringFlag{Name: "listen", Usage: "serve at `ADDRESS`; beyond loopback the URL and the page are not encrypted",
			Value: view.DefaultAddress, Destination: &listen}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			path, err := s.path()
			if err != nil {
				return err
			}
			err = s.opts.serve(ctx, path, listen, s.served, view.WithTitle(s.application()), view.WithErrorHandler(s.complain),
				view.WithCircumstances(s.circumstances()), view.WithPlan(s.opts.Plan))
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
	}
}

// served prints the URL of the page. An output error is reported when the command
// ends.
func (s *session) served(url string) {
	if s.json {
		_ = s.PrintJSON(struct {
			URL string `json:"url"`
		}{url})
	} else {
		s.Line("%s", url)
		s.Note("Open it in a browser. Anyone who has the URL can read, change consent and erase; nobody else can. Interrupt this command to end it.")
	}
	_ = s.Out.Flush()
}

// complain prints the error of a request on the error output.
func (s *session) complain(err error) {
	fmt.Fprintf(s.opts.Stderr, "%s: %s\n", s.opts.Name, terminal.Plain(err.Error()))
}

// application returns the application whose mirror it is, if that is known.
func (s *session) application() string {
	switch {
	case s.app != "":
		return s.app
	case s.file == "":
		return s.opts.Application
	}
	return ""
}
