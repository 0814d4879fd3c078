package inspect

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// planned is what an application can record and send.
type planned otelusage.Plan

func (p planned) Plan() otelusage.Plan { return otelusage.Plan(p) }

// TestPlanNeedsNoMirror: nor is one made.
func TestPlanNeedsNoMirror(t *testing.T) {
	tracker := new(otelusage.Tracker)
	about := otelusage.WithDescription
	_, err := tracker.Statistic("saves", about("Documents saved\x1b[31m"), otelusage.WithValues("format", "md", "odt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tracker.State("theme", otelusage.NoState, about("Colours"), otelusage.WithStates("paper", "\u202enight")); err != nil {
		t.Fatal(err)
	}
	p := tracker.Plan().OnlyDeclared()
	p.Application = "Quill"
	p.Sending = &otelusage.PlannedSending{Destination: "https://usage.example.com", Protocol: "OTLP/HTTP", IntervalSeconds: 3600,
		With: []otelusage.PlannedText{{Key: "service.name", Value: "Quill", Meaning: "the application"}}}
	o := Options{Name: "quill usage", File: filepath.Join(t.TempDir(), "none", "usage.db"), Plan: planned(p)}
	got := runWith(t.Context(), o, "plan")
	const want = `What Quill records about its use
This is everything that can be recorded, as it is declared in the code.
Only the values below are recorded. Any other value counts as "other".

Statistics
Each is a number.
  NAME   DESCRIPTION                NUMBER
  saves  Documents saved\u001b[31m  whole; by format (md, odt)

States
Each is which of several values holds, and how often each value was entered (NAME.changes). Receivers also get how many installations are in each (NAME.occupancy).
  NAME   DESCRIPTION  VALUES
  theme  Colours      paper, \u202enight

What is sent
What was added is sent to https://usage.example.com (OTLP/HTTP), at most once in 1 hour. That is on until the user switches it off.
The installation's ids change when the user erases everything. The receiver is then asked to delete what was sent under the old ones (otelusage.erased).
A submission has sums and the time in which they were added, not single events. Besides the above it has, once per day, week and month in which anything was recorded, that this was so (otelusage.active), and:
  SENT ALONG    VALUE  MEANING
  service.name  Quill  the application
`
	if got.out != want || got.code != exitDone {
		t.Errorf("plan prints\n%s%s\nwant\n%s", got.out, got.errors, want)
	}
	got = runWith(t.Context(), o, "plan", "--json")
	var read otelusage.Plan
	if err := json.Unmarshal([]byte(got.out), &read); err != nil || !reflect.DeepEqual(read, p) || strings.ContainsAny(got.out, "\x1b\u202e") {
		t.Errorf("plan --json prints\n%s\n%v", got.out, err)
	}
	if got := runWith(t.Context(), o, "plan", "x"); got.code != exitUsage {
		t.Errorf("plan x: code %d", got.code)
	}
}

// TestPlanForACollector is of the application, and of others whose plans are files.
func TestPlanForACollector(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(other, []byte(`{"application":"Other","trackables":[{"name":"clicks","kind":"statistic"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	own, none := Options{Plan: planned{Application: "Quill"}}, Options{}
	for name, c := range map[string]struct {
		options Options
		args    []string
		code    int
		says    string
	}{
		"its own":            {own, []string{"--collector"}, exitDone, `"^(Quill)$$"`},
		"and another's":      {own, []string{"--collector", other}, exitDone, `"^(Other|Quill)$$"`},
		"another's alone":    {none, []string{"--collector", "--release", "1.0.0", "--release", "2.0.0", other}, exitDone, `1\\.0\\.0|2\\.0\\.0`},
		"none":               {none, []string{"--collector"}, exitUnknown, ""},
		"a file that is not": {own, []string{"--collector", other + "x"}, exitFailed, ""},
		"no plan":            {own, []string{"--collector", broken}, exitFailed, ""},
		"of a tracker":       {Options{Plan: new(otelusage.Tracker)}, []string{"--collector"}, exitFailed, ""},
		"as JSON":            {own, []string{"--collector", "--json"}, exitUsage, ""},
		"a release alone":    {own, []string{"--release", "1.0.0"}, exitUsage, ""},
	} {
		got := runWith(t.Context(), c.options, append([]string{"plan"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.out, c.says) {
			t.Errorf("%s: code %d, %s%s", name, got.code, got.out, got.errors)
		}
	}
}
