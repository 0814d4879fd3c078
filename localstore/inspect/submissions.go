package inspect

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func (s *session) submissionsCommand() *cli.Command {
	return &cli.Command{
		Name: "submissions", Usage: "show the outcomes of submissions, or what an accepted one sent", ArgsUsage: "[ID|NAME]",
		ShellComplete: s.completeNames,
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(1, c); err != nil {
				return err
			}
			return s.with(ctx, func(store *localstore.Store) error {
				arg := c.Args().First()
				if id, err := strconv.ParseInt(arg, 10, 64); err == nil {
					return s.showSubmission(ctx, store, id)
				}
				if arg != "" {
					return s.showSentOf(ctx, store, arg)
				}
				return s.showLog(ctx, store)
			})
		},
	}
}

func (s *session) showLog(ctx context.Context, store *localstore.Store) error {
	snap, err := store.Snapshot(ctx, snapshot.Query{Submissions: true})
	if err != nil {
		return err
	}
	if s.json {
		return s.PrintJSON(struct {
			Submissions []snapshot.LogEntry `json:"submissions"`
		}{append([]snapshot.LogEntry{}, snap.Submissions...)})
	}
	if len(snap.Submissions) == 0 {
		s.Line("Nothing was submitted yet; %s.", show.Sending(snap.Consent))
		return nil
	}
	rows := make([][]string, len(snap.Submissions))
	for i, e := range snap.Submissions {
		rows[i] = []string{terminal.Count(e.ID), terminal.When(e.Last), terminal.Plain(string(e.Outcome)), terminal.Nonzero(e.Status), terminal.Count(e.Points), terminal.Nonzero(e.Rejected),
			times(e.Times), terminal.Plain(string(e.Forwarder)), terminal.Nonzero(e.Batch), terminal.Plain(e.Reason)}
	}
	s.Table([]string{"ID", "AT", "OUTCOME", "STATUS", "POINTS", "REJECTED", "TIMES", "FORWARDER", "BATCH", "REASON"}, rows)
	s.Line("")
	s.Note("%s submissions ID shows what was sent; the payloads of the last 20 accepted batches are kept.", s.opts.Name)
	return nil
}

// times shows how often something happened in a row, if more than once.
func times(n int64) string {
	if n == 1 {
		return ""
	}
	return terminal.Count(n)
}

// showSubmission shows what was sent by the submission in a row of the log.
func (s *session) showSubmission(ctx context.Context, store *localstore.Store, id int64) error {
	snap, err := store.Snapshot(ctx, snapshot.Query{Submissions: true})
	if err != nil {
		return err
	}
	var entry *snapshot.LogEntry
	for i := range snap.Submissions {
		if snap.Submissions[i].ID == id {
			entry = &snap.Submissions[i]
		}
	}
	switch {
	case entry == nil:
		return s.unknown("submission", terminal.Count(id), nil)
	case entry.Batch == 0:
		return fmt.Errorf("submission %d: %w: it sent totals; %s show and preview --as hq show their current values", id, snapshot.ErrNoPayload, s.opts.Name)
	}
	sent, err := store.Sent(ctx, entry.Batch)
	if err != nil {
		return fmt.Errorf("submission %d: %w", id, err)
	}
	var parts []snapshot.SentPart
	for _, p := range sent {
		if entry.Part == 0 || p.ID == entry.Part {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return fmt.Errorf("submission %d, %s: %w", id, entry.Outcome, snapshot.ErrNoPayload)
	}
	return s.showSent(parts, "")
}

// showSentOf shows what was sent of one trackable, from the payloads that are kept.
func (s *session) showSentOf(ctx context.Context, store *localstore.Store, name string) error {
	snap, err := s.find(ctx, store, snapshot.Query{Name: name})
	if err != nil {
		return err
	}
	if len(snap.Trackables) > 0 {
		name = snap.Trackables[0].Name
	} else {
		name = snap.Others[0].Metric.Name
	}
	sent, err := store.Sent(ctx, 0)
	if err != nil {
		return err
	}
	var parts []snapshot.SentPart
	for _, p := range sent {
		if holds(p.Part, name) {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 && !s.json {
		s.Line("The payloads that are kept have nothing of %s.", terminal.Plain(name))
		return nil
	}
	return s.showSent(parts, name)
}

// belongs reports whether a metric is a trackable's, or derived from it.
func belongs(metric, name string) bool {
	for _, suffix := range []string{"", otelusage.ChangesSuffix, otelusage.OccupancySuffix, otelusage.CheckpointsSuffix} {
		if strings.EqualFold(metric, name+suffix) {
			return true
		}
	}
	return false
}

func holds(p *series.Part, name string) bool {
	for _, scope := range p.Scopes {
		for _, m := range scope.Metrics {
			if belongs(m.Metric.Name, name) {
				return true
			}
		}
	}
	return false
}

func (s *session) showSent(parts []snapshot.SentPart, name string) error {
	if s.json {
		return s.PrintJSON(struct {
			Parts []snapshot.SentPart `json:"parts"`
		}{append([]snapshot.SentPart{}, parts...)})
	}
	for i, p := range parts {
		if i > 0 {
			s.Line("")
		}
		s.Line("%s %s UTC", terminal.Plain(string(p.Outcome)), terminal.When(p.SettledAt))
		s.showPart(p.Part, name)
	}
	return nil
}
