package inspect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

func (s *session) eraseCommand() *cli.Command {
	yes := false
	return &cli.Command{
		Name: "erase", Usage: "delete everything recorded and create a new random id",
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

// confirm asks for a full yes on the error output, because a program may read the
// standard output.
func (s *session) confirm(ctx context.Context) error {
	var path string
	var trackables int
	err := s.with(ctx, func(store *localstore.Store) error {
		snap, err := store.Snapshot(ctx, snapshot.Query{})
		if err == nil {
			path, trackables = store.Path(), len(snap.Trackables)
		}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.opts.Stderr, "This permanently deletes everything in %s (%s).\nWhat was already sent stays at the destination.\nType yes to continue: ",
		terminal.Plain(path), terminal.Plural(int64(trackables), "trackable"))
	answer, err := s.answer(ctx)
	if ctx.Err() != nil {
		fmt.Fprintln(s.opts.Stderr)
		return ctx.Err()
	}
	if strings.TrimSpace(strings.ToLower(answer)) != "yes" {
		if err != nil { // no answer has ended the line
			fmt.Fprintln(s.opts.Stderr)
		}
		return errUnconfirmed
	}
	return nil
}

// answer reads a line until ctx ends. Later input is discarded.
func (s *session) answer(ctx context.Context) (line string, err error) {
	read := make(chan struct{})
	var text string
	var readErr error
	go func() {
		text, readErr = bufio.NewReader(s.opts.Stdin).ReadString('\n')
		close(read)
	}()
	select {
	case <-read:
		return text, readErr
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s *session) erase(ctx context.Context) error {
	return s.changing(ctx, func(store *localstore.Store) error {
		// A request for deletion at the destination needs the old id. It is not
		// kept, even if Erase fails half-way.
		old := store.InstallationID()
		if !s.json {
			s.Line("Erasing installation %s.", terminal.Plain(old))
			s.Note("Write this id down if you want to ask for the deletion of what was sent: it is not kept.")
		}
		err := store.Erase(ctx)
		if err != nil && !errors.Is(err, localstore.ErrErasePending) {
			return err
		}
		kept := retractions(ctx, store)
		if s.json {
			return errors.Join(err, s.PrintJSON(struct {
				Erased       bool   `json:"erased"`
				Pending      bool   `json:"erase_pending"`
				Retractions  int    `json:"retractions"`
				Installation string `json:"installation_id"`
				Old          string `json:"erased_installation_id"`
			}{true, err != nil, kept, store.InstallationID(), old}))
		}
		if err != nil {
			return err
		}
		s.Line("Everything is erased. The installation has the new id %s.", terminal.Plain(store.InstallationID()))
		s.Note("A running application discards what it counted before.")
		if kept > 0 {
			s.Note("The old id is kept until the destination has been asked to delete what was sent, and to take back the states in flight: see preview.")
		}
		return nil
	})
}

// retractions returns the number of requests that are still to be made for what was erased.
func retractions(ctx context.Context, store *localstore.Store) int {
	p, err := store.Preview(ctx, outbox.Request{Forwarder: outbox.Delta})
	if err != nil {
		return 0 // everything is erased; only the note is missing
	}
	return len(p.Retractions)
}
