package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/mirrorfile"
)

// asCommand makes the test binary behave as the command: two runs are two
// processes.
const asCommand = "QUICKSTART_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// quickstart runs the command and returns the lines it prints, runs of spaces
// made one.
func quickstart(t *testing.T, env []string, args ...string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "OTEL_") || strings.HasPrefix(kv, "DO_NOT_TRACK=")
	}), append(env, asCommand+"=1", "GORACE=atexit_sleep_ms=0")...) // the race detector waits for a second
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("quickstart: %v\n%s%s", err, out, &errors)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, strings.Join(got, "\n"))
		}
	}
}

func TestSecondRunGrowsTheLifetimesAndSendsOnlyWhatIsNew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usage.db")
	first := quickstart(t, nil, "-file", file)
	wantLines(t, first,
		"quests_complete 0 2 +2",
		"server no state Avalon Avalon +1",
		"play_time 0 runs, 0 seconds 1 run, 45 minutes +1, 45 minutes",
		"round_trip 0 completions 1 completion +1",
		"quests_complete statistic delta +2",
		"round_trip.checkpoints checkpoint=town sequence delta +2",
	)
	second := quickstart(t, nil, "-file", file, "-server", "Camelot")
	wantLines(t, second,
		"quests_complete 2 4 +2",
		"server Avalon Camelot Avalon -1, Camelot +1",
		"play_time 1 run, 45 minutes 2 runs, 1 hour 30 minutes +1, 45 minutes",
		"round_trip 1 completion 2 completions +1",
		"quests_complete statistic delta +2",
		"server state=Camelot state gauge 1",
	)
	third := quickstart(t, nil, "-file", file, "-server", "Camelot")
	wantLines(t, third, "quests_complete 4 6 +2", "server Camelot Camelot nothing")

	for query, want := range map[string]string{
		"select value from statistics":                           "6",
		"select state || changes from states":                    "Camelot2",
		"select runs || '/' || total_seconds from timers":        "3/8100.0",
		"select completions from sequences":                      "3",
		"select count(*) from submissions":                       "3",
		"select group_concat(distinct outcome) from submissions": "accepted",
	} {
		got, err := mirrorfile.Query(t.Context(), file, query)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Rows) != 1 || got.Rows[0][0] != want {
			t.Errorf("%s: %v, want %s", query, got.Rows, want)
		}
	}
}

func TestIntervalsFollowOneAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usage.db")
	quickstart(t, nil, "-file", file)
	quickstart(t, nil, "-file", file)
	got, err := mirrorfile.Query(t.Context(), file,
		`select b.start_at = a.end_at from batches a join batches b on b.id = a.id + 1`)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 1 || got.Rows[0][0] != "1" {
		t.Errorf("the second interval does not begin where the first one ends: %v", got.Rows)
	}
}

func TestDoNotTrackRecordsAndSendsNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usage.db")
	got := quickstart(t, []string{"DO_NOT_TRACK=1"}, "-file", file)
	wantLines(t, got, "quests_complete 0 2 nothing", "What the receiver got: nothing")
}

func TestDisabledSDKLeavesNoFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usage.db")
	quickstart(t, []string{"OTEL_SDK_DISABLED=true"}, "-file", file)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a mirror was made: %v", err)
	}
}
