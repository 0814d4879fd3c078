package main

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// TestMain runs the command itself where a test asks for it.
func TestMain(m *testing.M) {
	if archive := os.Getenv("OTELUSAGE_TEST_ARCHIVE"); archive != "" {
		os.Args = []string{os.Args[0], "-archive", archive, "-views", views, "-json", "zstd", "-memory", "512MB"}
		main()
		return
	}
	os.Exit(m.Run())
}

// Whenever the command is killed, no point is lost and none is counted twice.
func TestKilledAnywhere(t *testing.T) {
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("OTELUSAGE_KILLS")); err == nil {
		kills = n
	}
	archive := write(t)
	want := answers(t, archive, 1)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), "OTELUSAGE_TEST_ARCHIVE="+archive)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	began := time.Now()
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(began)
	for i := range kills {
		archive = write(t)
		cmd := start()
		after := time.AfterFunc(whole*time.Duration(i+1)/time.Duration(kills+1), func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // killed, or too late
		after.Stop()
		if got := answers(t, archive, 1); got != want {
			t.Fatalf("killed in part %d of %d: the answers are\n%s\nwant\n%s", i+1, kills, got, want)
		}
		if err := start().Wait(); err != nil {
			t.Fatalf("killed in part %d of %d, and run again: %v", i+1, kills, err)
		}
		if got := answers(t, archive, 1); got != want {
			t.Fatalf("run again after part %d of %d: the answers are\n%s\nwant\n%s", i+1, kills, got, want)
		}
	}
}
