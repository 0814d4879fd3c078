package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/plan"
)

var errNoPlan = errors.New("only the application itself knows what it can record: its own command shows it, if it has one")

func (s *session) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "show everything that the application can record and send", ArgsUsage: "[FILE...]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "collector", Usage: "write a configuration with which a Collector takes nothing else"},
			&cli.StringSliceFlag{Name: "release", Usage: "a `VERSION` that has plots of its own, with --collector"},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Bool("collector") {
				return s.planForCollector(c.Args().Slice(), c.StringSlice("release"))
			}
			if err := most(0, c); err != nil {
				return err
			}
			if c.IsSet("release") {
				return usageError{errors.New("--release needs --collector")}
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

// planForCollector writes the configuration for the application and those whose
// plans are in files, as plan --json writes them.
func (s *session) planForCollector(files, releases []string) error {
	if s.json {
		return usageError{errors.New("--json cannot be combined with --collector")}
	}
	var plans []otelusage.Plan
	if s.opts.Plan != nil {
		plans = append(plans, s.opts.Plan.Plan())
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read plan: %v", err) //nolint:errorlint // a file that is missing here is no missing mirror
		}
		var p otelusage.Plan
		if err := json.Unmarshal(content, &p); err != nil {
			return fmt.Errorf("read plan %s: %w", file, err)
		}
		plans = append(plans, p)
	}
	if plans == nil {
		return errNoPlan
	}
	text, err := plan.Collector(plans, releases)
	if err != nil {
		return err
	}
	s.Line("%s", strings.TrimSuffix(text, "\n"))
	return nil
}
