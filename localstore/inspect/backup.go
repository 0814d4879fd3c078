package inspect

import (
	"context"
	"errors"
	"io/fs"

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
				return usageError{errors.New("name the file to write the backup to")}
			}
			return s.with(ctx, func(store *localstore.Store) error {
				if err := store.Backup(ctx, path); err != nil {
					return notTheMirrors(err)
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

// targetError is an error about the file being written, not about the mirror.
type targetError struct{ error }

func (e targetError) Unwrap() error { return e.error }

// notTheMirrors marks an error in creating the copy's file: the same error about
// the mirror means something else to the user.
func notTheMirrors(err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok && !errors.Is(err, localstore.ErrDamaged) {
		return targetError{err}
	}
	return err
}
