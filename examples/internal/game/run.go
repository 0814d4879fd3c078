package game

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/mirrorfile"
	"github.com/anonymoususage/anonymoususage-go/examples/internal/table"
	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/setup"
)

// Session is one run of the game.
type Session struct {
	Config setup.Config
	Server string // to play on
	Answer string // yes or no, to the question for consent; empty: ask
	Out    io.Writer
}

// Run asks for consent if necessary, plays, submits and shows the totals of all
// runs.
func (s *Session) Run(ctx context.Context) error {
	cfg := s.Config
	cfg.Tracker = new(otelusage.Tracker) // the game declares its trackables on it
	usage, err := setup.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer usage.Close()
	game, err := New(usage.Tracker())
	if err != nil {
		return err
	}
	if usage.Store() != nil {
		if err := ask(ctx, s.Out, usage, s.Answer); err != nil {
			return err
		}
	}
	before := lifetimes(usage.Tracker())
	fmt.Fprintln(s.Out, game.Play(s.Server))
	switch err := usage.Submit(ctx); { // now, for the report; otherwise at the submit interval
	case errors.Is(err, exporter.ErrNoConsent):
		fmt.Fprintf(s.Out, "Nothing was sent: %v.\n", err)
	case err != nil:
		fmt.Fprintf(s.Out, "Not accepted, so it is kept: %v.\n", err)
	default:
		fmt.Fprintln(s.Out, "Sent and accepted.")
	}
	return s.report(ctx, usage, before)
}

func (s *Session) report(ctx context.Context, usage *setup.Usage, before map[string]string) error {
	fmt.Fprintln(s.Out, "\nAll runs of this game")
	t := &table.Table{Header: []string{"trackable", "before", "now"}}
	now := lifetimes(usage.Tracker())
	for tr := range usage.Tracker().All() {
		t.Add(tr.Name(), before[tr.Name()], now[tr.Name()])
	}
	if err := t.Print(s.Out); err != nil || usage.Store() == nil {
		return err
	}
	path := usage.Store().Path()
	const query = "select at, outcome, points, reason from submissions order by id desc limit 3"
	rows, err := mirrorfile.Query(ctx, path, query)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "\nsqlite3 -header -column '%s' '%s'\n", path, query)
	return rows.Print(s.Out)
}

// lifetimes returns the trackables' values over all runs, by name.
func lifetimes(t *otelusage.Tracker) map[string]string {
	texts := make(map[string]string)
	for tr := range t.All() {
		_, texts[tr.Name()], _ = strings.Cut(tr.String(), ": ")
	}
	return texts
}

// DefaultFile returns where an example keeps its mirror.
func DefaultFile(example string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a directory for the mirror, which -file can name: %w", err)
	}
	return filepath.Join(dir, "anonymoususage-"+example, "usage.db"), nil
}
