package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// sparkDays is how many days a sparkline shows by default.
const sparkDays = 14

func (s *session) showCommand() *cli.Command {
	days := sparkDays
	return &cli.Command{
		Name: "show", Usage: "show all trackables, or one with its history", ArgsUsage: "[NAME]",
		Flags: []cli.Flag{&cli.IntFlag{Name: "days", Usage: "draw the last `N` days, at most 400", Value: sparkDays, Destination: &days,
			Validator: func(n int) error {
				if n < 1 || n > snapshot.KeptDays {
					return fmt.Errorf("%d days: want 1 to %d", n, snapshot.KeptDays)
				}
				return nil
			}}},
		ShellComplete: s.completeNames,
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(1, c); err != nil {
				return err
			}
			return s.with(ctx, func(store *localstore.Store) error {
				if name := c.Args().First(); name != "" {
					return s.showOne(ctx, store, name, days)
				}
				return s.showAll(ctx, store, days)
			})
		},
	}
}

// completeNames completes the names of trackables.
func (s *session) completeNames(ctx context.Context, c *cli.Command) {
	cli.DefaultCompleteWithFlags(ctx, c)
	if c.Args().Len() > 1 || strings.HasPrefix(c.Args().Get(0), "-") {
		return
	}
	_ = s.with(ctx, func(store *localstore.Store) error { // without a mirror there are no names
		snap, err := store.Snapshot(ctx, snapshot.Query{})
		if err != nil {
			return err
		}
		for _, name := range names(snap) {
			s.line("%s", plain(name))
		}
		return nil
	})
}

// names returns all names in order, without duplicates.
func names(snap *snapshot.Snapshot) []string {
	var list []string
	for _, t := range snap.Trackables {
		list = append(list, t.Name)
	}
	for _, x := range snap.Others {
		list = append(list, x.Metric.Name)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (s *session) showAll(ctx context.Context, store *localstore.Store, days int) error {
	from := s.opts.Now().UTC().Truncate(day).Add(-time.Duration(days-1) * day)
	snap, err := store.Snapshot(ctx, snapshot.Query{Days: true, Since: from})
	if err != nil {
		return err
	}
	if s.json {
		return s.escaped(snap.WriteJSON)
	}
	s.heading(store, snap)
	for _, section := range sections {
		list := snap.Of(section.kind)
		if len(list) == 0 {
			continue
		}
		s.line("")
		s.title("%s", section.title)
		rows := make([][]string, len(list))
		for i, t := range list {
			added := t.AddedByDay(from, snap.At)
			today := added.In(snap.At)
			rows[i] = append([]string{plain(t.Name)}, section.row(t, today)...)
			rows[i] = append(rows[i], sparkline(added.Last(days, snap.At)), plain(t.Description))
		}
		header := append([]string{"NAME"}, section.columns...)
		s.table(append(header, fmt.Sprintf("LAST %s", strings.ToUpper(plural(int64(days), "day"))), "DESCRIPTION"), rows)
	}
	s.showOthers(snap)
	if len(snap.Trackables)+len(snap.Others) == 0 {
		s.line("\nNothing is recorded.")
	}
	s.freshness(snap)
	return nil
}

// section is how one kind is shown: its columns between name and sparkline.
type section struct {
	title   string
	kind    otelusage.Kind
	columns []string
	row     func(t *snapshot.Trackable, today snapshot.Amount) []string
}

var sections = []section{
	{"Statistics", otelusage.KindStatistic, []string{"TOTAL", "UNIT", "TODAY"}, func(t *snapshot.Trackable, today snapshot.Amount) []string {
		return []string{value(t.Total), plain(t.Unit), signed(today.Value)}
	}},
	{"States", otelusage.KindState, []string{"STATE", "SINCE", "CHANGES", "TODAY"}, func(t *snapshot.Trackable, today snapshot.Amount) []string {
		since := ""
		if !t.ChangedAt.IsZero() {
			since = t.ChangedAt.Format(minuteLayout)
		}
		return []string{stateOf(t), since, count(t.Changes), signed(today.Value)}
	}},
	{"Timers", otelusage.KindTimer, []string{"TOTAL", "RUNS", "AVERAGE", "TODAY"}, func(t *snapshot.Trackable, today snapshot.Amount) []string {
		average, added := "", ""
		if t.Runs > 0 {
			average = seconds(t.AverageSeconds())
		}
		if today.Count != 0 {
			added = "+" + seconds(today.Value.Float64())
		}
		return []string{seconds(t.Seconds), count(t.Runs), average, added}
	}},
	{"Sequences", otelusage.KindSequence, []string{"COMPLETIONS", "TODAY"}, func(t *snapshot.Trackable, today snapshot.Amount) []string {
		return []string{value(t.Total), signed(today.Value)}
	}},
}

// showOthers lists the metrics that belong to no trackable, added up over series.
func (s *session) showOthers(snap *snapshot.Snapshot) {
	sums := make(map[string]*snapshot.Trackable)
	var order []string
	for _, x := range snap.Others {
		t := sums[x.Metric.Name]
		if t == nil {
			t = &snapshot.Trackable{}
			sums[x.Metric.Name], order = t, append(order, x.Metric.Name)
			t.Name, t.Unit, t.Description = x.Metric.Name, x.Metric.Unit, x.Metric.Description
		}
		t.Series = append(t.Series, x)
	}
	if len(order) == 0 {
		return
	}
	slices.Sort(order)
	rows := make([][]string, len(order))
	for i, name := range order {
		t := sums[name]
		rows[i] = []string{plain(name), plain(string(t.Series[0].Metric.Type)), plain(t.Unit), count(int64(len(t.Series))), plain(t.Description)}
	}
	s.line("")
	s.title("Other metrics")
	s.table([]string{"NAME", "TYPE", "UNIT", "SERIES", "DESCRIPTION"}, rows)
}

// heading says whose data it is, since when it is recorded, and whether it is sent.
func (s *session) heading(store *localstore.Store, snap *snapshot.Snapshot) {
	s.line("%s", plain(store.Path()))
	s.line("recorded since %s, %s", when(snap.CreatedAt), sending(snap.Consent))
}

func sending(c localstore.Consent) string {
	verb := "is not sent"
	if c.Sending {
		verb = "is sent"
	}
	return fmt.Sprintf("recorded data %s: %s", verb, c.Reason)
}

// freshness says how old the data is.
func (s *session) freshness(snap *snapshot.Snapshot) {
	recorded := "nothing was recorded yet"
	if last := snap.RecordedAt(); !last.IsZero() {
		recorded = "last recorded " + ago(snap.At, last)
	}
	s.line("")
	s.note("As of %s UTC, %s. A running application records once per record interval, a minute by default.", when(snap.At), recorded)
}
