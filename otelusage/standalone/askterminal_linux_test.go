package standalone

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestChildAsks is no test of its own: it is the program of the one below.
func TestChildAsks(t *testing.T) {
	path := os.Getenv("OTELUSAGE_CHILD_ASKS")
	if path == "" {
		return
	}
	c := config(path)
	c.RequireConsent, c.Forwarder = true, new(counting)
	u := start(t, c)
	defer u.Close()
	consent, err := u.Ask(t.Context(), question)
	fmt.Printf("mode %v, %v\n", consent.Mode, err)
}

// TestAskOnATerminal runs a program on a terminal of its own, as a shell would.
func TestAskOnATerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("there is no command script to make a terminal with")
	}
	const undecided = ", standalone: nobody decided whether usage may be sent: "
	program := "'" + os.Args[0] + "' -test.run='^TestChildAsks$'"
	for name, tt := range map[string]struct {
		command string
		ci      string
		answer  string
		want    string
	}{
		"yes":                  {program, "", "y\n", question + " [y/N] y\nmode on, <nil>"},
		"Enter":                {program, "", "\n", question + " [y/N] \nmode local, <nil>"},
		"a build server":       {program, "true", "", "mode unset" + undecided + "CI is set: nobody watches"},
		"the output is a pipe": {program + " | cat", "", "", "mode unset" + undecided + "input and output are not both a terminal"},
		"no input":             {program + " </dev/null", "", "", "mode unset" + undecided + "input and output are not both a terminal"},
		"in the background":    {"set -m; " + program + " & wait", "", "", "mode unset" + undecided + "the process runs in the background of its terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, script, "-qec", tt.command, os.DevNull)
			cmd.Env = append(os.Environ(), "OTELUSAGE_CHILD_ASKS="+filepath.Join(t.TempDir(), "usage.db"), "CI="+tt.ci, "DO_NOT_TRACK=", "OTEL_SDK_DISABLED=", "SHELL=/bin/sh")
			in, err := cmd.StdinPipe()
			must(t, err)
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			var seen string
			for r := bufio.NewReader(out); ; {
				b, err := r.ReadByte()
				if err != nil {
					break
				}
				seen += string(b)
				if strings.HasSuffix(seen, "[y/N] ") {
					_, _ = in.Write([]byte(tt.answer))
				}
				if strings.Contains(seen, "mode ") {
					_ = in.Close()
				}
			}
			_ = cmd.Wait()
			if seen = strings.ReplaceAll(seen, "\r", ""); !strings.Contains("\n"+seen, "\n"+tt.want+"\n") {
				t.Errorf("the person saw\n%s", seen)
			}
		})
	}
}
