package otelusagetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// editor declares an editor's trackables, with one difference.
func editor(t *testing.T, format, about string) *otelusage.Tracker {
	t.Helper()
	tracker := New(t, otelusage.DeclaredOnly())
	_, err := tracker.Statistic("saves", otelusage.WithDescription(about), otelusage.WithValues("format", "md", format))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"edits", "opens", "prints"} {
		if _, err := tracker.Statistic(name, otelusage.WithDescription("How often")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tracker.State("theme", "paper", otelusage.WithDescription("Colours"), otelusage.WithStates("paper", "night")); err != nil {
		t.Fatal(err)
	}
	return tracker
}

// setUpdate sets the flag for a test.
func setUpdate(t *testing.T, on updateValue) {
	t.Helper()
	before := update
	update = on
	t.Cleanup(func() { update = before })
}

// write makes the document of a plan.
func write(t *testing.T, p otelusage.Planner, path string) {
	t.Helper()
	setUpdate(t, true)
	Plan(t, p, path)
	setUpdate(t, false)
}

// TestPlanFailsWithADiff: each change of a declaration, and what tb is told.
func TestPlanFailsWithADiff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "USAGE.md")
	write(t, editor(t, "odt", "Documents saved"), path)
	more := editor(t, "odt", "Documents saved")
	if _, err := more.Timer("work", otelusage.WithDescription("A session")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		plan otelusage.Planner
		want []string // a failure each
	}{
		{"nothing", editor(t, "odt", "Documents saved"), nil},
		{"values", editor(t, "pdf", "Documents saved"), []string{path + ` differs from what the code can record. Review the difference, then write it with go test -run '^TestPlanFailsWithADiff/values$' -update
  ...
  | opens | How often | whole |
  | prints | How often | whole |
- | saves | Documents saved | whole; by format (md, odt) |
+ | saves | Documents saved | whole; by format (md, pdf) |
  
  ## States
  ...
`}},
		{"a new one", more, []string{`
  | theme | Colours | paper, night |
  
+ ## Timers
+ 
+ Each is how often something was done and how long it took`}},
		{"undocumented", editor(t, "odt", ""), []string{`statistic "saves" has no description: add otelusage.WithDescription`, `
- | saves | Documents saved | whole; by format (md, odt) |
+ | saves | (no description) | whole; by format (md, odt) |
`}},
		{"no plan", nil, []string{"there is no plan"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tb := &failing{TB: t}
			Plan(tb, tt.plan, path)
			if len(tb.errors) != len(tt.want) {
				t.Fatalf("failures %q", tb.errors)
			}
			for i, want := range tt.want {
				if !strings.Contains(tb.errors[i], want) {
					t.Errorf("failure\n%s\nwant\n%s", tb.errors[i], want)
				}
			}
		})
	}
	tb := &failing{TB: t}
	Plan(tb, more, path+".none")
	if len(tb.errors) != 1 || !strings.Contains(tb.errors[0], "there is no "+path+".none: write it with go test") {
		t.Errorf("failures %q", tb.errors)
	}
}

// TestPlanKeepsTheRestOfTheDocument, whatever the checkout made of the line ends.
func TestPlanKeepsTheRestOfTheDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "USAGE.md")
	put := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	get := func() string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	put("# Privacy\n\nWe count.\n")
	write(t, editor(t, "odt", "Documents saved"), path)
	if text := get(); !strings.HasPrefix(text, "# Privacy\n\nWe count.\n\n"+planBegin+"\n\n# What is recorded") || !strings.HasSuffix(text, "|\n\n"+planEnd+"\n") {
		t.Errorf("document\n%s", text)
	}
	put(get() + "\nAsk us.\n")
	write(t, editor(t, "pdf", "Documents saved"), path)
	if text := get(); !strings.HasPrefix(text, "# Privacy\n\nWe count.\n\n"+planBegin) || !strings.HasSuffix(text, planEnd+"\n\nAsk us.\n") || !strings.Contains(text, "md, pdf") {
		t.Errorf("document\n%s", text)
	}
	put(strings.ReplaceAll(get(), "\n", "\r\n"))
	Plan(t, editor(t, "pdf", "Documents saved"), path)
}
