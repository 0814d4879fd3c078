package inspect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func (s *session) historyCommand() *cli.Command {
	var since, by string
	return &cli.Command{
		Name: "history", Usage: "show what was added by day or hour, and the changes of a State", ArgsUsage: "NAME",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "start at `TIME` in UTC: 2026-03-04, 2026-03-04T05:06:07Z, or 36h or 30d ago", Destination: &since},
			&cli.StringFlag{Name: "by", Usage: "add up by `PERIOD`: day (400 are kept) or hour (only the latest exports)", Destination: &by},
		},
		ShellComplete: s.completeNames,
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(1, c); err != nil {
				return err
			}
			h := history{session: s, by: by}
			switch {
			case !c.Args().Present():
				return usageError{errors.New("name a trackable")}
			case by != "" && by != "day" && by != "hour":
				return usageError{fmt.Errorf("--by %q: want day or hour", by)}
			}
			var err error
			if h.since, err = parseSince(since, s.opts.Now()); err != nil {
				return usageError{err}
			}
			return s.with(ctx, func(store *localstore.Store) error { return h.show(ctx, store, c.Args().First()) })
		},
	}
}

// parseSince reads a time, or a duration before now.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(-time.Duration(n) * terminal.Day), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04", time.DateTime} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: want a date, a time as in 2026-03-04T05:06:07Z, or a time span as in 36h or 30d", text)
}

// history shows the history of a name.
type history struct {
	*session
	by    string // "" for day, and for the changes of a State
	since time.Time
}

// historyRow is what was added in one period.
type historyRow struct {
	From  time.Time    `json:"from"`
	Added series.Value `json:"added"`
	Runs  *int64       `json:"runs,omitempty"` // of a Timer, whose value is in seconds
}

type moveRow struct {
	At    time.Time `json:"at"`
	State *string   `json:"state"` // null for none
}

type historyDocument struct {
	Name  string       `json:"name"`
	Kind  string       `json:"kind"`
	By    string       `json:"by,omitempty"`
	Rows  []historyRow `json:"rows,omitempty"`
	Moves []moveRow    `json:"moves,omitempty"`
}

func (h history) show(ctx context.Context, store *localstore.Store, name string) error {
	period := terminal.Day // the period of since is shown as a whole
	if h.by == "hour" {
		period = time.Hour
	}
	q := snapshot.Query{Name: name, Days: h.by != "hour", History: h.by != "day", Since: h.since.Truncate(period)}
	snap, err := h.find(ctx, store, q)
	if err != nil {
		return err
	}
	if len(snap.Trackables) == 0 {
		return h.unknown("trackable", name, nil) // a metric of the application, not a trackable
	}
	documents := make([]historyDocument, len(snap.Trackables))
	for i, t := range snap.Trackables {
		documents[i] = h.of(snap, t)
	}
	if h.json {
		return h.PrintJSON(documents)
	}
	for i, d := range documents {
		if i > 0 {
			h.Line("")
		}
		h.print(d)
	}
	show.Freshness(h.session.Printer, snap)
	return nil
}

func (h history) of(snap *snapshot.Snapshot, t *snapshot.Trackable) historyDocument {
	t.Unrecorded = snapshot.Amount{} // this is about recordings
	d := historyDocument{Name: t.Name, Kind: t.Kind.String(), By: h.by}
	if h.by == "" && t.Kind == otelusage.KindState {
		for i, m := range t.Moves {
			if i+1 < len(t.Moves) && !t.Moves[i+1].At.After(h.since) {
				continue // it had ended
			}
			row := moveRow{At: m.At}
			if m.State != otelusage.NoState {
				row.State = &m.State
			}
			d.Moves = append(d.Moves, row)
		}
		return d
	}
	var added snapshot.Added
	if h.by == "hour" {
		added = t.AddedByHour(h.since.Truncate(time.Hour))
	} else {
		d.By, added = "day", t.AddedByDay(h.since.Truncate(terminal.Day), snap.At)
	}
	for _, at := range added.Starts() {
		row := historyRow{From: at, Added: added.In(at).Value}
		if runs := added.In(at).Count; t.Kind == otelusage.KindTimer {
			row.Runs = &runs
		}
		d.Rows = append(d.Rows, row)
	}
	return d
}

func (h history) print(d historyDocument) {
	h.Title("%s (%s)", terminal.Plain(d.Name), d.Kind)
	switch {
	case len(d.Moves) > 0:
		h.printMoves(d.Moves)
		return
	case len(d.Rows) == 0:
		h.Line("Nothing was recorded in that time.")
		return
	}
	title, layout, most := "DAY", time.DateOnly, 0.0
	if d.By == "hour" {
		title, layout = "HOUR", terminal.MinuteLayout
	}
	for _, r := range d.Rows {
		most = max(most, r.Added.Float64(), -r.Added.Float64())
	}
	rows := make([][]string, len(d.Rows))
	for i, r := range d.Rows {
		added, runs := terminal.Signed(r.Added), ""
		if r.Runs != nil {
			added, runs = terminal.Seconds(r.Added.Float64()), terminal.Count(*r.Runs)
		}
		share := max(r.Added.Float64(), -r.Added.Float64())
		rows[i] = []string{r.From.Format(layout), added, runs, terminal.Bar(uint64(share/most*1000), 1000)}
	}
	h.Table([]string{title, "ADDED", "RUNS", " "}, rows)
}

func (h history) printMoves(moves []moveRow) {
	list := make([]snapshot.StateMove, len(moves))
	for i, m := range moves {
		list[i].At = m.At
		if m.State != nil {
			list[i].State = *m.State
		}
	}
	show.Moves(h.session.Printer, list, len(list))
}
