package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// run runs a snippet. Nothing in an environment may crash it.
func run(t *testing.T, cmd *exec.Cmd, dir string, env ...string) string {
	t.Helper()
	cmd.Dir = dir
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); strings.ToUpper(name) { // Windows has names in any case
		case "HOME", "XDG_CONFIG_HOME", "APPDATA", "OTEL_SDK_DISABLED", "DO_NOT_TRACK", "OTELUSAGE_MIRROR":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "panic") || strings.Contains(string(out), "goroutine ") || err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

func home(dir string) []string {
	return []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "AppData=" + filepath.Join(dir, "config")}
}

// total returns what the only mirror below a directory holds of a trackable.
func total(t *testing.T, dir, name string) (n float64) {
	t.Helper()
	var found []string
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if filepath.Base(path) == "usage.db" {
			found = append(found, path)
		}
		return err
	}))
	if len(found) != 1 {
		t.Fatalf("mirrors: %v", found)
	}
	store, err := localstore.Open(found[0], localstore.ReadOnly())
	must(t, err)
	defer store.Close()
	snap, err := store.Snapshot(t.Context(), snapshot.Query{})
	must(t, err)
	for _, tr := range snap.Named(name) {
		n += tr.Total.Float64() + float64(tr.Runs)
	}
	return n
}

// TestSnippetsRun builds what the documents show, and runs it.
func TestSnippetsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	binary := build(t)

	t.Run("in a sound environment", func(t *testing.T) {
		for _, c := range []struct {
			snippet, prints string
			recorded        map[string]float64
		}{
			{"quickstart", "", map[string]float64{"quests_complete": 2, "play_time": 1}},
			{"page", "status 403\nstatus 200\n", map[string]float64{"looked": 1}},
			{"beside", "counted 2\n", map[string]float64{"searches": 2, "open": 1}},
			{"command", "", nil},
			{"plan", "", map[string]float64{"saves": 1}},
			{"ask", "", map[string]float64{"runs": 1}},
		} {
			dir := t.TempDir()
			if got := run(t, exec.Command(binary, c.snippet), dir, home(dir)...); got != c.prints {
				t.Errorf("%s prints %q, want %q", c.snippet, got, c.prints)
			}
			for name, want := range c.recorded {
				if got := total(t, dir, name); got != want {
					t.Errorf("%s: the mirror holds %v of %s, want %v: the order of shutdown", c.snippet, got, name, want)
				}
			}
		}
	})

	t.Run("as a command", func(t *testing.T) {
		dir := t.TempDir()
		if got := run(t, exec.Command(binary, "command", "usage", "--help"), dir, home(dir)...); !strings.Contains(got, "mytool usage") {
			t.Errorf("prints %s", got)
		}
	})

	for name, unusable := range environments(t) {
		t.Run(name, func(t *testing.T) {
			for _, s := range snippets {
				got := run(t, unusable.command(binary, s.name), unusable.dir, unusable.env...)
				want := map[string]string{"page": "status 503", "beside": "counted 2"}[s.name]
				if !strings.Contains(got, want) || s.name == "page" && strings.Contains(got, "status 200") {
					t.Errorf("%s prints %s, want %s", s.name, got, want)
				}
				if unusable.loud && s.name != "command" && strings.Count(got, "\n") < 1 {
					t.Errorf("%s does not say that nothing is recorded", s.name)
				}
			}
		})
	}
}

// environment is one in which nothing can be recorded.
type environment struct {
	dir     string
	env     []string
	loud    bool // it is a fault, and said
	command func(name string, args ...string) *exec.Cmd
}

func environments(t *testing.T) map[string]environment {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	nowhere := unwritable(t)
	all := map[string]environment{
		"disabled by the user":    {t.TempDir(), append(home(t.TempDir()), "OTEL_SDK_DISABLED=true"), false, exec.Command},
		"a home that is a file":   {nowhere, home(file), true, exec.Command},
		"an unwritable home":      {nowhere, home(nowhere), true, exec.Command},
		"no home":                 {nowhere, nil, true, exec.Command},
		"a home that is relative": {nowhere, []string{"HOME=.", "XDG_CONFIG_HOME=.", "AppData=."}, true, exec.Command},
	}
	if command := onReadOnlyRoot(t); command != nil {
		all["a read-only root"] = environment{"/", home("/home/nobody"), true, command}
	}
	return all
}

// unwritable returns a directory in which not even root can make a file.
func unwritable(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "linux" {
		return "/proc"
	}
	dir := t.TempDir()
	if runtime.GOOS == "windows" { // which has no modes
		const everybody, makingFiles = "*S-1-1-0", ":(WD,AD)"
		deny(t, dir, "/deny", everybody+makingFiles)
		t.Cleanup(func() { deny(t, dir, "/remove:d", everybody) })
		return dir
	}
	must(t, os.Chmod(dir, 0o500))
	return dir
}

// deny changes what a directory of Windows denies.
func deny(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := exec.Command("icacls", append([]string{dir}, args...)...).CombinedOutput(); err != nil {
		t.Errorf("icacls %v: %v %s", args, err, out)
	}
}
