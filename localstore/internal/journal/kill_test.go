package journal

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKill: children that count and record are killed at any moment, and so are
// those who recover. No count that returned is lost, none is there twice.
func TestKill(t *testing.T) {
	if what := os.Getenv(childEnv); what != "" {
		child(t, what)
		return
	}
	recovered := int64(0)
	for round := range rounds(12) {
		path := filepath.Join(t.TempDir(), "usage.db")
		writers := 1 + round%3
		job := "count"
		if round%4 == 3 {
			job = "race" // beyond the budget: the flusher's counts may be lost
		}
		var all []*process
		for i := range writers {
			all = append(all, start(t, fmt.Sprintf("%s w%d %s", job, i, path)))
		}
		for _, p := range all {
			p.kill(rand.N(25 * time.Millisecond))
		}
		if round%2 == 0 {
			start(t, "recover - "+path).kill(rand.N(3 * time.Millisecond))
		}
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := recoverDead(path); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if err := recoverDead(path); err != nil { // what the other one had
			t.Error(err)
		}
		for i := range writers {
			recovered += checkLedger(t, path, fmt.Sprint("w", i), job == "count")
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d counts", recovered)
}

// TestManyShortProcesses that end at once, by os.Exit, lose nothing.
func TestManyShortProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	processes := max(12, min(rounds(0), 200))
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=short w%d %s", childEnv, i, path), "GORACE=atexit_sleep_ms=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	if err := recoverDead(path); err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for i := range processes {
		row, _, err := readRow(path, fmt.Sprint("w", i))
		if err != nil {
			t.Error(err)
		}
		sum += row.Counts["n"]
	}
	if sum != int64(3*processes) {
		t.Errorf("%d of %d counts", sum, 3*processes)
	}
}

func checkLedger(t *testing.T, path, writer string, all bool) (counted int64) {
	t.Helper()
	row, _, err := readRow(path, writer)
	if err != nil {
		t.Error(err)
	}
	for _, name := range childKinds {
		i, _ := childSeries(name)
		began, made := readLedger(path, writer, i)
		got := row.Counts[name]
		if all && got < made || got > began {
			t.Errorf("%s of %s: %d counts, %d were made and %d begun", name, writer, got, made, began)
		}
		if want := fmt.Sprint("state ", got); name == "s" && got > 0 && row.States[name] != want {
			t.Errorf("%s is in %q, want %q", writer, row.States[name], want)
		}
		counted += got
	}
	return counted
}

// process is a child that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // what it said was read
}

// start runs a child until it says that it has begun.
func start(t *testing.T, what string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), childEnv+"="+what, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "begin" {
		t.Fatalf("the child said %q", lines.Text())
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		defer close(p.ended)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Errorf("a child: %s", lines.Text())
			}
		}
	}()
	return p
}

func (p *process) kill(after time.Duration) {
	<-time.After(after)
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
	_ = p.cmd.Wait()
}
