package standalone

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// lifetime reads what the mirror holds of a statistic.
func lifetime(t *testing.T, path, name string) int64 {
	t.Helper()
	store, err := localstore.Open(path, localstore.ReadOnly())
	must(t, err)
	defer store.Close()
	s, err := store.Snapshot(t.Context(), localstore.Query{})
	must(t, err)
	for _, x := range s.Trackables {
		if x.Name == name {
			return x.Total.Int64()
		}
	}
	return 0
}

func TestShutdownRecordsEverything(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	must(t, err)
	defer silent.Close()
	for _, tt := range []struct {
		name     string
		endpoint string
		end      func(*Usage) error
	}{
		{"cancelled context", "http://127.0.0.1:1", func(u *Usage) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return u.Shutdown(ctx)
		}},
		{"no network", "http://127.0.0.1:1", (*Usage).Close},
		{"silent server", "http://" + silent.Addr().String(), (*Usage).Close},
		{"twice", "http://127.0.0.1:1", func(u *Usage) error { return errors.Join(u.Close(), u.Close()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			u, err := Start(t.Context(), Config{Tracker: new(otelusage.Tracker), FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, tt.endpoint), SubmitInterval: time.Second})
			must(t, err)
			n, err := u.Tracker().Statistic("n")
			must(t, err)
			n.Add(42)
			must(t, tt.end(u))
			if got := lifetime(t, path, "n"); got != 42 {
				t.Errorf("the mirror holds %d, want 42", got)
			}
		})
	}
}

func TestCountsMadeBeforeStartAndTimersThatRunAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	tracker := new(otelusage.Tracker)
	n, err := tracker.Statistic("n")
	must(t, err)
	n.Add(3)
	u := start(t, Config{FilePath: path, ApplicationName: "game", Tracker: tracker})
	play, err := tracker.Timer("play")
	must(t, err)
	play.Start()
	must(t, u.Close())
	u = start(t, Config{FilePath: path, ApplicationName: "game"})
	again, err := u.Tracker().Timer("play")
	must(t, err)
	if again.Count() != 1 {
		t.Errorf("%d runs of the timer, want the one that was running", again.Count())
	}
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 3 {
		t.Errorf("the mirror holds %d, want 3", got)
	}
}

func TestStartNeverReturnsNilAndCountsOn(t *testing.T) {
	dir := t.TempDir()
	document := filepath.Join(dir, "notes.txt")
	must(t, os.WriteFile(document, []byte("shopping list\n"), 0o600))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	attached := new(otelusage.Tracker)
	must(t, attached.Attach())
	var noForwarder *otlp.Exporter
	for _, tt := range []struct {
		name string
		ctx  context.Context
		c    Config
	}{
		{"no path", t.Context(), Config{}},
		{"name that is a path", t.Context(), Config{ApplicationName: "../up"}},
		{"path is a directory", t.Context(), Config{FilePath: dir}},
		{"path is a document", t.Context(), Config{FilePath: document}},
		{"path below a document", t.Context(), Config{FilePath: filepath.Join(document, "usage.db")}},
		{"cancelled context", cancelled, Config{FilePath: filepath.Join(dir, "a.db")}},
		{"attached tracker", t.Context(), Config{FilePath: filepath.Join(dir, "b.db"), Tracker: attached}},
		{"nil forwarder", t.Context(), Config{FilePath: filepath.Join(dir, "c.db"), Forwarder: noForwarder}},
		{"bad installation id", t.Context(), Config{FilePath: filepath.Join(dir, "d.db"), InstallationID: "a\nb"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.c.Tracker == nil {
				tt.c.Tracker = new(otelusage.Tracker)
			}
			u, err := Start(tt.ctx, tt.c)
			if err == nil {
				t.Error("no error")
			}
			if u.Err() == nil {
				t.Error("Err forgot the error")
			}
			n, err := u.Tracker().Statistic("n")
			must(t, err)
			n.Add(2)
			if n.Value() != 2 {
				t.Errorf("counted %d, want 2", n.Value())
			}
			_ = u.Flush(t.Context())
			must(t, u.Close())
		})
	}
	if b, err := os.ReadFile(document); err != nil || string(b) != "shopping list\n" {
		t.Errorf("the document now holds %q, %v", b, err)
	}
}

func TestNilForwarderStillRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	var missing *otlp.Exporter
	u, err := Start(t.Context(), Config{Tracker: new(otelusage.Tracker), FilePath: path, ApplicationName: "game", Forwarder: missing})
	if err == nil {
		t.Error("a nil forwarder was accepted")
	}
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(2)
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit: %v, want ErrNoConsent", err)
	}
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 2 {
		t.Errorf("the mirror holds %d, want 2", got)
	}
}

func TestDisabledLeavesNoTrace(t *testing.T) {
	for _, env := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "deep", "usage.db")
		c := Config{FilePath: path, ApplicationName: "game", Disabled: !env}
		if env {
			t.Setenv("OTEL_SDK_DISABLED", "true")
		}
		before := runtime.NumGoroutine()
		u := start(t, c)
		n, err := u.Tracker().Statistic("n")
		must(t, err)
		n.Inc()
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines more", after-before)
		}
		if err := u.Submit(t.Context()); !errors.Is(err, ErrNotRecording) {
			t.Errorf("Submit: %v, want ErrNotRecording", err)
		}
		must(t, u.Close())
		if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a directory was made: %v", err)
		}
	}
}

func TestNilUsageDoesNothing(t *testing.T) {
	var u *Usage
	u.Tracker().Reset()
	_ = u.Store()
	_ = u.MeterProvider()
	must(t, errors.Join(u.Err(), u.Flush(t.Context()), u.Shutdown(t.Context()), u.Close()))
}

func TestConsentOfAProcess(t *testing.T) {
	r := newReceiver(t)
	path := filepath.Join(t.TempDir(), "usage.db")
	u := start(t, Config{FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, r.URL), RequireConsent: true})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(100)
	c, err := u.Consent(t.Context())
	must(t, err)
	if !c.ShouldAsk || c.Sending {
		t.Errorf("before anybody was asked: %+v", c)
	}
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit: %v, want ErrNoConsent", err)
	}
	must(t, u.Enable(t.Context()))
	n.Add(5)
	must(t, u.Submit(t.Context()))
	must(t, u.Disable(t.Context()))
	n.Add(1000)
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit: %v, want ErrNoConsent", err)
	}
	must(t, u.Close())
	var got int64
	for _, request := range r.got() {
		for _, sm := range request.ResourceMetrics[0].ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name == "n" {
					got += m.GetSum().DataPoints[0].GetAsInt()
				}
			}
		}
	}
	if got != 5 {
		t.Errorf("received %d, want the 5 counted with consent", got)
	}
	if got := lifetime(t, path, "n"); got != 1105 {
		t.Errorf("the mirror holds %d, want 1105", got)
	}
}

// TestADecisionThatDoesNotHoldIsReturned, and what was counted before and after
// it is recorded all the same.
func TestADecisionThatDoesNotHoldIsReturned(t *testing.T) {
	r := newReceiver(t)
	path := filepath.Join(t.TempDir(), "usage.db")
	must(t, os.Mkdir(path+".consent", 0o700)) // not this user's to change
	u := start(t, Config{FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, r.URL)})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	looked := 0
	_, err = u.MeterProvider().Meter("test").Int64ObservableGauge("looks", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
		looked++
		return nil
	}))
	must(t, err)
	n.Add(1)
	if err := u.Enable(t.Context()); !errors.Is(err, localstore.ErrOverruled) {
		t.Errorf("Enable: %v", err)
	}
	if got := lifetime(t, path, "n"); got != 1 || looked != 2 { // before and after
		t.Errorf("Enable recorded %d, looking %d times", got, looked)
	}
	n.Add(10)
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit: %v, want ErrNoConsent", err)
	}
	must(t, u.Disable(t.Context()))
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 11 || len(r.got()) > 0 {
		t.Errorf("the mirror holds %d, received %v", got, r.got())
	}
}

func TestNothingReachesTheGlobalErrorHandler(t *testing.T) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.Error("otel.Handle:", err) }))
	t.Cleanup(func() { otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) })
	var reported []error
	u, err := Start(t.Context(), Config{Tracker: new(otelusage.Tracker), FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "game",
		Forwarder: forwardTo(t, "http://127.0.0.1:1"), OnError: func(err error) { reported = append(reported, err) }})
	must(t, err)
	n, err := u.Tracker().Statistic("n", otelusage.Monotonic())
	must(t, err)
	n.Add(-1)
	n.Add(1)
	if err := u.Submit(t.Context()); err == nil {
		t.Error("a refused connection is no error")
	}
	must(t, u.Close())
	if len(reported) != 1 || !strings.Contains(u.Err().Error(), "n") {
		t.Errorf("reported %v", reported)
	}
}

// TestProcessThatEndsAtOnce runs the program below, which counts and returns.
func TestProcessThatEndsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	for range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildCounts$", "-test.v")
		cmd.Env = append(os.Environ(), "OTELUSAGE_CHILD_MIRROR="+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if got := lifetime(t, path, "n"); got != 21 {
		t.Errorf("the mirror holds %d, want 21", got)
	}
}

// TestChildCounts is no test of its own: it is the program of the one above.
func TestChildCounts(t *testing.T) {
	path := os.Getenv("OTELUSAGE_CHILD_MIRROR")
	if path == "" {
		return
	}
	u := start(t, Config{FilePath: path, ApplicationName: "tool", Forwarder: forwardTo(t, "http://127.0.0.1:1"),
		SubmitInterval: time.Second, OnError: func(error) {}})
	defer u.Close()
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(7)
}
