package localstore

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var views = []string{"statistics", "states", "timers", "sequences", "submissions"}

// game records what the golden file shows.
func game(t *testing.T) *Store {
	t.Helper()
	s, c := fresh(t)
	for _, d := range []otelusage.Declaration{
		{Name: "quests", Kind: otelusage.KindStatistic, Description: "Quests that were completed."},
		{Name: "distance", Kind: otelusage.KindStatistic, Float: true, Unit: "km"},
		{Name: "unused", Kind: otelusage.KindStatistic},
		{Name: "difficulty", Kind: otelusage.KindState},
		{Name: "theme", Kind: otelusage.KindState, Description: "Never set."},
		{Name: "play_time", Kind: otelusage.KindTimer, Unit: "s"},
		{Name: "idle_time", Kind: otelusage.KindTimer, Unit: "s"},
		{Name: "intro", Kind: otelusage.KindSequence, Checkpoints: []string{"Start", "it's", `a "quote"`}},
	} {
		declare(t, s, d)
	}
	w := newWriter(t, s)
	for _, v := range []string{"1.0", "1.1"} {
		r := version(v)
		recordAll(t, w, recording.Recording{
			Changes: []recording.Change{
				add(statistic(r, "quests"), 2),
				add(statistic(r, "quests", attribute.String("via", "web")), 1<<53),
				{Series: floatStatistic(r, "distance"), Delta: series.Float64Value(0.25)},
				{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 5, 60)},
				add(sequence(r, "intro"), 1),
				add(stateChanges(r, "difficulty", "hard"), 1),
			},
			Moves:   []recording.Move{{Series: state(r, "difficulty"), State: "hard", Moved: true}},
			MaySend: true,
		})
		c.add(time.Minute)
	}
	answers := []outbox.Outcome{{Verdict: outbox.Transient, Status: 503, Reason: "busy"}, {Verdict: outbox.Transient, Status: 503, Reason: "busy"}, {Verdict: outbox.Partial, Status: 200, Rejected: 1, Reason: "too old"}, accepted}
	for len(answers) > 0 {
		attemptWith(t, s, request(outbox.Delta), func(*series.Part) outbox.Outcome { o := answers[0]; answers = answers[1:]; return o })
		c.add(time.Minute)
	}
	return s
}

func TestViewsReadWell(t *testing.T) {
	sqlite3, err := exec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("OTELUSAGE_E2E") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s := game(t)
	var got bytes.Buffer
	for _, view := range views {
		fmt.Fprintf(&got, "> select * from %s\n", view)
		out, err := exec.CommandContext(t.Context(), sqlite3, "-header", "-batch", s.Path(), "select * from "+view).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", view, err, out)
		}
		got.Write(bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n")))
	}
	golden := filepath.Join("testdata", "views.golden")
	if *update {
		write(t, golden, got.Bytes())
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the views read\n%s\nwant\n%s", got.Bytes(), want)
	}
}

func TestViewsSurviveOverflow(t *testing.T) {
	s, _ := fresh(t)
	w := newWriter(t, s)
	for _, v := range []string{"1", "2"} {
		r := version(v)
		record(t, w, add(statistic(r, "n"), math.MaxInt64-1), add(sequence(r, "q"), math.MaxInt64-1),
			add(state(r, "mode"), 0), add(stateChanges(r, "mode", "on"), math.MaxInt64-1),
			recording.Change{Series: timer(r, "t", nil), Delta: series.HistogramValue(&series.Histogram{Count: math.MaxInt64 - 1, Sum: 1, Buckets: []uint64{math.MaxInt64 - 1}})})
		move(t, w, state(r, "mode"), "on")
	}
	for view, column := range map[string]string{"statistics": "value", "sequences": "completions", "states": "changes", "timers": "runs"} {
		expect(t, s, "1", `SELECT `+column+` BETWEEN 1.844e19 AND 1.845e19 FROM `+view)
	}
	checkLife(t, declare(t, s, statisticDeclaration("n")), map[string]otelusage.SeriesLifetime{"{}": {Int: math.MaxInt64, Float: 2 * math.MaxInt64}})
}

func TestViewsAreExactUpToTheEndsOfInt64(t *testing.T) {
	s, _ := fresh(t)
	w := newWriter(t, s)
	record(t, w, add(statistic(version("1"), "n"), math.MaxInt64-2), add(statistic(version("2"), "n"), 1))
	expect(t, s, "9223372036854775806", `SELECT value FROM statistics`)
	record(t, w, add(statistic(version("1"), "m"), -math.MaxInt64), add(statistic(version("2"), "m"), 3))
	expect(t, s, "-9223372036854775804", `SELECT value FROM statistics WHERE name = 'm'`)
}

func TestViewsAddWholeNumbersAndFloats(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 3), recording.Change{Series: floatStatistic(version("2"), "n"), Delta: series.Float64Value(1.5)})
	expect(t, s, "4.5", `SELECT value FROM statistics`)
}
