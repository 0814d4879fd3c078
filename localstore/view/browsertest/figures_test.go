package browsertest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// figures are what the page works out of the data for a trackable.
type figures struct {
	Added []float64
	Bins  []uint64
	Half  float64
}

// TestThePageCountsAsASnapshotDoes: its scripts work out days and distributions
// from the document, where there is no Go.
func TestThePageCountsAsASnapshotDoes(t *testing.T) {
	const last = 14
	a := newApplication(t)
	p := newProcess(t, a)
	p.keep("quests", otelusage.KindStatistic)(7)
	p.keep("play", otelusage.KindTimer)(3)
	p.keep("fresh", otelusage.KindStatistic)(2)
	snap, err := a.mirror.Snapshot(t.Context(), snapshot.Query{Days: true})
	must(t, err)
	b := start(t, a.url)
	b.run(script(fmt.Sprintf(`Promise.all([import("%sseries.js"), fetch("data").then((r) => r.json())]).then(([s, data]) => {
		const of = (t, buckets) => ({ added: s.latest(s.daily(t, %[2]d), %[3]d, %[2]d).added, bins: buckets.map((b) => b.count), half: s.quantile(buckets, 0.5) });
		window.figures = Object.fromEntries([...data.statistics, ...data.timers, ...data.sequences].map((t) => [t.name, of(t, s.distribution(t))]));
	}).catch((e) => { window.figures = String(e); })`, a.url, snap.At.UnixMilli(), last)))
	b.wait(`window.figures !== undefined`)
	var page map[string]figures
	must(t, json.Unmarshal([]byte(evaluate[string](b, `JSON.stringify(window.figures)`)), &page))
	for _, name := range []string{"quests", "size", "play", "trip", "fresh"} {
		x, shown := snap.Named(name)[0], page[name]
		if kept := name == "quests" || name == "play" || name == "fresh"; kept == x.Unrecorded.Value.IsZero() {
			t.Errorf("%s: unrecorded %v", name, x.Unrecorded)
		}
		want := x.AddedByDay(snap.At.AddDate(0, 0, -days), snap.At).Last(last, snap.At)
		if name == "fresh" { // it began today
			want = want[last-1:]
		}
		if !slices.EqualFunc(shown.Added, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }) {
			t.Errorf("%s: the page adds %v, the snapshot %v", name, shown.Added, want)
		}
		for _, d := range x.Distributions() {
			var bins []uint64
			for _, bin := range d.Shown() {
				bins = append(bins, bin.Count)
			}
			half, _ := d.Quantile(0.5)
			if !slices.Equal(shown.Bins, bins) || math.Abs(shown.Half-half) > 1e-6 {
				t.Errorf("%s: the page shows %+v, the snapshot %v and %g", name, shown, bins, half)
			}
		}
	}
	if len(page["play"].Bins) == 0 {
		t.Error("the page shows no distribution")
	}
}
