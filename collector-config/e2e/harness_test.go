// Package e2e tests the shipped configurations with the real Collector, with
// the environment variable OTELUSAGE_E2E=1. The Collector is built once, into
// the user's cache directory; the first run takes some minutes more.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// patience is how long the tests wait for what must happen.
const patience = 2 * time.Minute

// TestMain keeps out what the user's environment says of tracking, and sees
// that nothing is printed.
func TestMain(m *testing.M) {
	for _, variable := range []string{"DO_NOT_TRACK", "OTEL_SDK_DISABLED"} {
		_ = os.Unsetenv(variable) // it need not be set
	}
	var printed bytes.Buffer // log serialises writes
	log.SetOutput(&printed)
	code := m.Run()
	if printed.Len() > 0 {
		os.Stderr.WriteString("something was printed, which an application would show its user:\n" + printed.String())
		code = 1
	}
	os.Exit(code)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

var build = sync.OnceValues(func() (string, error) {
	return otelcol.Build(context.Background(), "../builder.yaml")
})

// collector returns the program, or skips the test.
func collector(t *testing.T) string {
	t.Helper()
	if os.Getenv("OTELUSAGE_E2E") != "1" {
		t.Skip("needs a Collector: OTELUSAGE_E2E=1 builds and runs it")
	}
	program, err := build()
	must(t, err)
	return program
}

// addresses returns free ones, and an archive of the test's own.
func addresses(t *testing.T) otelcol.Addresses {
	t.Helper()
	at, err := otelcol.FreeAddresses(filepath.Join(t.TempDir(), "archive", "usage.jsonl"))
	must(t, err)
	return at
}

// start runs a Collector for the rest of the test.
func start(t *testing.T, at otelcol.Addresses, configs []string, env ...string) *otelcol.Process {
	t.Helper()
	p, err := otelcol.Start(t.Context(), collector(t), at, configs, env...)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the Collector's log ends with\n%s", tail(p.Log()))
		}
		must(t, p.Stop())
	})
	return p
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// eventually waits until f has nothing to complain about.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// repository returns the files of collector-config, and what lies beside it.
func repository(t *testing.T) (files []string) {
	t.Helper()
	top, err := os.ReadDir("../..")
	must(t, err)
	for _, e := range top {
		files = append(files, e.Name())
	}
	err = filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files = append(files, path)
		return err
	})
	must(t, err)
	return files
}
