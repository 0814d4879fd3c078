package otelusagetest

import (
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestUpdateTakesItsPlaceOnTheCommandLine(t *testing.T) {
	args := []string{"-update", "-test.run=x", "-update", "--update=false", "-updates", "x-update", "--", "-update"}
	takePlace(args) // the first is the program
	want := []string{"-update", "-test.run=x", "-otelusagetest.update", "-otelusagetest.update=false", "-updates", "x-update", "--", "-update"}
	if !slices.Equal(args, want) {
		t.Errorf("%q, want %q", args, want)
	}
}

// flagEnv lets this test program be one whose package has a flag -update of its own,
// or has none.
const flagEnv = "OTELUSAGETEST_FLAG"

// own is defined after this package was initialized, as a user's is.
var own = func() *bool {
	if os.Getenv(flagEnv) != "own" {
		return nil
	}
	return flag.Bool("update", false, "a flag of the test package's own")
}()

func TestUpdateBesideAFlagOfTheSameName(t *testing.T) {
	if os.Getenv(flagEnv) != "" {
		t.Logf("updating %v, own %v", updating(), own != nil && *own)
		return
	}
	for _, tt := range []struct{ own, arg, want string }{
		{"own", "-update", "updating true, own true"},
		{"own", "-update=false", "updating false, own false"},
		{"own", "-test.short", "updating false, own false"},
		{"none", "-update", "updating true, own false"},
		{"none", "--update=true", "updating true, own false"},
		{"none", "-test.short", "updating false, own false"},
	} {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", tt.arg)
		c.Env = append(os.Environ(), flagEnv+"="+tt.own)
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s %s: %v, %s, want %s", tt.own, tt.arg, err, out, tt.want)
		}
	}
}
