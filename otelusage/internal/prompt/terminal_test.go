package prompt

import (
	"os"
	"path/filepath"
	"testing"
)

func noCI(string) string { return "" }

// TestNobodyIsAskedWithoutATerminal: what a program is given instead, also by the
// person who closed its input.
func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	closed, err := os.Create(filepath.Join(t.TempDir(), "closed"))
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, terminal := range map[string]Terminal{
		"the null device": {In: null, Out: null}, "a file": {In: file, Out: file}, "a pipe": {In: in, Out: out},
		"a closed file": {In: closed, Out: closed}, "nothing": {},
	} {
		terminal.Getenv = noCI
		if terminal.Absent() != "input and output are not both a terminal" {
			t.Errorf("%s: %q", name, terminal.Absent())
		}
	}
}

func TestBuildServersAreNotAsked(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "false": false, " False ": false, "no": false, "off": false, "1": true, "true": true, "woodpecker": true} {
		terminal := Terminal{Getenv: func(name string) string {
			if name != "CI" {
				t.Errorf("%s is asked for", name)
			}
			return value
		}}
		if got := terminal.Absent() == "CI is set: nobody watches"; got != want {
			t.Errorf("CI=%s: %v", value, got)
		}
	}
	t.Setenv("CI", "true")
	if OfProcess().Absent() != "CI is set: nobody watches" {
		t.Error("the environment of the process is not looked at")
	}
}
