package standalone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// unopened runs f while the database is no database, which only who opens it notices:
// it would be set aside. ok is false where f opened it.
func unopened(t *testing.T, path string, f func()) (ok bool) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	was, err := os.ReadFile(path)
	must(t, err)
	put := func(b []byte) {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		must(t, err)
		_, err = file.WriteAt(b, 0)
		must(t, errors.Join(err, file.Close(), os.Chtimes(path, time.Time{}, info.ModTime())))
	}
	rubbish := bytes.Repeat([]byte{0xdb}, len(was))
	put(rubbish)
	f()
	now, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(now, rubbish) {
		return false
	}
	put(was)
	return true
}

// tool is a program that runs for milliseconds.
type tool struct {
	*Usage
	n       *otelusage.Statistic
	timer   *otelusage.Timer
	state   *otelusage.State
	initial *otelusage.State
}

func startTool(t *testing.T, path string, opts ...func(*Config)) *tool {
	t.Helper()
	c := Config{FilePath: path, ApplicationName: "tool", ApplicationVersion: "1.0", Tracker: new(otelusage.Tracker),
		OnError: func(err error) { t.Error("told of", err) }}
	for _, o := range opts {
		o(&c)
	}
	u := &tool{Usage: start(t, c)}
	var err error
	u.n, err = u.Tracker().Statistic("n", otelusage.WithDescription("what is counted"))
	must(t, err)
	u.timer, err = u.Tracker().Timer("time")
	must(t, err)
	u.state, err = u.Tracker().State("state", "none yet")
	must(t, err)
	u.initial, err = u.Tracker().State("initial", "as it was")
	must(t, err)
	return u
}

func (u *tool) use(t *testing.T, i int) {
	t.Helper()
	u.n.Add(7)
	u.timer.Record(context.Background(), time.Second)
	u.state.Set(fmt.Sprint("state ", i))
	must(t, u.Close())
}

// TestAShortRunOpensNoDatabase: from the second on, short runs do without it, and know
// what all runs before them counted.
func TestAShortRunOpensNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	startTool(t, path).use(t, 0)
	for i := 1; i <= 5; i++ {
		run := func() {
			u := startTool(t, path)
			state, _ := u.state.Value()
			initial, _ := u.initial.Value()
			if u.n.Value() != int64(7*i) || u.timer.Count() != int64(i) || state != fmt.Sprint("state ", i-1) || initial != "as it was" {
				t.Errorf("run %d finds %d, %d runs, %q, %q", i, u.n.Value(), u.timer.Count(), state, initial)
			}
			if c, err := u.Consent(t.Context()); err != nil || c.Mode != localstore.ModeUnset {
				t.Errorf("consent %v, %v", c, err)
			}
			u.use(t, i)
		}
		if !unopened(t, path, run) {
			t.Fatalf("run %d opened the database", i)
		}
		if got := lifetime(t, path, "n"); got != int64(7*(i+1)) {
			t.Errorf("after run %d a viewer sees %d", i, got)
		}
	}
	u := startTool(t, path)
	must(t, u.Flush(t.Context()))
	u.use(t, 6)
	if got := lifetime(t, path, "n"); got != 49 {
		t.Errorf("the mirror holds %d, want 49", got)
	}
	if waitingJournals(t, path) != 0 {
		t.Error("journals wait after a run that opened the mirror")
	}
}

// waitingJournals returns how many journals hold something.
func waitingJournals(t *testing.T, path string) (n int) {
	t.Helper()
	files, err := filepath.Glob(path + ".journal-*")
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		if !bytes.Equal(b[128:320], make([]byte, 192)) {
			n++
		}
	}
	return n
}

// TestWhatOpensTheDatabase of a short run.
func TestWhatOpensTheDatabase(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, path string)
	}{
		{"a new declaration", func(t *testing.T, path string) {
			u := startTool(t, path)
			n, err := u.Tracker().Statistic("new")
			must(t, err)
			n.Add(1)
			u.use(t, 1)
		}},
		{"a former name", func(t *testing.T, path string) {
			u := startTool(t, path)
			_, err := u.Tracker().Statistic("renamed", otelusage.RenamedFrom("was"))
			must(t, err)
			u.use(t, 1)
		}},
		{"a flush", func(t *testing.T, path string) {
			u := startTool(t, path)
			u.n.Add(7)
			_ = u.Flush(t.Context())
			_ = u.Close()
		}},
		{"a look", func(t *testing.T, path string) {
			u := startTool(t, path)
			_, _ = u.Store().Snapshot(t.Context(), localstore.Query{})
			_ = u.Close()
		}},
		{"another version", func(t *testing.T, path string) {
			startTool(t, path, func(c *Config) { c.ApplicationVersion = "2.0" }).use(t, 1)
		}},
		{"another id", func(t *testing.T, path string) {
			startTool(t, path, func(c *Config) { c.InstallationID = "mine" }).use(t, 1)
		}},
		{"no journal", func(t *testing.T, path string) {
			startTool(t, path, func(c *Config) { c.Journal = JournalOff }).use(t, 1)
		}},
		{"a decision in the file", func(t *testing.T, path string) {
			must(t, os.WriteFile(path+".consent", []byte("local\n"), 0o600))
			startTool(t, path).use(t, 1)
		}},
		{"a cache that is damaged", func(t *testing.T, path string) {
			b, err := os.ReadFile(path + ".warm")
			must(t, err)
			b[len(b)-5]++
			must(t, os.WriteFile(path+".warm", b, 0o600))
			startTool(t, path).use(t, 1)
		}},
		{"no cache", func(t *testing.T, path string) {
			must(t, os.Remove(path+".warm"))
			startTool(t, path).use(t, 1)
		}},
		{"a mirror that was brought back", func(t *testing.T, path string) {
			must(t, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
			startTool(t, path).use(t, 1)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			startTool(t, path).use(t, 0)
			if !opened(t, path, func() { tt.run(t, path) }) {
				t.Error("it did not open the database")
			}
		})
	}
}

// opened reports whether f recorded something itself.
func opened(t *testing.T, path string, f func()) bool {
	t.Helper()
	before, err := os.ReadFile(path)
	must(t, err)
	f()
	after, err := os.ReadFile(path)
	must(t, err)
	return !bytes.Equal(before, after)
}

// TestADecisionBeforeAStartIsHonoured, whoever made it and however.
func TestADecisionBeforeAStartIsHonoured(t *testing.T) {
	decideIn := func(mode localstore.Mode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			_, err := localstore.Decide(t.Context(), path, mode)
			must(t, err)
		}
	}
	byHand := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) { must(t, os.WriteFile(path+".consent", []byte(text+"\n"), 0o600)) }
	}
	all := func(fs ...func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			for _, f := range fs {
				f(t, path)
			}
		}
	}
	warm := func(t *testing.T, path string) { startTool(t, path).use(t, 1) }
	for _, tt := range []struct {
		name   string
		decide func(*testing.T, string)
		mode   localstore.Mode
		counts int64
	}{
		{"off", decideIn(localstore.ModeOff), localstore.ModeOff, 7},
		{"local", decideIn(localstore.ModeLocal), localstore.ModeLocal, 14},
		{"on", decideIn(localstore.ModeOn), localstore.ModeOn, 14},
		{"off by hand", byHand("off"), localstore.ModeOff, 7},
		{"local by hand", byHand("local"), localstore.ModeLocal, 14},
		{"off, after a short run", all(warm, decideIn(localstore.ModeOff)), localstore.ModeOff, 14},
		{"off by hand, after a short run", all(warm, byHand("off")), localstore.ModeOff, 7}, // what waits is dropped
		{"off, used, then on", all(decideIn(localstore.ModeOff), warm, warm, decideIn(localstore.ModeOn)), localstore.ModeOn, 14},
		{"off by hand, used, taken back", all(byHand("off"), warm, warm, byHand("local")), localstore.ModeOff, 7}, // the mirror says off
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			startTool(t, path).use(t, 0)
			tt.decide(t, path)
			u := startTool(t, path)
			if c, err := u.Consent(t.Context()); err != nil || c.Mode != tt.mode {
				t.Errorf("consent %v, %v, want %v", c, err, tt.mode)
			}
			u.use(t, 2)
			check := startTool(t, path)
			must(t, check.Flush(t.Context()))
			must(t, check.Close())
			if got := lifetime(t, path, "n"); got != tt.counts {
				t.Errorf("the mirror holds %d, want %d", got, tt.counts)
			}
		})
	}
}

// TestADecisionDuringAShortRun opens the database at its end.
func TestADecisionDuringAShortRun(t *testing.T) {
	for _, tt := range []struct {
		name   string
		decide func(*testing.T, string)
		counts int64
	}{
		{"off", func(t *testing.T, path string) {
			_, err := localstore.Decide(t.Context(), path, localstore.ModeOff)
			must(t, err)
		}, 7},
		{"off by hand", func(t *testing.T, path string) {
			must(t, os.WriteFile(path+".consent", []byte("off\n"), 0o600))
		}, 7},
		{"erased", func(t *testing.T, path string) {
			s, err := localstore.Open(path, localstore.Existing())
			must(t, err)
			if err := s.Erase(t.Context()); !errors.Is(err, localstore.ErrErasePending) {
				t.Errorf("Erase = %v, want ErrErasePending", err)
			}
			must(t, s.Close())
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			startTool(t, path).use(t, 0)
			u := startTool(t, path)
			u.n.Add(3)
			u.state.Set("a secret of before")
			tt.decide(t, path)
			if c, err := u.Consent(t.Context()); err != nil || strings.HasPrefix(tt.name, "off") && c.Mode != localstore.ModeOff {
				t.Errorf("consent %v, %v", c, err)
			}
			must(t, u.Close())
			if got := lifetime(t, path, "n"); got != tt.counts {
				t.Errorf("the mirror holds %d, want %d", got, tt.counts)
			}
			files, err := filepath.Glob(path + "*")
			must(t, err)
			for _, f := range files {
				if b, err := os.ReadFile(f); tt.counts == 0 && (err != nil || bytes.Contains(b, []byte("a secret of before"))) {
					t.Errorf("%s holds what was erased: %v", f, err)
				}
			}
		})
	}
}

// TestShortRunsDoNotPileUp: one of them opens the mirror before the pool is full.
func TestShortRunsDoNotPileUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	most := 0
	for i := range 60 {
		startTool(t, path).use(t, i)
		most = max(most, waitingJournals(t, path))
	}
	if most > 25 || most < 20 {
		t.Errorf("%d journals waited, want up to 25", most)
	}
	if got := lifetime(t, path, "n"); got != 7*60 {
		t.Errorf("a viewer sees %d, want %d", got, 7*60)
	}
}

// TestShortRunsShareAJournal where none of them moves a State: each goes on with what the
// one before it left, and knows it.
func TestShortRunsShareAJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	startTool(t, path).use(t, 0)
	for i := 1; i <= 40; i++ {
		run := func() {
			u := startTool(t, path)
			if u.n.Value() != int64(7*i) || u.timer.Count() != int64(i) {
				t.Errorf("run %d finds %d, %d runs", i, u.n.Value(), u.timer.Count())
			}
			u.n.Add(7)
			u.timer.Record(context.Background(), time.Second)
			must(t, u.Close())
		}
		if !unopened(t, path, run) {
			t.Fatalf("run %d opened the database", i)
		}
		if n := waitingJournals(t, path); n != 1 {
			t.Fatalf("%d journals wait after run %d", n, i)
		}
	}
	u := startTool(t, path)
	u.n.Add(7)
	other := startTool(t, path) // while u counts in the journal that all others left
	if other.n.Value() != 7*42 || other.timer.Count() != 41 {
		t.Errorf("a run beside it finds %d, %d runs", other.n.Value(), other.timer.Count())
	}
	must(t, u.Flush(t.Context()))
	if u.n.Value() != 7*42 || u.timer.Count() != 41 {
		t.Errorf("once the mirror is open, %d, %d runs", u.n.Value(), u.timer.Count())
	}
	must(t, errors.Join(u.Close(), other.Close()))
	if got := lifetime(t, path, "n"); got != 7*42 {
		t.Errorf("the mirror holds %d, want %d", got, 7*42)
	}
}

// TestALateDeclarationKnowsWhatWasInherited once the mirror was opened.
func TestALateDeclarationKnowsWhatWasInherited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	startTool(t, path).use(t, 0)
	u := startTool(t, path)
	u.n.Add(7)
	must(t, u.Close())
	late := start(t, Config{FilePath: path, ApplicationName: "tool", ApplicationVersion: "1.0", Tracker: new(otelusage.Tracker)})
	if !late.Store().IsAsleep() {
		t.Error("the mirror is not asleep")
	}
	must(t, late.Flush(t.Context()))
	n, err := late.Tracker().Statistic("n", otelusage.WithDescription("what is counted"))
	must(t, err)
	if n.Value() != 14 {
		t.Errorf("it finds %d, want 14", n.Value())
	}
	must(t, late.Close())
	if got := lifetime(t, path, "n"); got != 14 {
		t.Errorf("the mirror holds %d, want 14", got)
	}
}

// TestAShortRunEndsInTime also where an instrument of the application's own does not
// answer, though its mirror is asleep.
func TestAShortRunEndsInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	startTool(t, path).use(t, 0)
	u := startTool(t, path, func(c *Config) { c.CloseTimeout = 10 * time.Millisecond })
	answer := make(chan struct{})
	_, err := u.MeterProvider().Meter("app").Int64ObservableGauge("slow",
		metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { <-answer; return nil }))
	must(t, err)
	if !u.Store().IsAsleep() {
		t.Error("the mirror is not asleep")
	}
	if err := u.Close(); !errors.Is(err, ErrCloseTimeout) {
		t.Errorf("Close = %v, want ErrCloseTimeout", err)
	}
	close(answer)
	must(t, u.Shutdown(t.Context()))
}
