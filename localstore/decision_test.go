package localstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

// decideByHand writes the decision file as a person does.
func decideByHand(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+decision.Suffix, []byte(text))
}

func consentOf(t *testing.T, s *Store) consent.Consent {
	t.Helper()
	c, err := s.Consent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestADecisionCanBeMadeBeforeTheFirstRun(t *testing.T) {
	for _, mode := range []consent.Mode{consent.ModeOff, consent.ModeLocal, consent.ModeOn} {
		path := filepath.Join(t.TempDir(), "app", "usage.db")
		c, err := Decide(t.Context(), path, mode)
		if err != nil || c.Mode != mode {
			t.Fatalf("%v: %+v, %v", mode, c, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("a mirror was made")
		}
		s := open(t, path, newClock())
		if err := s.RequireConsent(t.Context()); err != nil {
			t.Fatal(err)
		}
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		if c := consentOf(t, s); c.Mode != mode || c.Sending != (mode == consent.ModeOn) || c.ShouldAsk {
			t.Errorf("%v: %+v", mode, c)
		}
		expect(t, s, fmt.Sprint(int(mode)), `SELECT mode FROM mirror`)
		if mode == consent.ModeOff {
			expect(t, s, "0", `SELECT count(*) FROM totals`)
		}
		closeStore(t, s)
	}
}

// TestADecisionCanBeMadeForAnEmptyFile, which a container is given to make the
// mirror of.
func TestADecisionCanBeMadeForAnEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	write(t, path, nil)
	if c, err := Decide(t.Context(), path, consent.ModeOff); err != nil || c.Mode != consent.ModeOff {
		t.Fatalf("%+v, %v", c, err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		t.Errorf("a mirror was made: %v", err)
	}
	s := open(t, path, newClock())
	defer func() { closeStore(t, s) }()
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	expect(t, s, "0", `SELECT count(*) FROM totals`)
}

// TestADecisionThatForbidsNeedsNoMirror that can be written now: it holds from
// the file beside it. One that allows waits for the mirror.
func TestADecisionThatForbidsNeedsNoMirror(t *testing.T) {
	path := newPath(t)
	s := open(t, path, newClock())
	defer func() { closeStore(t, s) }()
	setMode(t, s, consent.ModeOn)
	err := s.db.Conn.Immediate(func() error { // another process writes
		for _, tt := range []struct {
			mode consent.Mode
			want error
		}{{consent.ModeOn, ErrBusy}, {consent.ModeLocal, nil}, {consent.ModeOn, ErrBusy}, {consent.ModeOff, nil}, {consent.ModeOff, nil}, {consent.ModeLocal, ErrBusy}} {
			c, err := Decide(t.Context(), path, tt.mode, WithBusyTimeout(0))
			if !errors.Is(err, tt.want) || err == nil && (c.Mode != tt.mode || c.Sending) {
				t.Errorf("%v: %+v, %v", tt.mode, c, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := consentOf(t, s); c.Mode != consent.ModeOff {
		t.Errorf("consent is %+v", c)
	}
}

func TestTheStricterOfFileAndMirrorHolds(t *testing.T) {
	modes := []consent.Mode{consent.ModeUnset, consent.ModeOff, consent.ModeLocal, consent.ModeOn}
	rank := map[consent.Mode]int{consent.ModeOff: 0, consent.ModeLocal: 1, consent.ModeOn: 2, consent.ModeUnset: 3}
	for _, stored := range modes {
		for _, beside := range modes {
			path := newPath(t)
			s := open(t, path, newClock())
			setMode(t, s, stored)
			if err := place.Remove(path + decision.Suffix); err != nil {
				t.Fatal(err)
			}
			if beside != consent.ModeUnset {
				decideByHand(t, path, beside.String())
			}
			want := stored
			if rank[beside] < rank[stored] {
				want = beside
			}
			reader := open(t, path, newClock(), ReadOnly())
			for name, store := range map[string]*Store{"reader": reader, "writer": s} {
				if c := consentOf(t, store); c.Mode != want {
					t.Errorf("%s: mirror %v, file %v: %v, want %v", name, stored, beside, c.Mode, want)
				}
			}
			expect(t, s, fmt.Sprint(int(want)), `SELECT mode FROM mirror`)
			closeStore(t, reader)
			closeStore(t, s)
		}
	}
}

// TestAFileNobodyUnderstandsSendsNothing: neither one that is nonsense nor one
// that is no file. Once it is mended what the mirror holds goes on.
func TestAFileNobodyUnderstandsSendsNothing(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"nonsense":  func(path string) error { return os.WriteFile(path, []byte("maybe\n"), 0o600) },
		"empty":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"large":     func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("#\n", 1<<16)+"on"), 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path, newClock())
			w, n := newWriter(t, s), statistic(version("1"), "n")
			record(t, w, add(n, 1))
			if err := spoil(path + decision.Suffix); err != nil {
				t.Fatal(err)
			}
			record(t, w, add(n, 10))
			if _, err := s.Outbox().Begin(t.Context(), request(outbox.Delta)); !errors.Is(err, outbox.ErrNoConsent) {
				t.Errorf("begin: %v", err)
			}
			if c := consentOf(t, s); c.Sending || !strings.Contains(c.Reason, "beside the mirror") {
				t.Errorf("consent is %+v", c)
			}
			checkBalance(t, s, "n{}", wants{recorded: 11, pending: 1, withheld: 10})
			if err := os.RemoveAll(path + decision.Suffix); err != nil {
				t.Fatal(err)
			}
			if c := consentOf(t, s); !c.Sending {
				t.Errorf("consent is %+v", c)
			}
			closeStore(t, s)
		})
	}
}

// TestAnAdministratorsEditWithholds as SetMode does, in a process that runs.
func TestAnAdministratorsEditWithholds(t *testing.T) {
	path := newPath(t)
	s := open(t, path, newClock())
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	decideByHand(t, path, "local\n")
	if _, err := s.Outbox().Begin(t.Context(), request(outbox.Delta)); !errors.Is(err, outbox.ErrNoConsent) {
		t.Errorf("begin: %v", err)
	}
	checkBalance(t, s, "n{}", wants{recorded: 1, withheld: 1})
	record(t, w, add(n, 10))
	// The mirror is as strict by now: it takes both to send again.
	decideByHand(t, path, "on\n")
	record(t, w, add(n, 100))
	if c := consentOf(t, s); c.Mode != consent.ModeLocal || c.Sending {
		t.Errorf("consent is %+v", c)
	}
	setMode(t, s, consent.ModeOn)
	record(t, w, add(n, 1000)) // counted on both sides of the decision
	record(t, w, add(n, 10_000))
	checkBalance(t, s, "n{}", wants{recorded: 11_111, pending: 10_000, withheld: 1111})
	closeStore(t, s)
}

// TestADecisionThatIsCutOffLeavesTheStricter: the file is written inside the
// transaction, which then fails, as where the process dies.
func TestADecisionThatIsCutOffLeavesTheStricter(t *testing.T) {
	for _, tt := range []struct{ before, decided, want consent.Mode }{
		{consent.ModeOn, consent.ModeLocal, consent.ModeLocal}, {consent.ModeOn, consent.ModeOff, consent.ModeOff}, {consent.ModeLocal, consent.ModeOff, consent.ModeOff},
		{consent.ModeLocal, consent.ModeOn, consent.ModeLocal}, {consent.ModeOff, consent.ModeOn, consent.ModeOff}, {consent.ModeOff, consent.ModeLocal, consent.ModeOff},
	} {
		path := newPath(t)
		s := open(t, path, newClock())
		setMode(t, s, tt.before)
		if _, err := s.db.Conn.Exec(`CREATE TRIGGER refuse BEFORE UPDATE OF mode ON mirror BEGIN SELECT raise(ABORT, 'cut off'); END`); err != nil {
			t.Fatal(err)
		}
		if err := s.SetMode(t.Context(), tt.decided); err == nil {
			t.Fatal("nothing was cut off")
		}
		if _, err := s.db.Conn.Exec(`DROP TRIGGER refuse`); err != nil {
			t.Fatal(err)
		}
		if said := s.db.ReadDecision(); said.Mode != tt.decided {
			t.Errorf("the file says %v: the test shows nothing", said.Mode)
		}
		if c := consentOf(t, s); c.Mode != tt.want {
			t.Errorf("%v to %v leaves %v", tt.before, tt.decided, c.Mode)
		}
		closeStore(t, s)
	}
}

func TestEraseKeepsTheDecision(t *testing.T) {
	path := newPath(t)
	s := open(t, path, newClock())
	setMode(t, s, consent.ModeLocal)
	erase(t, s)
	closeStore(t, s)
	if err := place.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, newClock())
	if c := consentOf(t, s); c.Mode != consent.ModeLocal {
		t.Errorf("consent is %+v", c)
	}
	closeStore(t, s)
}

// damages are what becomes of a mirror of many pages.
func damages(content []byte) map[string][]byte {
	const page = 4096
	all := map[string][]byte{"cut to nothing": {}, "zeros": make([]byte, len(content)), "start alone": content[:100], "nonsense": append(content[:100:100], strings.Repeat("x", len(content))...)}
	for at := 0; at < len(content); at += page {
		overwritten := append([]byte(nil), content...)
		copy(overwritten[at:], strings.Repeat("damage", page)[:page])
		all[fmt.Sprintf("page %d", at/page)] = overwritten
		if at/page%6 == 1 {
			all[fmt.Sprintf("cut to %d pages", at/page)] = content[:at]
			all[fmt.Sprintf("cut within page %d", at/page)] = content[:at+page/2]
		}
	}
	return all
}

// TestADecisionOutlivesTheDatabase: whatever becomes of the file, and without
// the line beside it nothing that was found damaged sends either.
func TestADecisionOutlivesTheDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of damaged mirrors")
	}
	source := newPath(t)
	s := open(t, source, newClock())
	setMode(t, s, consent.ModeLocal)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	closeStore(t, s)
	content, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, spoilt := range damages(content) {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"), "usage.db")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, beside := range []bool{true, false} {
			if !beside && len(spoilt) == 0 {
				continue // an empty file tells nothing
			}
			if err := errors.Join(place.RemoveAll(path), place.Remove(path+decision.Suffix)); err != nil {
				t.Fatal(err)
			}
			write(t, path, spoilt)
			if beside {
				decideByHand(t, path, "local\n")
			}
			s, err := Open(path, WithErrorHandler(func(error) {}))
			if errors.Is(err, ErrNotMirror) {
				continue // nothing shows that it was one: it is left alone
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			w := newWriter(t, s)
			record(t, w, add(statistic(version("1"), "n"), 1))
			record(t, w, add(statistic(version("1"), "n"), 1))
			c := consentOf(t, s)
			if beside && c.Mode != consent.ModeLocal || c.Sending {
				t.Errorf("%s, file %v: consent is %+v", name, beside, c)
			}
			expect(t, s, "0", `SELECT count(*) FROM totals WHERE coalesce(pending, 0) <> 0`)
			closeStore(t, s)
		}
	}
}

func TestALostMirrorSendsNothingUntilSomebodyDecides(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, path string){
		"damaged": func(t *testing.T, path string) {
			write(t, path, []byte("SQLite format 3\x00"+strings.Repeat("CREATE TABLE mirror", 1000)))
		},
		"a log is left": func(t *testing.T, path string) {
			write(t, path, nil)
			write(t, path+"-wal", []byte("a log"))
		},
		"set aside, and nothing in its place yet": func(t *testing.T, path string) {
			if _, err := place.SetAside(path, time.Now()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path, newClock())
			if c := consentOf(t, s); !c.Sending || c.ShouldAsk {
				t.Errorf("a first run is %+v", c)
			}
			closeStore(t, s)
			lose(t, path)
			s = open(t, path, newClock(), WithErrorHandler(func(error) {}))
			for range 2 { // and after another start
				if c := consentOf(t, s); c.Sending || !c.ShouldAsk || !strings.Contains(c.Reason, "the mirror was lost") {
					t.Errorf("consent is %+v", c)
				}
				closeStore(t, s)
				s = open(t, path, newClock())
			}
			setMode(t, s, consent.ModeOn)
			if c := consentOf(t, s); !c.Sending || c.ShouldAsk {
				t.Errorf("after a decision it is %+v", c)
			}
			closeStore(t, s)
		})
	}
}

// TestConsentShowsWhatItSays: people print it.
func TestConsentShowsWhatItSays(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[consent.Consent]()) {
		if !f.IsExported() {
			t.Errorf("%%+v of a Consent shows %s, which says nothing to others", f.Name)
		}
	}
}
