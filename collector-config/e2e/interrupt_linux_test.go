package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestNothingIsLeftAfterAnInterrupt of what a person runs: no process, no temporary
// directory, nothing in the repository. The signal goes to the process group, as
// Ctrl-C and timeout send it, or to the go command alone.
func TestNothingIsLeftAfterAnInterrupt(t *testing.T) {
	collector(t)
	goEnv := func(name string) string {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		must(t, err)
		return name + "=" + strings.TrimSpace(string(out))
	}
	caches := []string{goEnv("GOCACHE"), goEnv("GOMODCACHE"), goEnv("GOPATH"), "GOTMPDIR=" + t.TempDir()}
	other := t.TempDir() // with a manifest that nobody has built
	manifest, err := os.ReadFile("../builder.yaml")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(other, "builder.yaml"), append(manifest, "# another\nreplaces: []\n"...), 0o600))

	for _, tt := range []struct {
		name   string
		args   []string
		ready  string // an argument of a process that runs by then
		signal syscall.Signal
		group  bool
		env    string
	}{
		{"the example", []string{"./collector-config/example"}, "quick.yaml", syscall.SIGINT, true, ""},
		{"its build", []string{"./collector-config/example", "-build", "-config", other}, "builder.yaml", syscall.SIGTERM, true, "XDG_CACHE_HOME=" + t.TempDir()},
		{"the simulation", []string{"./collector-config/cmd/simulate", "-installations", "100000", "-dashboard"}, "--storage.tsdb.path=", syscall.SIGTERM, true, ""},
		{"the simulation, by the go command", []string{"./collector-config/cmd/simulate", "-installations", "100000"}, "production.yaml", syscall.SIGTERM, false, ""},
		{"the attack", []string{"./collector-config/cmd/link", "-installations", "3", "-days", "2", "-collector"}, "production.yaml", syscall.SIGHUP, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := repository(t)
			temp := t.TempDir()
			cmd := exec.Command("go", append([]string{"run"}, tt.args...)...)
			cmd.Dir, cmd.SysProcAttr = "../..", &syscall.SysProcAttr{Setpgid: true}
			cmd.Env = append(append(os.Environ(), caches...), "TMPDIR="+temp, tt.env)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			must(t, cmd.Start())
			exited := make(chan error, 1)
			go func() { exited <- cmd.Wait() }()
			t.Cleanup(func() { killAll(temp) })

			eventually(t, func() error {
				for _, arguments := range processes(temp) {
					if strings.Contains(arguments, tt.ready) {
						return nil
					}
				}
				return fmt.Errorf("no process has %q", tt.ready)
			})
			pid := cmd.Process.Pid
			if tt.group {
				pid = -pid
			}
			must(t, syscall.Kill(pid, tt.signal))
			eventually(t, func() error {
				if left := processes(temp); len(left) > 0 {
					return fmt.Errorf("%v are left", left)
				}
				return nil
			})
			if err := <-exited; err == nil {
				t.Errorf("it exits as if all were done:\n%s", &said)
			}
			left, err := os.ReadDir(temp)
			must(t, err)
			if len(left) > 0 {
				t.Errorf("%v is left in the temporary directory", left)
			}
			if after := repository(t); !slices.Equal(after, before) {
				t.Errorf("the repository had %d files, and has %d", len(before), len(after))
			}
		})
	}
}

// processes returns the arguments of those whose temporary directory it is, by id.
func processes(temp string) map[int]string {
	found := make(map[int]string)
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !bytes.Contains(env, []byte("TMPDIR="+temp+"\x00")) {
			continue // or it has exited
		}
		arguments, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		found[pid] = strings.ReplaceAll(string(arguments), "\x00", " ")
	}
	return found
}

func killAll(temp string) {
	for pid := range processes(temp) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
