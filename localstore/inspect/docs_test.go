package inspect

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore/view"
)

// documents are the section on the commands in the module's README, the
// package's README and its own page.
func documents(t *testing.T) string {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, section, ok := strings.Cut(read("../../README.md"), "## Look inside\n")
	if !ok {
		t.Fatal("README has no section Look inside")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section + read("README.md") + read("doc.go")
}

// interfaceOf returns the commands and flags there are.
func interfaceOf(t *testing.T) (names, flags []string) {
	t.Helper()
	s := newSession(Options{}.withDefaults())
	root := s.command()
	root.Writer = s.Out
	if err := root.Run(t.Context(), []string{"usagemirror", "--help"}); err != nil { // completes the tree
		t.Fatal(err)
	}
	var walk func(c *cli.Command, path string)
	walk = func(c *cli.Command, path string) {
		for _, f := range c.Flags {
			if name := f.Names()[0]; name != "help" && name != "generate-shell-completion" {
				flags = append(flags, name)
			}
		}
		for _, sub := range c.Commands {
			names = append(names, strings.TrimSpace(path+" "+sub.Name))
			walk(sub, path+" "+sub.Name)
		}
	}
	walk(root, "")
	return names, flags
}

var (
	flagName    = regexp.MustCompile("(?:^|[\\s`])--([a-z][a-z-]+)")
	variable    = regexp.MustCompile(`\b(?:[A-Z]+_[A-Z_]+|TERM)\b`)
	readVar     = regexp.MustCompile(`Getenv\("([A-Z_]+)"\)|Env = "([A-Z_]+)"`)
	readmeUse   = regexp.MustCompile(`(?m)^usagemirror (.*?)(?:\s+#.*)?$`)
	pageCommand = regexp.MustCompile(`(?m)^//\t([a-z]+)(?: |$)`)
)

func TestEveryCommandIsDocumented(t *testing.T) {
	names, _ := interfaceOf(t)
	text := documents(t)
	page := text[strings.Index(text, "// Package inspect"):]
	var listed []string
	for _, m := range pageCommand.FindAllStringSubmatch(page, -1) {
		if m[1] != "case" {
			listed = append(listed, m[1])
		}
	}
	for _, name := range names {
		parent, sub, nested := strings.Cut(name, " ")
		if !slices.Contains(listed, parent) {
			t.Errorf("the page does not list %s", parent)
		}
		if nested && !strings.Contains(text, sub) {
			t.Errorf("nothing says %s", name)
		}
		if !regexp.MustCompile(`(?m)^usagemirror ` + parent + `\b`).MatchString(text) {
			t.Errorf("README does not show %s", parent)
		}
	}
	for _, name := range listed {
		if !slices.Contains(names, name) {
			t.Errorf("the page lists %s, which there is not", name)
		}
	}
}

func TestEveryFlagIsDocumented(t *testing.T) {
	_, flags := interfaceOf(t)
	var named []string
	for _, m := range flagName.FindAllStringSubmatch(documents(t), -1) {
		named = append(named, m[1])
		if !slices.Contains(flags, m[1]) {
			t.Errorf("--%s is named and not there", m[1])
		}
	}
	for _, f := range flags {
		if !slices.Contains(named, f) {
			t.Errorf("--%s is not named", f)
		}
	}
}

func TestEveryVariableIsDocumented(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range readVar.FindAllStringSubmatch(string(source), -1) {
			read = append(read, m[1]+m[2])
		}
	}
	named := variable.FindAllString(documents(t), -1)
	for _, name := range read {
		if !slices.Contains(named, name) {
			t.Errorf("%s is read and not named", name)
		}
	}
	for _, name := range named {
		if !slices.Contains(read, name) {
			t.Errorf("%s is named and not read", name)
		}
	}
}

// TestREADMECommandsRun: every line of README that begins with usagemirror.
func TestREADMECommandsRun(t *testing.T) {
	r := played(t)
	lines := readmeUse.FindAllStringSubmatch(documents(t), -1)
	if len(lines) < 10 {
		t.Fatalf("%d lines", len(lines))
	}
	t.Chdir(t.TempDir()) // for what backup writes
	for _, m := range lines {
		args := strings.Fields(m[1])
		o := Options{File: r.store.Path(), Now: r.clock, Stdin: strings.NewReader("no\n"),
			serve: func(context.Context, string, string, func(string), ...view.Option) error { return nil }}
		got := runWith(t.Context(), o, args...)
		want := exitDone
		switch m[1] {
		case "erase":
			want = exitUnconfirmed
		case "submissions 7":
			want = exitUnknown // this mirror has two
		case "plan":
			want = exitUnknown // usagemirror belongs to no application
		}
		if got.code != want {
			t.Errorf("usagemirror %s: code %d, %s", m[1], got.code, got.errors)
		}
	}
}
