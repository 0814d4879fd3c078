package browsertest

import (
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// firstDay serves a mirror of which there is one day, after count.
func firstDay(t *testing.T, count func(*otelusage.Statistic, *otelusage.Timer)) string {
	t.Helper()
	usage, err := standalone.Start(t.Context(), standalone.Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), Tracker: new(otelusage.Tracker)})
	must(t, err)
	t.Cleanup(func() { must(t, usage.Close()) })
	size, err := usage.Tracker().Statistic("size")
	must(t, err)
	play, err := usage.Tracker().Timer("play")
	must(t, err)
	count(size, play)
	must(t, usage.Flush(t.Context()))
	page, err := view.New(usage.Store(), view.WithControls(usage), view.WithTitle("Camelot"))
	must(t, err)
	t.Cleanup(func() { must(t, page.Close()) })
	served := httptest.NewServer(page)
	t.Cleanup(served.Close)
	return served.URL
}

// TestPlotsOfTheFirstDay show that day, and what takes milliseconds.
func TestPlotsOfTheFirstDay(t *testing.T) {
	b := start(t, firstDay(t, func(size *otelusage.Statistic, play *otelusage.Timer) {
		size.Add(3)
		play.Record(t.Context(), 2500*time.Microsecond)
	}))
	b.size(1000, 2600)
	b.wait(`document.querySelectorAll(".canvas canvas").length === 2`)
	for what, expression := range map[string]string{
		"more days than there are":       `[...document.querySelectorAll(".canvas")].every((c) => c.plot.chart.scales.x.max - c.plot.chart.scales.x.min <= 86400)`,
		"a day named twice":              `[...document.querySelectorAll(".canvas")].every((c) => new Set(c.plot.chart.axes[0]._values).size === c.plot.chart.axes[0]._values.length)`,
		"one number for different times": `[...document.querySelectorAll(".canvas")].every((c) => new Set(c.plot.chart.axes[1]._values).size === c.plot.chart.axes[1]._values.length)`,
	} {
		if !evaluate[bool](b, expression) {
			t.Errorf("a plot shows %s: %s", what, evaluate[string](b, `JSON.stringify([...document.querySelectorAll(".canvas")].map((c) => [c.plot.chart.scales.x.min, c.plot.chart.scales.x.max, c.plot.chart.axes.map((a) => a._values)]))`))
		}
	}
	// A single day has no line: a point stands for it.
	if !evaluate[bool](b, `(() => { const p = document.querySelector(".canvas").plot; return p.style === "line" && p.chart.series[1].points.show(p.chart, 1); })()`) {
		t.Error("the only day cannot be seen")
	}
	b.picture("firstday")
}

// TestAMirrorOfDeclarationsSaysThatNothingWasRecorded.
func TestAMirrorOfDeclarationsSaysThatNothingWasRecorded(t *testing.T) {
	b := start(t, firstDay(t, func(*otelusage.Statistic, *otelusage.Timer) {}))
	b.wait(`document.getElementById("headline").textContent.startsWith("Camelot has recorded nothing since ")`)
	if got := evaluate[string](b, `document.getElementById("fresh").textContent`); got != "Recorded every 1\u00a0min" {
		t.Errorf("says %q", got)
	}
}
