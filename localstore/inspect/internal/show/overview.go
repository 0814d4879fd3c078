package show

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Kinds shows all trackables, a table per kind.
func Kinds(p *terminal.Printer, snap *snapshot.Snapshot, from time.Time, days int) {
	for _, section := range sections {
		list := snap.Of(section.kind)
		if len(list) == 0 {
			continue
		}
		p.Line("")
		p.Title("%s", section.title)
		rows := make([][]string, len(list))
		for i, t := range list {
			added := t.AddedByDay(from, snap.At)
			today := added.In(snap.At)
			rows[i] = append([]string{terminal.Plain(t.Name)}, section.row(t, today)...)
			rows[i] = append(rows[i], terminal.Sparkline(added.Last(days, snap.At)), terminal.Plain(t.Description))
		}
		header := append([]string{"NAME"}, section.columns...)
		p.Table(append(header, fmt.Sprintf("LAST %s", strings.ToUpper(terminal.Plural(int64(days), "day"))), "DESCRIPTION"), rows)
	}
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
		return []string{terminal.Value(t.Total), terminal.Plain(t.Unit), terminal.Signed(today.Value)}
	}},
	{"States", otelusage.KindState, []string{"STATE", "SINCE", "CHANGES", "TODAY"}, func(t *snapshot.Trackable, today snapshot.Amount) []string {
		since := ""
		if !t.ChangedAt.IsZero() {
			since = t.ChangedAt.Format(terminal.MinuteLayout)
		}
		return []string{terminal.StateOf(t), since, terminal.Count(t.Changes), terminal.Signed(today.Value)}
	}},
	{"Timers", otelusage.KindTimer, []string{"TOTAL", "RUNS", "AVERAGE", "TODAY"}, func(t *snapshot.Trackable, today snapshot.Amount) []string {
		average, added := "", ""
		if t.Runs > 0 {
			average = terminal.Seconds(t.AverageSeconds())
		}
		if today.Count != 0 {
			added = "+" + terminal.Seconds(today.Value.Float64())
		}
		return []string{terminal.Seconds(t.Seconds), terminal.Count(t.Runs), average, added}
	}},
	{"Sequences", otelusage.KindSequence, []string{"COMPLETIONS", "TODAY"}, func(t *snapshot.Trackable, today snapshot.Amount) []string {
		return []string{terminal.Value(t.Total), terminal.Signed(today.Value)}
	}},
}

// Others lists the metrics that belong to no trackable, added up over series.
func Others(s *terminal.Printer, snap *snapshot.Snapshot) {
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
		rows[i] = []string{terminal.Plain(name), terminal.Plain(string(t.Series[0].Metric.Type)), terminal.Plain(t.Unit), terminal.Count(int64(len(t.Series))), terminal.Plain(t.Description)}
	}
	s.Line("")
	s.Title("Other metrics")
	s.Table([]string{"NAME", "TYPE", "UNIT", "SERIES", "DESCRIPTION"}, rows)
}

// Heading says whose data it is, since when it is recorded, and whether it is sent.
func Heading(s *terminal.Printer, path string, snap *snapshot.Snapshot) {
	s.Line("%s", terminal.Plain(path))
	s.Line("recorded since %s, %s", terminal.When(snap.CreatedAt), Sending(snap.Consent))
}

func Sending(c localstore.Consent) string {
	verb := "is not sent"
	if c.Sending {
		verb = "is sent"
	}
	return fmt.Sprintf("recorded data %s: %s", verb, c.Reason)
}

// Freshness says how old the data is.
func Freshness(s *terminal.Printer, snap *snapshot.Snapshot) {
	recorded := "nothing was recorded yet"
	if last := snap.RecordedAt(); !last.IsZero() {
		recorded = "last recorded " + terminal.Ago(snap.At, last)
	}
	if slices.ContainsFunc(snap.Trackables, waits) {
		recorded += "; totals include what was counted since and waits in journals"
	}
	s.Line("")
	s.Note("As of %s UTC, %s. A running application records once per record interval, a minute by default.", terminal.When(snap.At), recorded)
}

func waits(t *snapshot.Trackable) bool {
	return t.Unrecorded.Count != 0 || !t.Unrecorded.Value.IsZero()
}
