package inspect

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// asProgram in the environment makes this test's program the one that the
// shells complete.
const asProgram = "OTELUSAGE_TEST_COMPLETE"

// TestCompletesAsProgram is the program "mytool", run by the scripts.
func TestCompletesAsProgram(t *testing.T) {
	name := os.Getenv(asProgram)
	if name == "" {
		t.Skip("this is the program of TestShellsComplete")
	}
	os.Args = append([]string{"mytool"}, os.Args[3:]...) // behind -test.run=... and --
	args := os.Args[1:]
	for range strings.Fields(name)[1:] {
		args = args[1:]
	}
	os.Exit(Run(t.Context(), args, Options{Name: name, Application: "mytool"}))
}

// completions are what the shells are asked, and what they must offer: one
// thing a line, in any order.
var completions = map[string]struct{ script, asked string }{
	"bash": {`source SCRIPT || exit
COMP_WORDS=(LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
FUNCTION
printf '%s\n' "${COMPREPLY[@]}"`, "__FN_complete"},
	"zsh": {`typeset -A _comps
compdef() { _comps[$2]=$1 }
_describe() { printf '%s\n' "${(@P)2}" }
_files() { echo files }
compadd() { shift; printf '%s\n' "$@" }
source SCRIPT || exit
[[ "${_comps[mytool]}" == FUNCTION ]] || exit 7
words=(LINE); CURRENT=$#words
FUNCTION`, "_FN"},
	"fish": {`source SCRIPT; or exit
complete -C "TYPED"`, ""},
}

// TestShellsComplete runs the scripts in the shells that there are, for a name
// of one word and of more.
func TestAnUnknownShellIsAWrongCommandLine(t *testing.T) {
	got := runWith(t.Context(), Options{}, "completion", "bsh")
	if got.code != exitUsage || !strings.Contains(got.errors, `there is no shell "bsh", did you mean "bash"?`) {
		t.Errorf("code %d, %q", got.code, got.errors)
	}
	if got := runWith(t.Context(), Options{}, "completion", "bash", "--json"); got.code != exitUsage || got.out != "" {
		t.Errorf("a script as JSON: code %d, %q", got.code, got.out)
	}
}

func TestShellsComplete(t *testing.T) {
	if testing.Short() {
		t.Skip("runs shells")
	}
	skipWithoutUnixShells(t)
	directory := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := "#!/bin/sh\nexec '" + self + "' -test.run='^TestCompletesAsProgram$' -- \"$@\"\n"
	if err := os.WriteFile(filepath.Join(directory, "mytool"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	for shell, how := range completions {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("no %s here: %v", shell, err)
			}
			for _, c := range []struct{ name, typed, want, not string }{
				{"mytool", "mytool sub", "submissions", "sub:"},
				{"mytool usage", "mytool usage sub", "submissions", "files"},
				{"mytool usage", "mytool usage consent ", "local", "submissions"},
				{"mytool usage", "mytool usage --j", "--json", "submissions"},
				{"mytool usage stats", "mytool usage stats hist", "history", "files"},
				{"mytool usage", "mytool other sub", "", "submissions"},
				{"mytool usage", "mytool ", "", "submissions"},
			} {
				script := filepath.Join(t.TempDir(), "script")
				text := runWith(t.Context(), Options{Name: c.name}, "completion", shell).out
				if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				function := strings.ReplaceAll(how.asked, "FN", functionName(c.name))
				words := c.typed
				if strings.HasSuffix(words, " ") {
					words += "''"
				}
				asked := strings.NewReplacer("SCRIPT", script, "FUNCTION", function, "LINE", words, "TYPED", c.typed).Replace(how.script)
				got := inShell(t, shell, asked, directory, c.name)
				if !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
					t.Errorf("%q, of the name %q, completes to %q; want %q and not %q", c.typed, c.name, got, c.want, c.not)
				}
			}
		})
	}
}

// TestShellsKeepTheProgramsOwnCompletion: the command's script takes nothing
// from the program that it belongs to.
func TestShellsKeepTheProgramsOwnCompletion(t *testing.T) {
	skipWithoutUnixShells(t)
	for shell, asked := range map[string]string{
		"bash": `own() { COMPREPLY=(owned); }
complete -F own mytool
source SCRIPT && source SCRIPT || exit
COMP_WORDS=(mytool o); COMP_CWORD=1
__mytool_usage_complete
echo "${COMPREPLY[@]}"`,
		"zsh": `typeset -A _comps
compdef() { _comps[$2]=$1 }
compadd() { }
own() { echo owned }
compdef own mytool
source SCRIPT && source SCRIPT || exit
words=(mytool o); CURRENT=2
_mytool_usage`,
		"fish": `complete -c mytool -f -a owned
source SCRIPT
complete -C "mytool o"`,
	} {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("no %s here: %v", shell, err)
			}
			script := filepath.Join(t.TempDir(), "script")
			text := runWith(t.Context(), Options{Name: "mytool usage"}, "completion", shell).out
			if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := inShell(t, shell, strings.ReplaceAll(asked, "SCRIPT", script), t.TempDir(), ""); !strings.Contains(got, "owned") {
				t.Errorf("the program's own completion gives %q", got)
			}
		})
	}
}

// skipWithoutUnixShells: a bash on Windows is one of another system, with paths
// of its own.
func skipWithoutUnixShells(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("these shells are not at home here")
	}
}

// inShell returns what a shell prints, which must be no error.
func inShell(t *testing.T, shell, script, directory, program string) string {
	t.Helper()
	args := map[string][]string{"bash": {"--norc", "--noprofile"}, "zsh": {"-f"}, "fish": {"--no-config"}}[shell]
	cmd := exec.CommandContext(t.Context(), shell, append(args, "-c", script)...)
	var messages strings.Builder
	cmd.Stderr = &messages
	cmd.Dir = t.TempDir() // no file to offer
	cmd.Env = []string{"PATH=" + directory + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), asProgram + "=" + program}
	out, err := cmd.Output()
	if messages.Len() > 0 {
		t.Errorf("%s (%v) says %s", shell, err, messages.String())
	}
	return string(out)
}
