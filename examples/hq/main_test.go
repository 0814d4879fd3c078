package main

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// play runs the game and returns what it prints, runs of spaces made one.
func play(t *testing.T, key, version, file string) (lines []string) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), key, version, file, "Avalon", &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), key) {
		t.Errorf("the key is printed in\n%s", &out)
	}
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, line) }) {
			t.Errorf("no line %q in\n%s", line, strings.Join(got, "\n"))
		}
	}
}

// TestARefusalLosesNothing: the next run that is accepted uploads all runs.
func TestARefusalLosesNothing(t *testing.T) {
	for _, variable := range []string{"DO_NOT_TRACK", "OTEL_SDK_DISABLED"} {
		t.Setenv(variable, "")
	}
	file := filepath.Join(t.TempDir(), "usage.db")
	wantLines(t, play(t, goodKey, "1.0.0", file), "Sent and accepted.", `HQ answered: ["Success"]`,
		"quests_complete Statistic 2", "__submissions__ Statistic 1", `server State "Avalon"`)
	wantLines(t, play(t, "a-wrong-key", "1.0.0", file), "Not accepted, so it is kept: submit usage: HQ does not know the API key",
		`HQ answered: ["Upload failed"]`, "quests_complete 2 4")
	wantLines(t, play(t, "no-group", "1.0.0", file), `HQ answered: ["User does not belong to a group."]`, "quests_complete 4 6")
	wantLines(t, play(t, goodKey, "dev", file), "Not accepted, so it is kept: submit usage: HQ cannot parse the application version", "HQ answered: []")
	wantLines(t, play(t, goodKey, "1.1.0", file), `HQ answered: ["Success"]`, "quests_complete Statistic 10", "round_trip Sequence 5",
		"gold Statistic 133.75", "__submissions__ Statistic 2")
}

// TestTheStandInAnswersAsHQ, also to what the game never sends.
func TestTheStandInAnswersAsHQ(t *testing.T) {
	h, err := startHQ("k")
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	for body, want := range map[string]string{
		`{"API Key": "k", "Application Version": "1.0", "Data": {}}`:                                         "Success",
		`{"API Key": "k", "Application Version": "v2.3", "Data": {"n": {"type": "Statistic", "data": 1.0}}}`: "Success",
		`{"API Key": "x", "Application Version": "1.0"}`:                                                     "Upload failed",
		`{"Application Version": "1.0"}`:                                                                     "Missing API Key.",
		`{"API Key": "no-group", "Application Version": "1.0"}`:                                              "User does not belong to a group.",
		`{"API Key": "k", "Application Version": "42"}`:                                                      "Success",
		`{"API Key": "k", "Application Version": "v5-rc1"}`:                                                  "500",
		`{"API Key": "k", "Application Version": "1.0", "Data": {"n": {"type": "Gauge", "data": 1.0}}}`:      "500",
		`{"API Key": `: "500",
		`{"API Key": "k", "Application Version": "1.0"} {}`: "500",
	} {
		response, err := http.Post(h.url+"/usagestats/upload", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		got := string(text)
		if response.StatusCode != 200 {
			got = response.Status[:3]
		}
		if got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}
