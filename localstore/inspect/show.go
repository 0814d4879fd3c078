package inspect

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// sparkDays is how many days a sparkline shows by default.
const sparkDays = 14

func (s *session) showCommand() *cli.Command {
	days := sparkDays
	return &cli.Command{
		Name: "show", Usage: "show all trackables, or one with its history", ArgsUsage: "[NAME]",
		Flags: []cli.Flag{&cli.IntFlag{Name: "days", Usage: "draw the last `N` days, at most 400", Value: sparkDays, Destination: &days,
			Validator: func(n int) error {
				if n < 1 || n > snapshot.KeptDays {
					return fmt.Errorf("%d days: want 1 to %d", n, snapshot.KeptDays)
				}
				return nil
			}}},
		ShellComplete: s.completeNames,
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(1, c); err != nil {
				return err
			}
			return s.with(ctx, func(store *localstore.Store) error {
				if name := c.Args().First(); name != "" {
					return s.showOne(ctx, store, name, days)
				}
				return s.showAll(ctx, store, days)
			})
		},
	}
}

func (s *session) showAll(ctx context.Context, store *localstore.Store, days int) error {
	from := s.opts.Now().UTC().Truncate(terminal.Day).Add(-time.Duration(days-1) * terminal.Day)
	snap, err := store.Snapshot(ctx, snapshot.Query{Days: true, Since: from})
	if err != nil {
		return err
	}
	if s.json {
		return s.Escaped(snap.WriteJSON)
	}
	show.Heading(s.Printer, store.Path(), snap)
	show.Kinds(s.Printer, snap, from, days)
	show.Others(s.Printer, snap)
	if len(snap.Trackables)+len(snap.Others) == 0 {
		s.Line("\nNothing is recorded.")
	}
	show.Freshness(s.Printer, snap)
	return nil
}
