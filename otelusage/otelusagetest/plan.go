package otelusagetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/plan"
)

// What a document has between these lines is kept in step with the code. The rest
// belongs to who publishes it.
const (
	planBegin = "<!-- usage plan: written by go test -update -->"
	planEnd   = "<!-- end of usage plan -->"
)

// Plan keeps a published document in step with the code. It fails tb with the
// difference unless the document at path says exactly what p can record: p is a
// tracker on which everything is declared, or the program's standalone.Config or
// setup.Config, which also know what is sent. It fails tb for a trackable without a
// description, too.
//
//	func TestUsagePlan(t *testing.T) { otelusagetest.Plan(t, config(), "USAGE.md") }
//
// With the flag -update, as in go test -run TestUsagePlan -update, it writes the
// document. A flag of that name that the test package defines itself works as well.
// The document is Markdown. What stands before the comment that begins the plan, and
// after the one that ends it, is kept.
func Plan(tb testing.TB, p otelusage.Planner, path string) {
	tb.Helper()
	if p == nil {
		tb.Errorf("otelusage: there is no plan")
		return
	}
	planned := p.Plan()
	for _, t := range planned.Trackables {
		if t.Description == "" {
			tb.Errorf("otelusage: %s %q has no description: add otelusage.WithDescription", t.Kind, t.Name)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Errorf("otelusage: read plan: %v", err)
		return
	}
	old := strings.ReplaceAll(string(content), "\r\n", "\n") // a checkout may have changed the line ends
	want := replacePlan(old, plan.Describe(planned).Markdown())
	switch {
	case old == want:
	case updating():
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			tb.Errorf("otelusage: write plan: %v", err)
		}
	case err != nil:
		tb.Errorf("otelusage: there is no %s: write it with go test -run '^%s$' -update", path, tb.Name())
	default:
		tb.Errorf("otelusage: %s differs from what the code can record. Review the difference, then write it with go test -run '^%s$' -update\n%s",
			path, tb.Name(), diff(old, want))
	}
}

// replacePlan returns the document with another plan.
func replacePlan(document, markdown string) string {
	section := fmt.Sprintf("%s\n\n%s\n%s", planBegin, markdown, planEnd)
	before, rest, found := strings.Cut(document, planBegin)
	_, after, ended := strings.Cut(rest, planEnd)
	switch {
	case found && ended:
		return before + section + after
	case strings.TrimSpace(document) == "":
		return section + "\n"
	}
	return strings.TrimRight(document, "\n") + "\n\n" + section + "\n"
}
