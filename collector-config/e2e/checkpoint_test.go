package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/archive"
)

// reads are the files of a configuration that cmd/checkpoint writes.
type reads struct{ Include, Exclude []string }

func readsOf(t *testing.T, config string) reads {
	t.Helper()
	content, err := os.ReadFile(config)
	must(t, err)
	var c struct {
		Receivers map[string]reads
	}
	must(t, json.Unmarshal(content, &c)) // JSON is YAML
	return c.Receivers["otlp_json_file"]
}

// Variables with which the test program makes checkpoints, to be killed.
const (
	killedDir      = "OTELUSAGE_KILLED_DIR"
	killedArchives = "OTELUSAGE_KILLED_ARCHIVES"
)

func TestMakeCheckpointsToBeKilled(t *testing.T) {
	if os.Getenv(killedDir) == "" {
		t.Skip("is run by other tests")
	}
	c := archive.Checkpoints{Dir: os.Getenv(killedDir), Archives: os.Getenv(killedArchives), Window: time.Hour}
	must(t, c.Update(t.Context(), func(archive.Made) {}))
}

// kill makes checkpoints in a process that is killed after a while.
func (s *site) kill(after time.Duration) {
	s.t.Helper()
	self, err := os.Executable()
	must(s.t, err)
	cmd := exec.Command(self, "-test.run=^TestMakeCheckpointsToBeKilled$")
	cmd.Env = append(os.Environ(), killedDir+"="+s.sums.Dir, killedArchives+"="+s.sums.Archives)
	must(s.t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // killed or not
	}()
	select {
	case <-done:
	case <-time.After(after):
		_ = cmd.Process.Kill() // it may have ended
		<-done
	}
}
