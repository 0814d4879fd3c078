package inspect

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
)

func (s *session) idCommand() *cli.Command {
	return &cli.Command{
		Name: "id", Usage: "show the random ids of this installation and its mirror",
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			return s.with(ctx, func(store *localstore.Store) error {
				if s.json {
					return s.PrintJSON(struct {
						Installation string `json:"installation_id"`
						Mirror       string `json:"mirror_id"`
					}{store.InstallationID(), store.MirrorID()})
				}
				s.Line("installation %s", terminal.Plain(store.InstallationID()))
				s.Line("mirror       %s", terminal.Plain(store.MirrorID()))
				return nil
			})
		},
	}
}
