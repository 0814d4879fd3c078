package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestChildPlays is no test of its own: it is the game of the one below.
func TestChildPlays(t *testing.T) {
	file := os.Getenv("OTELUSAGE_CHILD_PLAYS")
	if file == "" {
		return
	}
	if err := run(t.Context(), "", file, "Avalon", "", os.Stdout); err != nil {
		t.Fatal(err)
	}
}

// onTerminal plays on a terminal of its own, where somebody types the answer, and
// returns what is shown.
func onTerminal(t *testing.T, file, answer string) (shown string) {
	t.Helper()
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("there is no command script to make a terminal with")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, script, "-qec", "'"+os.Args[0]+"' -test.run='^TestChildPlays$'", os.DevNull)
	cmd.Env = append(os.Environ(), "OTELUSAGE_CHILD_PLAYS="+file, "CI=", "SHELL=/bin/sh")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(out); ; {
		b, err := r.ReadByte()
		if err != nil {
			break
		}
		shown += string(b)
		if strings.HasSuffix(shown, "[y/N] ") {
			_, _ = in.Write([]byte(answer))
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, shown)
	}
	return strings.ReplaceAll(shown, "\r", "")
}

func TestTheQuestionIsAskedOnce(t *testing.T) {
	for answer, want := range map[string]string{"y\n": "Consent: sending is switched on.\n", "n\n": "Consent: sending is switched off", "\n": "Consent: sending is switched off"} {
		file := newFile(t)
		first, second := onTerminal(t, file, answer), onTerminal(t, file, answer)
		if !strings.HasPrefix(first, "May this game") || strings.Contains(second, "May this game") {
			t.Errorf("%q: the first run shows\n%s\nthe second\n%s", answer, first, second)
		}
		if !strings.Contains(first, want) || !strings.Contains(second, want) {
			t.Errorf("%q: %q is not in\n%s\nand\n%s", answer, want, first, second)
		}
	}
}
