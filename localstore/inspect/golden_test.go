package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
)

// commands are the command lines whose output stands in testdata.
var commands = map[string][]string{
	"show":              {"show"},
	"show-days":         {"show", "--days", "3"},
	"show-json":         {"show", "--json"},
	"show-statistic":    {"show", "Quests Complete"}, // as it was declared, and without regard to case
	"show-state":        {"show", "server"},
	"show-timer":        {"show", "play_time"},
	"show-sequence":     {"show", "round_trip"},
	"show-metric":       {"show", "http.requests"},
	"show-one-json":     {"--json", "show", "distance"},
	"history":           {"history", "quests_complete"},
	"history-since":     {"history", "quests_complete", "--since", "2026-03-10"},
	"history-hour":      {"history", "play_time", "--by", "hour", "--since", "80h"},
	"history-state":     {"history", "server"},
	"history-moves":     {"history", "server", "--since", "2026-03-14T10:00:00Z"},
	"history-midday":    {"history", "quests_complete", "--since", "2026-03-13T12:00"},
	"history-changes":   {"history", "server", "--by", "day"},
	"history-json":      {"history", "play_time", "--since", "7d", "--json"},
	"preview":           {"preview"},
	"preview-json":      {"preview", "--json"},
	"preview-otlp":      {"preview", "--as", "otlp"},
	"preview-hq":        {"preview", "--as", "hq"},
	"submissions":       {"submissions"},
	"submissions-json":  {"submissions", "--json"},
	"submissions-id":    {"submissions", "2"},
	"submissions-name":  {"submissions", "server"},
	"submissions-sent":  {"submissions", "2", "--json"},
	"doctor":            {"doctor"},
	"doctor-json":       {"doctor", "--json"},
	"export-csv":        {"export", "csv"},
	"export-by-name":    {"export", "csv", "--by-name"},
	"export-report":     {"export", "report"},
	"export-json":       {"export", "json"},
	"consent":           {"consent"},
	"consent-status":    {"consent", "status", "--json"},
	"id":                {"id"},
	"plan":              {"plan"},
	"id-json":           {"id", "--json"},
	"help":              {"--help"},
	"help-show":         {"show", "--help"},
	"nothing":           {},
	"wrong-command":     {"shwo"},
	"wrong-subcommand":  {"consent", "localy"},
	"wrong-flag":        {"show", "--dais", "3"},
	"wrong-value":       {"show", "--days", "401"},
	"wrong-by":          {"history", "server", "--by", "week"},
	"wrong-since":       {"history", "server", "--since", "yesterday"},
	"wrong-as":          {"preview", "--as", "xml"},
	"wrong-format":      {"export", "xml"},
	"wrong-two-formats": {"export", "csv", "--json"},
	"wrong-name":        {"show", "qests_complete"},
	"wrong-number":      {"submissions", "99"},
	"wrong-arguments":   {"id", "please"},
	"wrong-history":     {"history"},
	"failed-submission": {"submissions", "1"},
}

func TestGolden(t *testing.T) {
	r := played(t)
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			got := r.transcript(args)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			// A checkout may have changed the line ends.
			if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
				t.Errorf("%q prints\n%s\nwant\n%s", args, got, want)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) != len(commands) {
		t.Errorf("%d files for %d commands, %v", len(files), len(commands), err)
	}
}

var sizes = regexp.MustCompile(`database .*|"(size|log|free)": \d+`)

// transcript is a command and what it did, without what differs between runs:
// random ids, paths, and sizes that depend on SQLite's version.
func (r *recorder) transcript(args []string) string {
	got := r.run(args...)
	quoted, _ := json.Marshal(r.store.Path())
	text := fmt.Sprintf("$ usagemirror %s\n%s", strings.Join(args, " "), strings.ReplaceAll(got.out, "\r\n", "\n"))
	if got.errors != "" {
		text += "errors:\n" + got.errors
	}
	text += fmt.Sprintf("exit code %d\n", got.code)
	text = strings.NewReplacer(r.store.MirrorID(), "MIRROR", strings.Trim(string(quoted), `"`), "PATH", r.store.Path(), "PATH").Replace(text)
	return sizes.ReplaceAllString(text, "SIZES")
}

// TestOutputHoldsNothingATerminalActsUpon: whatever is in the mirror.
func TestOutputHoldsNothingATerminalActsUpon(t *testing.T) {
	r := played(t)
	for name, args := range commands {
		if strings.HasPrefix(name, "export-") && name != "export-json" {
			continue // a file, see TestExportToATerminal
		}
		got := r.run(args...)
		for _, c := range got.out + got.errors {
			if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) {
				t.Errorf("%s prints %U", name, c)
				break
			}
		}
	}
}

func TestExportToATerminal(t *testing.T) {
	r := played(t)
	for _, format := range []string{"csv", "report", "json"} {
		var out strings.Builder
		s := newSession(Options{Stdout: &out, File: r.store.Path()}.withDefaults())
		s.Terminal = true
		if err := s.command().Run(t.Context(), []string{"usagemirror", "export", format}); err != nil {
			t.Fatal(err)
		}
		if err := s.Out.Flush(); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\x07\u009b\u202e") || !strings.Contains(out.String(), "quests_complete") {
			t.Errorf("%s: %q", format, out.String())
		}
	}
	if got := r.run("export", "csv").out; !strings.Contains(got, hostileText) {
		t.Error("a file does not hold the text as it is")
	}
}

func TestJSONIsValidAndSaysTheSame(t *testing.T) {
	r := played(t)
	for name, args := range commands {
		if strings.HasPrefix(name, "wrong") || !strings.Contains(strings.Join(args, " "), "json") {
			continue
		}
		var document any
		if got := r.run(args...); json.Unmarshal([]byte(got.out), &document) != nil {
			t.Errorf("%s is no JSON: %s", name, got.out)
		}
	}
	var shown struct {
		States []struct{ State, Description string }
	}
	if err := json.Unmarshal([]byte(r.run("show", "server", "--json").out), &shown); err != nil {
		t.Fatal(err)
	}
	if got := shown.States[0]; got.State != hostileText || got.Description != hostileText {
		t.Errorf("state and description are %q", got)
	}
}

func TestColour(t *testing.T) {
	r := played(t)
	for environment, want := range map[string]bool{"": true, "NO_COLOR=1": false, "TERM=dumb": false} {
		var out strings.Builder
		s := newSession(Options{Stdout: &out, File: r.store.Path()}.withDefaults())
		name, value, _ := strings.Cut(environment, "=")
		s.opts.Getenv = func(key string) string {
			if key == name {
				return value
			}
			return ""
		}
		s.Terminal = true
		s.chooseColour()
		if err := s.command().Run(t.Context(), []string{"usagemirror", "show"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Out.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "\x1b["); got != want {
			t.Errorf("%q: colour is %v", environment, got)
		}
	}
	if strings.Contains(r.run("show").out, "\x1b") {
		t.Error("colour where there is no terminal")
	}
}

func TestProgressIsShownAfterASecond(t *testing.T) {
	var errors strings.Builder
	s := newSession(Options{Stdout: io.Discard, Stderr: &errors}.withDefaults())
	s.after = func(d time.Duration, f func()) func() bool {
		if d != time.Second {
			t.Errorf("after %v", d)
		}
		f()
		return func() bool { return false }
	}
	s.announce("reading")()
	if got := errors.String(); got != "reading ...\r\x1b[K" {
		t.Errorf("shows %q", got)
	}
	errors.Reset()
	s.after = func(time.Duration, func()) func() bool { return func() bool { return true } }
	s.announce("reading")()
	if errors.Len() != 0 {
		t.Errorf("what is quick shows %q", errors.String())
	}
}
