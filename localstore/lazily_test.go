package localstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/lazy"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/warm"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// shortRun is a run that counts once of each kind and ends.
type shortRun struct{ *mortal }

func startShort(t testing.TB, path string, c *clock, opts ...Option) shortRun {
	t.Helper()
	s := open(t, path, c, append(opts, Lazily())...)
	for _, d := range []otelusage.Declaration{{Name: "n", Kind: otelusage.KindStatistic}, {Name: "f", Kind: otelusage.KindStatistic, Float: true},
		{Name: "t", Kind: otelusage.KindTimer, Unit: "s"}, {Name: "q", Kind: otelusage.KindSequence}, {Name: "s", Kind: otelusage.KindState}} {
		if _, err := s.Declare(d); err != nil {
			t.Fatal(err)
		}
	}
	w, err := s.Writer(true)
	if err != nil {
		t.Fatal(err)
	}
	j, err := w.Keep(journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close(false) }) // Windows removes no file that is open
	return shortRun{&mortal{Store: s, w: w, j: j, cells: make(map[string]*cell), of: version("1"), sends: true}}
}

// end returns whether the run recorded.
func (r shortRun) end(t testing.TB) (recorded bool) {
	t.Helper()
	found, settled := r.found()
	found.MaySend = true
	recorded, err := r.w.End(t.Context(), found)
	if err != nil {
		t.Error(err)
	}
	if recorded {
		settled()
	}
	r.w.Close()
	closeStore(t, r.Store)
	return recorded
}

// isAsleep reports whether the Store was not opened yet.
func isAsleep(s *Store) bool {
	s.db.Lock()
	defer s.db.Unlock()
	return s.db.IsAsleep()
}

// warmed returns a mirror with a cache.
func warmed(t testing.TB) (path string, c *clock) {
	t.Helper()
	path, c = newPath(t), newClock()
	r := startShort(t, path, c)
	r.count(t)
	r.enter(t, "a")
	if !r.end(t) {
		t.Fatal("the first run did not record")
	}
	if s := open(t, path, c, Lazily()); !isAsleep(s) {
		t.Fatal("a start opens the database")
	}
	return path, c
}

// TestAStartThatSleepsKnowsWhatTheMirrorSays: lifetimes, consent and what is due are
// those that a Store says which opened the same mirror, after each of many runs.
func TestAStartThatSleepsKnowsWhatTheMirrorSays(t *testing.T) {
	path, c := warmed(t)
	for i := range 10 {
		c.add(time.Second)
		r := startShort(t, path, c)
		if !isAsleep(r.Store) {
			t.Fatalf("run %d opened the database", i)
		}
		r.count(t)
		if i%3 == 0 {
			r.enter(t, fmt.Sprint("state ", i))
		}
		if r.end(t) {
			t.Fatalf("run %d recorded", i)
		}
	}
	asleep := open(t, path, c, Lazily())
	lives := make(map[string]string)
	all := []otelusage.Declaration{{Name: "n", Kind: otelusage.KindStatistic}, {Name: "f", Kind: otelusage.KindStatistic, Float: true},
		{Name: "t", Kind: otelusage.KindTimer, Unit: "s"}, {Name: "q", Kind: otelusage.KindSequence}, {Name: "s", Kind: otelusage.KindState}}
	for _, d := range all {
		l, err := asleep.Declare(d)
		if err != nil {
			t.Fatal(err)
		}
		lives[d.Name] = fmt.Sprintf("%+v", l)
	}
	says, err := asleep.Consent(t.Context())
	if err != nil || !isAsleep(asleep) {
		t.Fatalf("consent %v, asleep: %v", err, isAsleep(asleep))
	}
	closeStore(t, asleep)
	awake := open(t, path, c)
	for _, d := range all {
		l, err := awake.Declare(d)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%+v", l); text != lives[d.Name] {
			t.Errorf("%s: asleep\n%s, awake\n%s", d.Name, lives[d.Name], text)
		}
	}
	if said, err := awake.Consent(t.Context()); err != nil || said != says {
		t.Errorf("consent asleep %v, awake %v, %v", says, said, err)
	}
	if recorded, pending := recordedIn(t, awake); recorded["n{}"] != 11 || !recorded.equal(pending) {
		t.Errorf("recorded %v, pending %v, want 11 of n", recorded, pending)
	}
}

// TestWhenAStartOpensTheDatabase tells what a cache is not good for.
func TestWhenAStartOpensTheDatabase(t *testing.T) {
	rewritten := func(t *testing.T, path string, _ *clock) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		opts   []Option
		change func(t *testing.T, path string, c *clock)
		asleep bool
	}{
		{name: "nothing", change: func(*testing.T, string, *clock) {}, asleep: true},
		{name: "59 minutes", change: func(_ *testing.T, _ string, c *clock) { c.add(59 * time.Minute) }, asleep: false}, // another day, see below
		{name: "10 minutes", change: func(_ *testing.T, _ string, c *clock) { c.add(10 * time.Minute) }, asleep: true},
		{name: "an hour", change: func(_ *testing.T, _ string, c *clock) { c.add(time.Hour) }},
		{name: "the clock was set back", change: func(_ *testing.T, _ string, c *clock) { c.add(-time.Second) }},
		{name: "another file", change: rewritten},
		{name: "another id", opts: []Option{WithInstallationID("mine")}, change: func(*testing.T, string, *clock) {}},
		{name: "others can write the cache", asleep: runtime.GOOS == "windows", change: func(t *testing.T, path string, _ *clock) {
			if err := os.Chmod(warm.Path(path), 0o666); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a recording", change: func(t *testing.T, path string, c *clock) {
			s := open(t, path, c)
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, c := warmed(t)
			if tt.name == "59 minutes" {
				c.set(time.Date(2026, 3, 4, 23, 30, 0, 0, time.UTC))
				r := startShort(t, path, c)
				r.count(t)
				r.end(t)
			}
			tt.change(t, path, c)
			s, err := Open(path, append(tt.opts, Lazily(), WithClock(c.now), WithErrorHandler(func(error) {}))...)
			if err != nil {
				t.Fatal(err)
			}
			if got := isAsleep(s); got != tt.asleep {
				t.Errorf("asleep: %v, want %v", got, tt.asleep)
			}
			closeStore(t, s)
		})
	}
}

// TestNoCacheOutlivesADecision: while it is written, stamped or read, somebody decides.
// Whoever starts then knows.
func TestNoCacheOutlivesADecision(t *testing.T) {
	for name, decide := range map[string]func(*testing.T, *Store){
		"off": func(t *testing.T, s *Store) { setMode(t, s, consent.ModeOff) },
		"required": func(t *testing.T, s *Store) {
			if err := s.RequireConsent(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"erased": func(t *testing.T, s *Store) {
			if err := s.Erase(t.Context()); err != nil && !errors.Is(err, ErrErasePending) {
				t.Fatal(err)
			}
		},
		"another id": func(t *testing.T, s *Store) {
			if err := s.SetInstallationID("mine"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, at := range []string{"before it is written", "before it is stamped", "after"} {
			t.Run(name+" "+at, func(t *testing.T) {
				path, c := newPath(t), newClock()
				other := open(t, path, c)
				r := startShort(t, path, c)
				r.count(t)
				found, settled := r.found()
				if err := r.w.Record(t.Context(), found); err != nil {
					t.Fatal(err)
				}
				settled()
				r.w.Close()
				step := func(s string) {
					if s == at {
						decide(t, other)
					}
				}
				step("before it is written")
				var nonce uint64
				r.db.Lock()
				err := r.db.Update(t.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) (err error) {
					nonce, err = lazy.Write(r.db, tx, r.outbox)
					return err
				})
				r.db.Unlock()
				if err != nil {
					t.Fatal(err)
				}
				step("before it is stamped")
				if err := warm.Stamp(path, nonce); err != nil {
					t.Fatal(err)
				}
				step("after")
				s := open(t, path, c, Lazily())
				if asleep := isAsleep(s); asleep && at != "before it is written" {
					t.Error("a start takes the cache that is older than the decision")
				}
				want, err := other.Consent(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got, err := s.Consent(t.Context()); err != nil || got != want {
					t.Errorf("consent %v, %v, want %v", got, err, want)
				}
				if s.InstallationID() != other.InstallationID() {
					t.Error("the installation has another id")
				}
			})
		}
	}
}

// TestADecisionThatFailsLeavesNoCache: whoever is killed after the cache was taken
// away, and before the commit, leaves none.
func TestADecisionThatFailsLeavesNoCache(t *testing.T) {
	path, c := warmed(t)
	s := open(t, path, c)
	s.db.Lock()
	err := s.db.Update(t.Context(), mirrordb.Durable, func(*mirrordb.Tx) error {
		if b, err := os.ReadFile(warm.Path(path)); err != nil || !bytes.Equal(b, make([]byte, len(b))) {
			t.Errorf("while a decision is written the cache says something: %v", err)
		}
		return errDisk
	})
	s.db.Unlock()
	if !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	if isAsleep(open(t, path, c, Lazily())) {
		t.Error("a start takes a cache")
	}
}

// TestADecisionDuringASleepingStart: at each step of a start, and until its end,
// somebody decides. What it counts is recorded as by a start that opened the database,
// and never sent under a decision that it was not counted under.
func TestADecisionDuringASleepingStart(t *testing.T) {
	for _, at := range []string{"before the journal", "after the journal", "at the end"} {
		for _, mode := range []consent.Mode{consent.ModeOff, consent.ModeLocal, consent.ModeOn} {
			t.Run(fmt.Sprint(mode, " ", at), func(t *testing.T) {
				path, c := warmed(t)
				other := open(t, path, c)
				step := func(s string) {
					if s == at {
						setMode(t, other, mode)
					}
				}
				s := open(t, path, c, Lazily())
				if !isAsleep(s) {
					t.Fatal("it opened the database")
				}
				w, err := s.Writer(true)
				if err != nil {
					t.Fatal(err)
				}
				step("before the journal")
				j, err := w.Keep(journal.Config{})
				if err != nil {
					t.Fatal(err)
				}
				if at == "before the journal" && isAsleep(s) {
					t.Error("it does not know of the decision")
				}
				step("after the journal")
				r := shortRun{&mortal{Store: s, w: w, j: j, cells: make(map[string]*cell), of: version("1"), sends: true}}
				if j != nil {
					r.count(t)
				}
				step("at the end")
				r.end(t)
				recoverNow(other)
				recorded, pending := recordedIn(t, other)
				want := 2.0
				if mode == consent.ModeOff {
					want = 1
				}
				if recorded["n{}"] != want {
					t.Errorf("recorded %v of n, want %v", recorded["n{}"], want)
				}
				if sent := pending["n{}"]; mode == consent.ModeOn && at == "before the journal" && sent != 2 || mode != consent.ModeOn && sent != 0 ||
					mode == consent.ModeOn && at == "at the end" && sent != 1 {
					t.Errorf("%v of n are to be sent", sent)
				}
			})
		}
	}
}

// TestWhatIsDueOpensTheDatabase: a Store that sleeps says when a submission is due as
// one that is open.
func TestWhatIsDueOpensTheDatabase(t *testing.T) {
	for _, kind := range []outbox.Forwarder{outbox.Delta, outbox.Cumulative} {
		path, c := warmed(t)
		for _, interval := range []time.Duration{time.Second, time.Minute, 30 * time.Minute} {
			for _, maySend := range []bool{true, false} {
				request := outbox.Request{Forwarder: kind, MaySend: maySend, Interval: interval, Lease: time.Minute}
				c.add(10 * time.Second)
				s := open(t, path, c, Lazily())
				due, err := s.Outbox().Due(t.Context(), request)
				if err != nil || !isAsleep(s) {
					t.Fatalf("Due = %v, asleep: %v", err, isAsleep(s))
				}
				closeStore(t, s)
				s = open(t, path, c)
				want, _ := s.Outbox().Due(t.Context(), request)
				if due != want {
					t.Errorf("%v every %v, may send: %v: due %v asleep, %v awake", kind, interval, maySend, due, want)
				}
				closeStore(t, s)
			}
		}
	}
}

// TestAnErasureDuringASleepingRun reaches what that counted, at its end: no later process
// is needed for it.
func TestAnErasureDuringASleepingRun(t *testing.T) {
	for _, inherits := range []bool{false, true} {
		path, c := warmed(t)
		if inherits {
			r := startShort(t, path, c)
			r.cell(t, "former", false, func() *series.Series { return stateChanges(r.of, "s", "a secret of before") }).change(func(v *journalfile.Value) { v.Int++ })
			if r.end(t) {
				t.Fatal("the run before it recorded")
			}
		}
		r := startShort(t, path, c)
		if r.j.Inherits() != inherits || !isAsleep(r.Store) {
			t.Fatalf("inherits: %v, asleep: %v", r.j.Inherits(), isAsleep(r.Store))
		}
		r.cell(t, "own", false, func() *series.Series { return stateChanges(r.of, "s", "a secret") }).change(func(v *journalfile.Value) { v.Int++ })
		other := open(t, path, c)
		if err := other.Erase(t.Context()); !errors.Is(err, ErrErasePending) {
			t.Errorf("Erase = %v while a process counts, want ErrErasePending", err)
		}
		r.end(t)
		files, err := filepath.Glob(path + "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if b, err := os.ReadFile(f); err != nil || bytes.Contains(b, []byte("a secret")) {
				t.Errorf("inherits: %v: %s holds what was erased: %v", inherits, filepath.Base(f), err)
			}
		}
		recoverNow(other)
		if recorded, _ := recordedIn(t, other); len(recorded) != 0 {
			t.Errorf("inherits: %v: recorded %v", inherits, recorded)
		}
	}
}

// TestAnHeirOfARunThatRecorded without its journal, whose disk was broken, counts nothing
// twice: what that left is lost, as to a recovery.
func TestAnHeirOfARunThatRecorded(t *testing.T) {
	path, c := warmed(t)
	r := startShort(t, path, c)
	r.count(t)
	remains := r.remains(t)
	r.die(t, remains)
	heir := startShort(t, path, c)
	if !heir.j.Inherits() || !isAsleep(heir.Store) {
		t.Fatalf("inherits: %v, asleep: %v", heir.j.Inherits(), isAsleep(heir.Store))
	}
	heir.count(t)
	other := open(t, path, c, WithErrorHandler(func(error) {}))
	other.db.Lock()
	err := other.db.Update(t.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error { return other.recorder.SignFor(tx, heir.j.Writer(), 1) })
	other.db.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	heir.mustRecord(t)
	heir.countNumber(t) // which no journal keeps until the next one is taken
	heir.mustRecord(t)
	heir.w.Close()
	closeStore(t, heir.Store)
	recoverNow(other)
	if recorded, _ := recordedIn(t, other); recorded["n{}"] != 3 || recorded["q{}"] != 2 {
		t.Errorf("recorded %v, want what the first run and the heir counted", recorded)
	}
	if waits := journalpool.List(path); len(waits) != 1 || waits[0].Standing != journalpool.Empty {
		t.Errorf("journals %+v, want an empty one", waits)
	}
}

// TestASleepingRunWhoseJournalIsGone, because a person removed it or put another file in its
// place, records what it counted itself.
func TestASleepingRunWhoseJournalIsGone(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path, path+".away") },
		"cut":      func(path string) error { return os.Truncate(path, 0) },
	} {
		for _, inherits := range []bool{false, true} {
			path, c := warmed(t)
			want := 2.0
			if inherits {
				r := startShort(t, path, c)
				r.count(t)
				r.end(t)
				want++
			}
			r := startShort(t, path, c)
			r.count(t)
			if r.j.Inherits() != inherits || !isAsleep(r.Store) {
				t.Fatalf("inherits: %v, asleep: %v", r.j.Inherits(), isAsleep(r.Store))
			}
			if err := lose(r.j.Path()); err != nil && runtime.GOOS == "windows" {
				continue // the file is open
			} else if err != nil {
				t.Fatal(err)
			}
			if !r.end(t) {
				t.Errorf("%s, inherits %v: it left what it counted in a journal that is gone", name, inherits)
			}
			s := open(t, path, c)
			recoverNow(s)
			if recorded, _ := recordedIn(t, s); recorded["n{}"] != want {
				t.Errorf("%s, inherits %v: the mirror holds %v, want %v", name, inherits, recorded["n{}"], want)
			}
		}
	}
}
