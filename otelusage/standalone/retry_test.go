package standalone

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// holdLock locks a mirror as a person's shell does, in journal mode DELETE and
// in a process of its own, and returns what gives the lock back.
func holdLock(t *testing.T, path string) (release func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildHoldsLock$")
	cmd.Env = append(os.Environ(), "OTELUSAGE_CHILD_LOCKS="+path)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the lock is not held: %q, %v", line, err)
	}
	release = sync.OnceFunc(func() { _ = in.Close(); _ = cmd.Wait() })
	t.Cleanup(release)
	return release
}

// TestChildHoldsLock is no test of its own: it is the shell of the ones below.
func TestChildHoldsLock(t *testing.T) {
	path := os.Getenv("OTELUSAGE_CHILD_LOCKS")
	if path == "" {
		return
	}
	db, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	db.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"} {
		_, err := db.ExecContext(t.Context(), statement)
		must(t, err)
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	must(t, db.Close())
}

func config(path string) Config {
	return Config{FilePath: path, ApplicationName: "daemon", Tracker: new(otelusage.Tracker)}
}

// oneRun counts seven in a run of its own.
func oneRun(t *testing.T, path string) {
	t.Helper()
	u := start(t, config(path))
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(7)
	must(t, u.Close())
}

const noDirectory = "a directory is not there yet"

// blocked are reasons for which a start fails, and how they pass.
var blocked = map[string]func(t *testing.T, path string) (mend func()){
	"a person's shell holds a lock": holdLock,
	noDirectory: func(t *testing.T, path string) func() {
		dir := filepath.Dir(path)
		must(t, os.Rename(dir, dir+".away"))
		must(t, os.WriteFile(dir, nil, 0o600))
		return sync.OnceFunc(func() {
			must(t, os.Remove(dir))
			must(t, os.Rename(dir+".away", dir))
		})
	},
}

func TestAStartThatFailedIsTriedAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for locks")
	}
	for name, block := range blocked {
		for _, atClose := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", at Close: ", atClose), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "mirror", "usage.db")
				must(t, os.Mkdir(filepath.Dir(path), 0o700))
				oneRun(t, path)
				mend := block(t, path)
				var told []error
				c := config(path)
				c.RecordInterval = time.Hour
				c.OnError = func(err error) { told = append(told, err) }
				began := time.Now()
				u, err := Start(t.Context(), c)
				if err == nil || u.Store() != nil {
					t.Fatalf("Start = %v, and a Store: %v", err, u.Store() != nil)
				}
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("Start took %v", took)
				}
				if _, err := Start(t.Context(), c); !errors.Is(err, otelusage.ErrAttached) {
					t.Errorf("a second start with the tracker: %v", err)
				}
				n, err := u.Tracker().Statistic("n")
				must(t, err)
				n.Add(5)
				for range 3 {
					if u.tryAgain(startWait) {
						t.Fatal("gave up")
					}
				}
				if len(told) != 0 {
					t.Errorf("told of %v, which Start returned", told)
				}
				mend()
				if !atClose {
					if !u.tryAgain(startWait) || u.Store() == nil {
						t.Fatalf("not started: %v", u.Err())
					}
					if n.Value() != 12 || n.SinceStart() != 5 {
						t.Errorf("value %d, since start %d, want 12 and 5", n.Value(), n.SinceStart())
					}
				}
				n.Add(1)
				must(t, u.Close())
				if got := lifetime(t, path, "n"); got != 13 {
					t.Errorf("the mirror holds %d, want 13", got)
				}
			})
		}
	}
}

func TestAStartIsTriedAgainAtEachRecordInterval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	oneRun(t, path)
	release := holdLock(t, path)
	c := config(path)
	c.RecordInterval = time.Millisecond
	u, err := Start(t.Context(), c)
	if err == nil {
		t.Fatal("Start succeeded under a lock")
	}
	release()
	for deadline := time.Now().Add(time.Minute); u.Store() == nil && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if u.Store() == nil {
		t.Error("not started a minute after the lock was gone")
	}
	must(t, u.Close())
}

func TestAStartThatCannotSucceedIsNotTriedAgain(t *testing.T) {
	for name, c := range map[string]Config{
		"no path": {}, "a directory": {FilePath: t.TempDir()}, "a bad id": {FilePath: filepath.Join(t.TempDir(), "a.db"), InstallationID: "a\nb"},
	} {
		c.Tracker = new(otelusage.Tracker)
		u, err := Start(t.Context(), c)
		if err == nil || u.retry != nil {
			t.Errorf("%s: error %v, tried again: %v", name, err, u.retry != nil)
		}
		must(t, u.Close())
	}
}

// CloseTimeout also bounds the wait for a mirror that somebody else has locked,
// and what was counted is recorded once the lock is gone. With a journal nobody waits:
// the next process records it.
func TestCloseIsBoundedWhileSomebodyHoldsTheMirror(t *testing.T) {
	for _, tt := range []struct {
		journal JournalMode
		want    error
	}{{JournalOff, ErrCloseTimeout}, {JournalOn, nil}} {
		path := filepath.Join(t.TempDir(), "usage.db")
		c := config(path)
		c.CloseTimeout, c.Journal = 50*time.Millisecond, tt.journal
		u := start(t, c)
		n, err := u.Tracker().Statistic("n")
		must(t, err)
		n.Add(3)
		db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
		must(t, err)
		defer db.Close()
		tx, err := db.BeginTx(t.Context(), nil)
		must(t, err)
		if err := u.Close(); !errors.Is(err, tt.want) {
			t.Errorf("Close = %v, want %v", err, tt.want)
		}
		must(t, tx.Rollback())
		must(t, u.Shutdown(context.Background()))
		if tt.journal == JournalOn {
			must(t, start(t, config(path)).Close())
		}
		if got := lifetime(t, path, "n"); got != 3 {
			t.Errorf("the mirror holds %d, want 3", got)
		}
	}
}

// TestADecisionAheadOfALateStart is kept, and what was counted before the start
// falls under it.
func TestADecisionAheadOfALateStart(t *testing.T) {
	for name, block := range blocked {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mirror", "usage.db")
			must(t, os.Mkdir(filepath.Dir(path), 0o700))
			oneRun(t, path)
			mend := block(t, path)
			c := config(path)
			c.RecordInterval = time.Hour
			c.Forwarder = new(counting)
			u, _ := Start(t.Context(), c)
			n, err := u.Tracker().Statistic("n")
			must(t, err)
			n.Add(5)
			err = u.Disable(t.Context())
			if name == "a directory is not there yet" { // a line of text can be written beside a locked mirror
				if !errors.Is(err, ErrNotRecording) {
					t.Errorf("Disable where nothing can be written: %v", err)
				}
				mend()
				err = u.Disable(t.Context())
			}
			must(t, err)
			mend()
			if !u.tryAgain(startWait) {
				t.Fatalf("not started: %v", u.Err())
			}
			consent, err := u.Consent(t.Context())
			must(t, err)
			if consent.Mode != localstore.ModeLocal || consent.Sending {
				t.Errorf("consent = %+v", consent)
			}
			must(t, u.Flush(t.Context()))
			balance, err := u.Store().Balance(t.Context())
			must(t, err)
			for _, b := range balance {
				if b.Pending.Int64() != 0 {
					t.Errorf("%d of %s wait to be sent", b.Pending.Int64(), b.Name)
				}
			}
			must(t, u.Close())
			if got := lifetime(t, path, "n"); got != 12 {
				t.Errorf("the mirror holds %d, want 12", got)
			}
		})
	}
}

// asking is a provider that looks around whenever it is asked for a meter.
type asking struct {
	noop.MeterProvider
	look func()
}

func (a asking) Meter(name string, opts ...metric.MeterOption) metric.Meter {
	a.look()
	return a.MeterProvider.Meter(name, opts...)
}

// TestAClaimHoldsUntilTheTrackerIsAttached: a second start in between would take
// the tracker away from the one that waits with it.
func TestAClaimHoldsUntilTheTrackerIsAttached(t *testing.T) {
	tracker := new(otelusage.Tracker)
	_, err := tracker.Statistic("n")
	must(t, err)
	u, other := &Usage{tracker: tracker}, &Usage{tracker: tracker}
	must(t, u.claim())
	asked := false
	must(t, u.attachClaimed(asking{look: func() {
		asked = true
		if err := other.claim(); !errors.Is(err, otelusage.ErrAttached) {
			t.Errorf("a claim meanwhile: %v", err)
		}
	}}, nil))
	if _, claimed := waiting.Load(tracker); claimed || !asked {
		t.Errorf("claimed still: %v, asked for a meter: %v", claimed, asked)
	}
	must(t, tracker.Close())
}

// TestDisableHoldsWhereNothingCanBeRecorded: the person's decision needs no mirror
// that can be written.
func TestDisableHoldsWhereNothingCanBeRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	u := start(t, Config{FilePath: path, ApplicationName: "game"})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(1)
	must(t, u.Flush(t.Context()))
	u.recorder().store.SetBusyTimeout(0)
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	must(t, err)
	defer db.Close()
	tx, err := db.Begin()
	must(t, err)
	n.Add(1)
	if err := u.Disable(t.Context()); err == nil {
		t.Error("nothing is said of the mirror")
	}
	if said, err := os.ReadFile(path + ".consent"); string(said) != "local\n" {
		t.Errorf("decision = %q, %v", said, err)
	}
	must(t, tx.Rollback())
	must(t, db.Close())
	must(t, u.Close())
}
