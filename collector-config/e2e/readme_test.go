package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

// TestReadmeStartsACollector runs the commands of README.md in one shell, on ports that
// are free, with what keeps running in the background. The data is where they say, and
// not in the repository.
func TestReadmeStartsACollector(t *testing.T) {
	program := collector(t)
	for _, tool := range []string{"sh", prometheus.Program} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs a shell, and Prometheus: apt-get install prometheus")
		}
	}
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	_, block, _ := strings.Cut(string(readme), "\n## Start\n\n```sh\n")
	block, _, _ = strings.Cut(block, "```")
	at := addresses(t)
	listen, err := otelcol.FreeAddresses("")
	must(t, err)
	script := []string{"set -e"}
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
		switch {
		case strings.Contains(line, "/example") && !strings.Contains(line, "-build"):
			continue // has a test of its own
		case strings.Contains(line, "$otelcol"):
			line = "test \"$otelcol\" = '" + program + "'; " + line + " &"
		case strings.HasPrefix(line, "prometheus "):
			line += " --web.listen-address=" + listen.OTLP + " &"
		}
		script = append(script, line)
	}
	script = append(script, "wait")

	before, home := repository(t), t.TempDir()
	cmd := child.Command(t.Context(), "sh", "-c", strings.Join(script, "\n"))
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = "../..", &said, &said
	_, port, _ := strings.Cut(at.Telemetry, ":")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+filepath.Dir(filepath.Dir(filepath.Dir(program))),
		"OTELUSAGE_OTLP="+at.OTLP, "OTELUSAGE_PROMETHEUS="+at.Prometheus, "OTELUSAGE_HEALTH="+at.Health, "OTELUSAGE_TELEMETRY_PORT="+port)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		must(t, err)
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(out)))
	}
	must(t, cmd.Start())
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		child.Kill(cmd)
		<-exited
		if t.Failed() {
			t.Logf("the commands are\n%s\nand say\n%s", strings.Join(script, "\n"), tail(said.String()))
		}
	})

	for _, url := range []string{"http://" + at.Health, "http://" + listen.OTLP + "/-/ready"} {
		eventually(t, func() error {
			resp, err := http.Get(url)
			if err == nil {
				err = resp.Body.Close()
			}
			if err == nil && resp.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s: %s", url, resp.Status)
			}
			return err
		})
	}
	if after := repository(t); !slices.Equal(after, before) {
		t.Errorf("the repository had %d files, and has %d", len(before), len(after))
	}
	for _, dir := range []string{"prometheus", "archive"} {
		if _, err := os.Stat(filepath.Join(home, "usage", dir)); err != nil {
			t.Error(err)
		}
	}
}
