package show

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// movesShown is how many of its latest states are shown for a State.
const movesShown = 10

func Trackable(s *terminal.Printer, snap *snapshot.Snapshot, t *snapshot.Trackable, from time.Time, days int) {
	s.Title("%s (%s)", terminal.Plain(t.Name), t.Kind)
	if t.Description != "" {
		s.Line("%s", terminal.Plain(t.Description))
	}
	added := t.AddedByDay(from, snap.At)
	s.Line("%s", summary(s, t, added.In(snap.At)))
	waiting(s, t)
	s.Line("declared %s, changed %s", terminal.When(t.DeclaredAt), terminal.When(t.ChangedAt))
	s.Line("last %s  %s", terminal.Plural(int64(days), "day"), terminal.Sparkline(added.Last(days, snap.At)))
	switch t.Kind {
	case otelusage.KindState:
		Moves(s, t.Moves, movesShown)
	case otelusage.KindTimer:
		for _, d := range t.Distributions() {
			distribution(s, d)
		}
	case otelusage.KindSequence:
		funnel(s, t)
	}
	Series(s, t.Series)
}

// summary returns the lifetime and today's difference.
func summary(s *terminal.Printer, t *snapshot.Trackable, today snapshot.Amount) string {
	unit := ""
	if t.Unit != "" {
		unit = " " + terminal.Plain(t.Unit)
	}
	added := terminal.Signed(today.Value)
	if added == "" {
		added = "nothing"
	}
	switch t.Kind {
	case otelusage.KindState:
		return fmt.Sprintf("%s, %s, today %s", terminal.StateOf(t), terminal.Plural(t.Changes, "change"), added)
	case otelusage.KindTimer:
		return fmt.Sprintf("%s in %s, on average %s, today %s in %s", terminal.Seconds(t.Seconds), terminal.Plural(t.Runs, "run"),
			terminal.Seconds(t.AverageSeconds()), terminal.Seconds(today.Value.Float64()), terminal.Plural(today.Count, "run"))
	case otelusage.KindSequence:
		return fmt.Sprintf("completed %s, today %s", terminal.Plural(t.Total.Int64(), "time"), added)
	}
	return fmt.Sprintf("%s%s, today %s, in %s", terminal.Value(t.Total), unit, added, terminal.Plural(t.Recordings, "export"))
}

// waiting says what of the total is not in the mirror yet, where anything is.
func waiting(s *terminal.Printer, t *snapshot.Trackable) {
	what := terminal.Signed(t.Unrecorded.Value)
	if t.Kind == otelusage.KindTimer && t.Unrecorded.Count != 0 {
		what = fmt.Sprintf("%s in %s", terminal.Seconds(t.Unrecorded.Value.Float64()), terminal.Plural(t.Unrecorded.Count, "run"))
	}
	if what != "" {
		s.Line("of that %s not recorded yet, in the journals of processes", what)
	}
}

// Moves lists the latest states, the last one first.
func Moves(s *terminal.Printer, moves []snapshot.StateMove, most int) {
	if len(moves) == 0 {
		return
	}
	s.Line("")
	s.Title("States")
	var rows [][]string
	for i := len(moves) - 1; i >= max(0, len(moves)-most); i-- {
		lasted := "" // it still lasts
		if i+1 < len(moves) {
			lasted = otelusage.FormatDuration(moves[i+1].At.Sub(moves[i].At).Round(time.Second))
		}
		rows = append(rows, []string{terminal.When(moves[i].At), terminal.ShownState(moves[i].State), lasted})
	}
	s.Table([]string{"FROM", "STATE", "FOR"}, rows)
	if hidden := len(moves) - most; hidden > 0 {
		s.Note("  and %d earlier", hidden)
	}
}

func distribution(s *terminal.Printer, d snapshot.Distribution) {
	s.Line("")
	s.Title("Distribution of %s", terminal.Plural(int64(d.Count), "run"))
	var quantiles []string
	for _, q := range []int{50, 90, 99} {
		at, open := d.Quantile(float64(q) / 100)
		text := terminal.Seconds(at)
		if open {
			text = "over " + text
		}
		quantiles = append(quantiles, fmt.Sprintf("p%d %s", q, text))
	}
	s.Line("  %s", strings.Join(quantiles, ", "))
	bins := d.Shown()
	most := uint64(0)
	for _, b := range bins {
		most = max(most, b.Count)
	}
	rows := make([][]string, len(bins))
	for i, b := range bins {
		limit := "up to " + terminal.Seconds(b.High)
		if math.IsInf(b.High, 1) {
			limit = "over " + terminal.Seconds(b.Low)
		}
		rows[i] = []string{limit, fmt.Sprint(b.Count), terminal.Bar(b.Count, most)}
	}
	s.Table([]string{"TOOK", "RUNS", " "}, rows)
}

// funnel shows how often each checkpoint was hit.
func funnel(s *terminal.Printer, t *snapshot.Trackable) {
	s.Line("")
	s.Title("Checkpoints")
	funnel := t.Funnel()
	most := uint64(0)
	for _, c := range funnel {
		most = max(most, uint64(max(t.Hits[c], 0)))
	}
	rows := make([][]string, len(funnel))
	for i, c := range funnel {
		hits := uint64(max(t.Hits[c], 0))
		share := ""
		if most > 0 {
			share = fmt.Sprintf("%.0f %%", float64(hits)/float64(most)*100)
		}
		rows[i] = []string{terminal.Plain(c), fmt.Sprint(hits), share, terminal.Bar(hits, most)}
	}
	s.Table([]string{"CHECKPOINT", "HITS", "SHARE", " "}, rows)
	if len(funnel) < len(t.Checkpoints) {
		s.Note("  in the order %s", terminal.Plain(strings.Join(t.Checkpoints, ", ")))
	}
}

// Series lists each series with where its counts are.
func Series(s *terminal.Printer, list []*snapshot.SeriesCounts) {
	if len(list) == 0 {
		return
	}
	s.Line("")
	s.Title("Series")
	resources := make(map[string]bool)
	for _, x := range list {
		resources[x.Resource] = true
	}
	rows := make([][]string, len(list))
	for i, x := range list {
		resource := ""
		if len(resources) > 1 { // otherwise a separate line says it
			resource = Attributes(x.Resource)
		}
		rows[i] = []string{terminal.Plain(x.Metric.Name), Attributes(x.Attributes), Counted(x.Recorded),
			Some(x.Accepted), Some(x.Partial), Some(x.InFlight), Some(x.Pending), Some(x.SetAside), Some(x.Withheld), Some(x.Unrecorded), resource}
		if x.Metric.Type == series.TypeGauge {
			rows[i] = []string{terminal.Plain(x.Metric.Name), Attributes(x.Attributes), terminal.Value(x.Gauge), "", "", "", "", "", "", "", resource}
		}
	}
	s.Table([]string{"METRIC", "ATTRIBUTES", "RECORDED", "ACCEPTED", "PARTIAL", "IN FLIGHT", "PENDING", "SET ASIDE", "WITHHELD", "UNRECORDED", "RESOURCE"}, rows)
	if len(resources) == 1 {
		s.Note("  under the resource %s", terminal.Plain(list[0].Resource))
	}
}

// Attributes shows the mirror's JSON of attributes, "" for none.
func Attributes(text string) string {
	if text == "{}" {
		return ""
	}
	return terminal.Plain(text)
}

// Counted shows a number, or the count of a histogram.
func Counted(v series.Value) string {
	switch {
	case v.Histogram() != nil:
		return fmt.Sprint(v.Histogram().Count)
	case v.Exponential() != nil:
		return fmt.Sprint(v.Exponential().Count)
	}
	return terminal.Value(v)
}

// Some is like counted, but "" for zero.
func Some(v series.Value) string {
	if v.IsZero() {
		return ""
	}
	return Counted(v)
}
