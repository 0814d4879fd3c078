package inspect

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
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
					return s.printJSON(struct {
						Installation string `json:"installation_id"`
						Mirror       string `json:"mirror_id"`
					}{store.InstallationID(), store.MirrorID()})
				}
				s.line("installation %s", plain(store.InstallationID()))
				s.line("mirror       %s", plain(store.MirrorID()))
				return nil
			})
		},
	}
}
