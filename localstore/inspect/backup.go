package inspect

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

func (s *session) backupCommand() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "write a copy of the mirror to a new file", ArgsUsage: "FILE",
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(1, c); err != nil {
				return err
			}
			path := c.Args().First()
			if path == "" {
				return usageError{errors.New("backup to which file?")}
			}
			return s.with(ctx, func(store *localstore.Store) error {
				if err := store.Backup(ctx, path); err != nil {
					return err
				}
				if s.json {
					return s.printJSON(map[string]string{"backup": path})
				}
				s.line("%s is a copy of the mirror.", plain(path))
				return nil
			})
		},
	}
}
