package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

func (s *session) exportCommand() *cli.Command {
	byName := false
	return &cli.Command{
		Name: "export", Usage: "write everything recorded to standard output", ArgsUsage: "csv|report|json",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "by-name", Usage: "order the rows of csv by name, not by type", Destination: &byName}},
		ShellComplete: func(ctx context.Context, c *cli.Command) {
			cli.DefaultCompleteWithFlags(ctx, c)
			s.line("csv\nreport\njson")
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(1, c); err != nil {
				return err
			}
			format := c.Args().First()
			if format == "" && s.json {
				format = "json"
			}
			switch {
			case format == "":
				return usageError{errors.New("name a format: csv, report or json")}
			case format != "csv" && format != "report" && format != "json":
				return usageError{fmt.Errorf("export as %q: want csv, report or json", format)}
			case s.json && format != "json":
				return usageError{fmt.Errorf("--json cannot be combined with %s", format)}
			case byName && format != "csv":
				return usageError{fmt.Errorf("--by-name works only with csv, not with %s", format)}
			}
			return s.with(ctx, func(store *localstore.Store) error { return s.export(ctx, store, format, byName) })
		},
	}
}

func (s *session) export(ctx context.Context, store *localstore.Store, format string, byName bool) error {
	query := snapshot.Query{}
	if format == "json" {
		query = snapshot.Query{Days: true, History: true, Submissions: true}
	}
	snap, err := store.Snapshot(ctx, query)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return s.escaped(snap.WriteJSON)
	case "report":
		return s.harmless(snap.WriteReport)
	}
	order := snapshot.OrderByType
	if byName {
		order = snapshot.OrderByName
	}
	return s.harmless(func(w io.Writer) error { return snap.WriteCSV(w, order) })
}
