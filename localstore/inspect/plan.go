package inspect

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/otelusage/plan"
)

var errNoPlan = errors.New("only the application itself knows what it can record: its own command shows it, if it has one")

func (s *session) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "show everything that the application can record and send",
		Action: func(_ context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			if s.opts.Plan == nil {
				return errNoPlan
			}
			p := s.opts.Plan.Plan()
			if s.json {
				return s.PrintJSON(p)
			}
			show.Document(s.Printer, plan.Describe(p))
			return nil
		},
	}
}
