package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// play runs the game and returns what it prints, runs of spaces made one.
func play(t *testing.T, config, file, answer string) (lines []string) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), config, file, "Avalon", answer, &out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func newFile(t *testing.T) string {
	for _, variable := range []string{"DO_NOT_TRACK", "OTEL_SDK_DISABLED"} {
		t.Setenv(variable, "")
	}
	return filepath.Join(t.TempDir(), "usage.db")
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, line) }) {
			t.Errorf("no line %q in\n%s", line, strings.Join(got, "\n"))
		}
	}
}

func TestTheAnswerIsRemembered(t *testing.T) {
	for answer, want := range map[string][]string{
		"yes": {"Consent: sending is switched on.", "Sent and accepted.", "quests_complete +2", "server.occupancy state=Avalon +1"},
		"no":  {"Consent: sending is switched off", "Nothing was sent: begin submission", "What the receiver got: 0 points"},
	} {
		file := newFile(t)
		first := play(t, "", file, answer)
		wantLines(t, first, append(want, "quests_complete 0 2", "round_trip 0 completions 1 completion", "gold 0 26.75")...)
		second := play(t, "", file, "")
		wantLines(t, second, "monsters_killed 3 6", "play_time 1 run,")
		wantLines(t, second, want[:2]...)
	}
	if err := run(t.Context(), "", newFile(t), "Avalon", "perhaps", new(bytes.Buffer)); err == nil {
		t.Error("no answer was taken for one")
	}
}

// TestWithoutAnAnswerNothingIsSent, and what was counted meanwhile stays here
// after a later yes.
func TestWithoutAnAnswerNothingIsSent(t *testing.T) {
	file := newFile(t)
	first := play(t, "", file, "")
	wantLines(t, first, "Consent: consent is required and was not given yet.", "What the receiver got: 0 points", "quests_complete 0 2")
	second := play(t, "", file, "yes")
	wantLines(t, second, "quests_complete 2 4", "quests_complete +2", "round_trip +1")
}

func TestAConfigurationFileOfThePlayers(t *testing.T) {
	file := newFile(t)
	config := filepath.Join(t.TempDir(), "my.ini")
	text := strings.Replace(string(configuration), "submit_interval_s = 3600", "submit_interval_s = 0", 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	wantLines(t, play(t, config, file, "yes"), "Consent: there is no destination", "What the receiver got: 0 points", "quests_complete 0 2")
	var out bytes.Buffer
	if err := run(t.Context(), filepath.Join(t.TempDir(), "none.ini"), file, "Avalon", "", &out); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestDoNotTrackHolds(t *testing.T) {
	file := newFile(t)
	t.Setenv("DO_NOT_TRACK", "1")
	lines := play(t, "", file, "yes")
	wantLines(t, lines, "Consent: DO_NOT_TRACK is set.", "What the receiver got: 0 points", "quests_complete 0 2")
}

func TestDisabledPlaysOn(t *testing.T) {
	file := newFile(t)
	t.Setenv("OTEL_SDK_DISABLED", "true")
	wantLines(t, play(t, "", file, ""), "Played on Avalon", "quests_complete 0 2")
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a mirror was made: %v", err)
	}
}
