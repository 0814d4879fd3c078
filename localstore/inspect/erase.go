package inspect

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

func (s *session) eraseCommand() *cli.Command {
	yes := false
	return &cli.Command{
		Name: "erase", Usage: "delete all that was recorded and take a new random id",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask", Destination: &yes}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			if !yes {
				if err := s.confirm(ctx); err != nil {
					return err
				}
			}
			return s.erase(ctx)
		},
	}
}

// confirm asks for a yes in full, on the error output: the other one may be
// read by a program.
func (s *session) confirm(ctx context.Context) error {
	var path string
	var trackables int
	err := s.with(func(store *localstore.Store) error {
		snap, err := store.Snapshot(ctx, localstore.Query{})
		if err == nil {
			path, trackables = store.Path(), len(snap.Trackables)
		}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.opts.Stderr, "This deletes all that %s holds, of %s, for good.\nWhat was sent before stays where it was sent.\nType yes to go on: ",
		plain(path), plural(int64(trackables), "trackable"))
	answer, err := bufio.NewReader(s.opts.Stdin).ReadString('\n')
	if strings.TrimSpace(strings.ToLower(answer)) != "yes" {
		if err != nil { // no answer ended the line
			fmt.Fprintln(s.opts.Stderr)
		}
		return errUnconfirmed
	}
	return ctx.Err()
}

func (s *session) erase(ctx context.Context) error {
	return s.changing(func(store *localstore.Store) error {
		if err := store.Erase(ctx); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(struct {
				Erased       bool   `json:"erased"`
				Installation string `json:"installation_id"`
			}{true, store.InstallationID()})
		}
		s.line("All is erased. The installation has the new id %s.", plain(store.InstallationID()))
		s.note("A running application records nothing of what it counted before.")
		return nil
	})
}
