package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testdata is an archive of one installation that was rotated: usage-1.jsonl
// holds its first request, usage.jsonl the same one again and the next.
func ask(t *testing.T, question string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), &out, "testdata/usage*.jsonl", "../../sql/duckdb.sql", 1, []string{"../../sql/" + question}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// run asks an archive and keeps nothing.
func run(ctx context.Context, out io.Writer, archive, views string, k uint, files []string) error {
	return options{archive: archive, views: views, k: k}.run(ctx, out, files)
}

func TestAnswers(t *testing.T) {
	for question, want := range map[string]string{
		"totals.sql": `application,version,kind,metric,attributes,total,total_runs,installations
game,1.0.0,state,server.changes,state=Avalon,1,0,1
game,1.0.0,state,server.occupancy,state=Avalon,1,0,1
game,1.0.0,statistic,gold,,-0.5,0,1
game,1.0.0,statistic,otelusage.active,"date=2026-11-24,period=day",1,0,1
game,1.0.0,statistic,quests,via=inn,7,0,1
game,1.0.0,timer,play,,90,2,1
`,
		"applications.sql": `application,version,installations,intervals,installation_months,first_seconds,last_seconds
game,1.0.0,1,2,0,1700000010,1700000020
`,
		"installations.sql": `installation,application,latest_version,submissions,first_seconds,last_seconds,metrics,timer_runs
id-1,game,1.0.0,2,1700000000,1700000020,7,2
`,
		"states.sql": `application,name,state,installations,entries
game,server,Avalon,1,1
`,
		"sequences.sql": "application,name,step,hits,installations\n",
		"active.sql": `application,period,date,installations
game,day,2026-11-24,1
`,
		"resends.sql": `application,kind,metric,attributes,excess,excess_runs,points
game,statistic,gold,,-0.5,0,1
game,statistic,quests,via=inn,5,0,1
`,
		"trackables.sql": `installation,application,kind,metric,attributes,total,total_runs
id-1,game,state,server.changes,state=Avalon,1,0
id-1,game,state,server.occupancy,state=Avalon,1,0
id-1,game,statistic,gold,,-0.5,0
id-1,game,statistic,quests,via=inn,7,0
id-1,game,timer,play,,90,2
`,
	} {
		if got := ask(t, question); got != want {
			t.Errorf("%s answers\n%swant\n%s", question, got, want)
		}
	}
}

// Every file that is shipped is asked, and a view needs its archive.
func TestEveryQuestionHasAnAnswer(t *testing.T) {
	files, err := filepath.Glob("../../sql/*.sql")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if name == "duckdb.sql" || name == "clickhouse.sql" {
			continue
		}
		if got := ask(t, name); !strings.Contains(got, "application") {
			t.Errorf("%s answers %q", name, got)
		}
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.sql")
	if err := os.WriteFile(bad, []byte("SELECT nothing FROM nowhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][3]string{
		"no views":   {"testdata/usage*.jsonl", "missing.sql", bad},
		"no query":   {"testdata/usage*.jsonl", "../../sql/duckdb.sql", "missing.sql"},
		"a bad one":  {"testdata/usage*.jsonl", "../../sql/duckdb.sql", bad},
		"no archive": {"testdata/none*.jsonl", "../../sql/duckdb.sql", "../../sql/totals.sql"},
	} {
		if err := run(t.Context(), new(bytes.Buffer), args[0], args[1], 10, []string{args[2]}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
