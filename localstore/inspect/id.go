package inspect

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
)

func (s *session) idCommand() *cli.Command {
	return &cli.Command{
		Name: "id", Usage: "show the random ids of this installation, its mirror and what it sends",
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			return s.with(ctx, func(store *localstore.Store) error {
				if s.json {
					return s.PrintJSON(struct {
						Installation string `json:"installation_id"`
						Mirror       string `json:"mirror_id"`
						Stream       string `json:"stream_id"`
					}{store.InstallationID(), store.MirrorID(), store.StreamID()})
				}
				s.Line("installation %s", terminal.Plain(store.InstallationID()))
				s.Line("mirror       %s", terminal.Plain(store.MirrorID()))
				if stream := store.StreamID(); stream != "" {
					s.Line("stream       %s", terminal.Plain(stream))
				} else {
					s.Note("None of these is sent: each submission has an id of its own.")
				}
				return nil
			})
		},
	}
}
