package main

import (
	"os"
	"strings"
	"testing"
)

// TestFewAreNotShown: nothing is shown of an application that fewer than k
// installations use, no day that fewer were active on, and no single installation.
func TestFewAreNotShown(t *testing.T) {
	for _, linkable := range []bool{true, false} {
		archive := small(t, linkable)
		content, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		var lab strings.Builder
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, ada[0]) { // ada has a program that nobody else has
				lab.WriteString(strings.NewReplacer(`"editor"`, `"lab-of-ada"`, `"mirror-`, `"lab-`, `"batch-`, `"lab-`).Replace(line))
			}
		}
		if err := os.WriteFile(archive, []byte(string(content)+lab.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, question := range []string{"totals.sql", "states.sql", "sequences.sql", "resends.sql", "applications.sql", "active.sql", "installations.sql", "trackables.sql"} {
			text, rows := askOf(t, archive, question, 10)
			if strings.Contains(text, "lab-of-ada") {
				t.Errorf("linkable %v: %s shows an application of one installation:\n%s", linkable, question, text)
			}
			if single := question == "installations.sql" || question == "trackables.sql"; single != (len(rows) == 1) {
				t.Errorf("linkable %v: %s has %d rows", linkable, question, len(rows))
			}
			all, _ := askOf(t, archive, question, 1)
			if shows := strings.Contains(all, "lab-of-ada"); shows != (linkable || question != "installations.sql" && question != "trackables.sql") {
				t.Errorf("linkable %v: with k = 1 %s shows\n%s", linkable, question, all)
			}
		}
		text, _ := askOf(t, archive, "active.sql", 10)
		if !strings.Contains(text, "editor,day,2026-09-01,14\n") || !strings.Contains(text, "editor,day,other,57\n") || strings.Contains(text, "2026-09-20") {
			t.Errorf("linkable %v: active.sql shows\n%s", linkable, text)
		}
	}
}
