package deaths

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

const (
	programEnv = "OTELUSAGE_TEST_PROGRAM" // a program, as JSON
	killsEnv   = "OTELUSAGE_KILLS"        // how many rounds a test has that kills
)

// TestMain runs a program where one is asked for, else the tests.
func TestMain(m *testing.M) {
	text := os.Getenv(programEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var p program
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	jobs[p.Job](p)
}

// jobs are what the programs do.
var jobs = map[string]func(program){"end": runToEnd, "count": runUntilKilled, "race": runUntilKilled, "recover": recoverForEver, "short": runShortly}

// program is what a process is told to do.
type program struct {
	Job    string
	Mirror string
	URL    string        // where it sends to; "" for nowhere
	Every  time.Duration // it records; 0 for the default

	Day int // of the job "tool": how many days from now it runs

	End   string // how it ends, of the job "end"
	Close bool   // it closes what it tracks with, if it comes to that
	State string // that it enters last

	Env []string // more of the environment

	Ledger     string // of the jobs that are killed
	Goroutines int
}

// rounds is how many rounds of a test there are.
func rounds(usual int) int {
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		return n
	}
	return usual
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// command returns a program that is not started yet.
func (p program) command(t testing.TB) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(p)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), programEnv+"="+string(text), "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, p.Env...)
	return cmd
}

// start begins to track, as an application does. What is reported is said.
func (p program) start() (*standalone.Usage, *tracked) {
	config := standalone.Config{
		FilePath: p.Mirror, ApplicationName: "game", Tracker: new(otelusage.Tracker),
		RecordInterval: p.Every, CheckInterval: standalone.NeverCheck,
		OnError: func(err error) { fmt.Println("error", err) },
	}
	if p.URL != "" {
		forwarder, err := otlp.New(context.Background(), otlp.WithEndpointURL(p.URL))
		if err != nil {
			fmt.Println("error", err)
		}
		config.Forwarder = forwarder
	}
	u, err := standalone.Start(context.Background(), config)
	if err != nil {
		fmt.Println("error", err)
	}
	k, err := declare(u.Tracker())
	if err != nil {
		fmt.Println("error", err)
	}
	return u, k
}

// errorsIn returns what programs said that went wrong.
func errorsIn(output []byte) (list []string) {
	for line := range bytes.Lines(output) {
		if bytes.HasPrefix(line, []byte("error ")) {
			list = append(list, string(bytes.TrimSpace(line)))
		}
	}
	return list
}
