package inspect

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// movesShown is how many of its latest states are shown for a State.
const movesShown = 10

// find reads everything with a name, or suggests the nearest name.
func (s *session) find(ctx context.Context, store *localstore.Store, q snapshot.Query) (*snapshot.Snapshot, error) {
	snap, err := store.Snapshot(ctx, q)
	if err == nil && len(snap.Trackables)+len(snap.Others) == 0 && strings.Contains(q.Name, " ") {
		q.Name = strings.ReplaceAll(q.Name, " ", "_") // as declarations do
		snap, err = store.Snapshot(ctx, q)
	}
	if err != nil || len(snap.Trackables)+len(snap.Others) > 0 {
		return snap, err
	}
	all, err := store.Snapshot(ctx, snapshot.Query{})
	if err != nil {
		return nil, err
	}
	return nil, s.unknown("trackable", q.Name, names(all))
}

func (s *session) showOne(ctx context.Context, store *localstore.Store, name string, days int) error {
	from := s.opts.Now().UTC().Truncate(day).Add(-time.Duration(days-1) * day)
	snap, err := s.find(ctx, store, snapshot.Query{Name: name, Days: true, History: true, Since: from})
	if err != nil {
		return err
	}
	if s.json {
		return s.escaped(snap.WriteJSON)
	}
	for i, t := range snap.Trackables {
		if i > 0 {
			s.line("")
		}
		s.showTrackable(snap, t, from, days)
	}
	if len(snap.Others) > 0 {
		s.title("%s", plain(snap.Others[0].Metric.Name))
		s.showSeries(snap.Others)
	}
	s.freshness(snap)
	return nil
}

func (s *session) showTrackable(snap *snapshot.Snapshot, t *snapshot.Trackable, from time.Time, days int) {
	s.title("%s (%s)", plain(t.Name), t.Kind)
	if t.Description != "" {
		s.line("%s", plain(t.Description))
	}
	added := t.AddedByDay(from, snap.At)
	s.line("%s", s.summary(t, added.In(snap.At)))
	s.line("declared %s, changed %s", when(t.DeclaredAt), when(t.ChangedAt))
	s.line("last %s  %s", plural(int64(days), "day"), sparkline(added.Last(days, snap.At)))
	switch t.Kind {
	case otelusage.KindState:
		s.showMoves(t.Moves, movesShown)
	case otelusage.KindTimer:
		for _, d := range t.Distributions() {
			s.showDistribution(d)
		}
	case otelusage.KindSequence:
		s.showFunnel(t)
	}
	s.showSeries(t.Series)
}

// summary returns the lifetime and today's difference.
func (s *session) summary(t *snapshot.Trackable, today snapshot.Amount) string {
	unit := ""
	if t.Unit != "" {
		unit = " " + plain(t.Unit)
	}
	added := signed(today.Value)
	if added == "" {
		added = "nothing"
	}
	switch t.Kind {
	case otelusage.KindState:
		return fmt.Sprintf("%s, %s, today %s", stateOf(t), plural(t.Changes, "change"), added)
	case otelusage.KindTimer:
		return fmt.Sprintf("%s in %s, on average %s, today %s in %s", seconds(t.Seconds), plural(t.Runs, "run"),
			seconds(t.AverageSeconds()), seconds(today.Value.Float64()), plural(today.Count, "run"))
	case otelusage.KindSequence:
		return fmt.Sprintf("completed %s, today %s", plural(t.Total.Int64(), "time"), added)
	}
	return fmt.Sprintf("%s%s, today %s, in %s", value(t.Total), unit, added, plural(t.Recordings, "export"))
}

// showMoves lists the latest states, the last one first.
func (s *session) showMoves(moves []snapshot.StateMove, most int) {
	if len(moves) == 0 {
		return
	}
	s.line("")
	s.title("States")
	var rows [][]string
	for i := len(moves) - 1; i >= max(0, len(moves)-most); i-- {
		lasted := "" // it still lasts
		if i+1 < len(moves) {
			lasted = otelusage.FormatDuration(moves[i+1].At.Sub(moves[i].At).Round(time.Second))
		}
		rows = append(rows, []string{when(moves[i].At), shownState(moves[i].State), lasted})
	}
	s.table([]string{"FROM", "STATE", "FOR"}, rows)
	if hidden := len(moves) - most; hidden > 0 {
		s.note("  and %d earlier", hidden)
	}
}

func (s *session) showDistribution(d snapshot.Distribution) {
	s.line("")
	s.title("Distribution of %s", plural(int64(d.Count), "run"))
	var quantiles []string
	for _, q := range []int{50, 90, 99} {
		at, open := d.Quantile(float64(q) / 100)
		text := seconds(at)
		if open {
			text = "over " + text
		}
		quantiles = append(quantiles, fmt.Sprintf("p%d %s", q, text))
	}
	s.line("  %s", strings.Join(quantiles, ", "))
	bins := d.Shown()
	most := uint64(0)
	for _, b := range bins {
		most = max(most, b.Count)
	}
	rows := make([][]string, len(bins))
	for i, b := range bins {
		limit := "up to " + seconds(b.High)
		if math.IsInf(b.High, 1) {
			limit = "over " + seconds(b.Low)
		}
		rows[i] = []string{limit, fmt.Sprint(b.Count), bar(b.Count, most)}
	}
	s.table([]string{"TOOK", "RUNS", " "}, rows)
}

// showFunnel shows how often each checkpoint was hit.
func (s *session) showFunnel(t *snapshot.Trackable) {
	s.line("")
	s.title("Checkpoints")
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
		rows[i] = []string{plain(c), fmt.Sprint(hits), share, bar(hits, most)}
	}
	s.table([]string{"CHECKPOINT", "HITS", "SHARE", " "}, rows)
	if len(funnel) < len(t.Checkpoints) {
		s.note("  in the order %s", plain(strings.Join(t.Checkpoints, ", ")))
	}
}

// showSeries lists each series with where its counts are.
func (s *session) showSeries(list []*snapshot.SeriesCounts) {
	if len(list) == 0 {
		return
	}
	s.line("")
	s.title("Series")
	resources := make(map[string]bool)
	for _, x := range list {
		resources[x.Resource] = true
	}
	rows := make([][]string, len(list))
	for i, x := range list {
		resource := ""
		if len(resources) > 1 { // otherwise a separate line says it
			resource = attributesOf(x.Resource)
		}
		rows[i] = []string{plain(x.Metric.Name), attributesOf(x.Attributes), counted(x.Recorded),
			some(x.Accepted), some(x.Partial), some(x.InFlight), some(x.Pending), some(x.SetAside), some(x.Withheld), resource}
		if x.Metric.Type == series.TypeGauge {
			rows[i] = []string{plain(x.Metric.Name), attributesOf(x.Attributes), value(x.Gauge), "", "", "", "", "", "", resource}
		}
	}
	s.table([]string{"METRIC", "ATTRIBUTES", "RECORDED", "ACCEPTED", "PARTIAL", "IN FLIGHT", "PENDING", "SET ASIDE", "WITHHELD", "RESOURCE"}, rows)
	if len(resources) == 1 {
		s.note("  under the resource %s", plain(list[0].Resource))
	}
}

// attributesOf shows the mirror's JSON of attributes, "" for none.
func attributesOf(text string) string {
	if text == "{}" {
		return ""
	}
	return plain(text)
}

// counted shows a number, or the count of a histogram.
func counted(v series.Value) string {
	switch {
	case v.Histogram() != nil:
		return fmt.Sprint(v.Histogram().Count)
	case v.Exponential() != nil:
		return fmt.Sprint(v.Exponential().Count)
	}
	return value(v)
}

// some is like counted, but "" for zero.
func some(v series.Value) string {
	if v.IsZero() {
		return ""
	}
	return counted(v)
}
