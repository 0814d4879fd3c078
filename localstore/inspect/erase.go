package inspect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
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
	fmt.Fprintf(s.opts.Stderr, "This deletes all that %s holds, of %s, for good.\nWhat was sent before stays where it was sent.\nType yes to go on: ",
		plain(path), plural(int64(trackables), "trackable"))
	answer, err := s.answer(ctx)
	if ctx.Err() != nil {
		fmt.Fprintln(s.opts.Stderr)
		return ctx.Err()
	}
	if strings.TrimSpace(strings.ToLower(answer)) != "yes" {
		if err != nil { // no answer ended the line
			fmt.Fprintln(s.opts.Stderr)
		}
		return errUnconfirmed
	}
	return nil
}

// answer reads a line, until ctx ends. Nobody takes what is read after that.
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
		// A request for deletion at the destination needs the old id, which
		// nobody knows afterwards, also where Erase fails half-way.
		old := store.InstallationID()
		if !s.json {
			s.line("Erasing installation %s.", plain(old))
			s.note("A request to delete what was sent needs this id: it is not kept.")
		}
		err := store.Erase(ctx)
		if err != nil && !errors.Is(err, localstore.ErrErasePending) {
			return err
		}
		kept := retractions(ctx, store)
		if s.json {
			return errors.Join(err, s.printJSON(struct {
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
		s.line("All is erased. The installation has the new id %s.", plain(store.InstallationID()))
		s.note("A running application records nothing of what it counted before.")
		if kept > 0 {
			s.note("A submission was under way. Until the states that it names are taken back at the destination, the old id is kept for that: see preview.")
		}
		return nil
	})
}

// retractions returns how many requests are yet to take back what was erased.
func retractions(ctx context.Context, store *localstore.Store) int {
	p, err := store.Preview(ctx, outbox.Request{Forwarder: outbox.Delta})
	if err != nil {
		return 0 // all is erased, whatever can be said of it
	}
	return len(p.Retractions)
}
