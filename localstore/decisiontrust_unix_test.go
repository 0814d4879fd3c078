//go:build unix

package localstore

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// decided is what everybody who asks is told of the mirror at a path, which they
// must agree about: the one that records, one that reads, and one that finds no
// mirror yet.
func decided(t *testing.T, s *Store) consent.Consent {
	t.Helper()
	viewer := open(t, s.db.Asked(), newClock(), ReadOnly())
	defer closeStore(t, viewer)
	c := consentOf(t, s)
	if seen := consentOf(t, viewer); seen != c {
		t.Errorf("recorded under %+v, shown %+v", c, seen)
	}
	return c
}

// ways are the decision files that somebody else may have written, and those
// that nobody else can have.
var ways = map[string]struct {
	lay   func(t *testing.T, path string)
	needs string // root's rights, for a test
	says  string // why it does not count where it allows; "" where it does
}{
	"mine":                   {lay: func(t *testing.T, path string) { chmod(t, path, 0o644) }},
	"my group may write":     {lay: func(t *testing.T, path string) { chmod(t, path, 0o664) }},
	"everybody may write it": {lay: func(t *testing.T, path string) { chmod(t, path, 0o646) }, says: "can be written by every user"},
	"another group may write it": {needs: "root", says: "can be written by group 5432", lay: func(t *testing.T, path string) {
		if err := os.Chown(path, os.Geteuid(), group); err != nil {
			t.Fatal(err)
		}
		chmod(t, path, 0o660)
	}},
	"another user's": {needs: "root", says: "belongs to user 4321", lay: func(t *testing.T, path string) { chown(t, path, stranger) }},
	"another user's link": {needs: "root", says: "is behind a link that belongs to user 4321", lay: func(t *testing.T, path string) {
		elsewhere(t, path)
		chown(t, path, stranger)
	}},
	"my link to another user's link": {needs: "root", says: "is behind a link that belongs to user 4321", lay: func(t *testing.T, path string) {
		elsewhere(t, path)
		if err := os.Rename(path, path+".theirs"); err != nil {
			t.Fatal(err)
		}
		chown(t, path+".theirs", stranger)
		symlink(t, filepath.Base(path)+".theirs", path)
	}},
	"my link":                    {lay: func(t *testing.T, path string) { elsewhere(t, path) }},
	"my link to another user's":  {needs: "root", says: "belongs to user 4321", lay: func(t *testing.T, path string) { chown(t, elsewhere(t, path), stranger) }},
	"my link to everybody's":     {says: "can be written by every user", lay: func(t *testing.T, path string) { chmod(t, elsewhere(t, path), 0o666) }},
	"my link to where all write": {says: "lies in a directory that every user can write in", lay: func(t *testing.T, path string) { chmod(t, filepath.Dir(elsewhere(t, path)), 0o777) }},
	"my link to where all write their own": {lay: func(t *testing.T, path string) {
		chmod(t, filepath.Dir(elsewhere(t, path)), 0o777|fs.ModeSticky)
	}},
}

// TestWhoMayAllowToSend: a file that a stranger could have written may forbid,
// and never allows.
func TestWhoMayAllowToSend(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of mirrors")
	}
	for name, way := range ways {
		for _, mode := range []consent.Mode{consent.ModeOn, consent.ModeLocal, consent.ModeOff} {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				needsRoot(t, way.needs)
				path := newPath(t)
				s := open(t, path, newClock())
				defer func() { closeStore(t, s) }()
				if err := s.RequireConsent(t.Context()); err != nil {
					t.Fatal(err)
				}
				decideByHand(t, path, mode.String()+"\n")
				way.lay(t, path+decision.Suffix)
				counts := mode != consent.ModeOn || way.says == ""
				c := decided(t, s)
				if (c.Mode == mode) != counts || c.Sending != (mode == consent.ModeOn && counts) || c.ShouldAsk == counts {
					t.Errorf("consent is %+v", c)
				}
				if !counts && !strings.Contains(c.Reason, "does not count, because it "+way.says) {
					t.Errorf("the reason is %q", c.Reason)
				}
				before, err := Decided(filepath.Join(filepath.Dir(path), "usage.db"))
				if err != nil || (before.Mode == mode) != counts || before.Sending != c.Sending || !strings.Contains(before.Reason, way.says) && !counts {
					t.Errorf("before the first run it is %+v, %v", before, err)
				}
			})
		}
	}
}

// TestAStrangersFileReplacesNoLostDecision of a mirror that is gone.
func TestAStrangersFileReplacesNoLostDecision(t *testing.T) {
	path := newPath(t)
	s := open(t, path, newClock())
	closeStore(t, s)
	if err := place.Remove(path + decision.Suffix); err != nil {
		t.Fatal(err)
	}
	write(t, path, []byte("SQLite format 3\x00"+strings.Repeat("CREATE TABLE mirror", 1000)))
	decideByHand(t, path, "on\n")
	chmod(t, path+decision.Suffix, 0o666)
	s = open(t, path, newClock(), WithErrorHandler(func(error) {}))
	defer func() { closeStore(t, s) }()
	if c := decided(t, s); c.Sending || !c.ShouldAsk || !strings.Contains(c.Reason, "the mirror was lost") || !strings.Contains(c.Reason, "written by every user") {
		t.Errorf("consent is %+v", c)
	}
	setMode(t, s, consent.ModeOn) // puts a file of one's own in its place
	if c := decided(t, s); !c.Sending {
		t.Errorf("after a decision it is %+v", c)
	}
	if info, err := os.Stat(path + decision.Suffix); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

// TestAFileThatIsGivenAwayIsNoticed in a process that has read it.
func TestAFileThatIsGivenAwayIsNoticed(t *testing.T) {
	path := newPath(t)
	s := open(t, path, newClock())
	defer func() { closeStore(t, s) }()
	if err := s.RequireConsent(t.Context()); err != nil {
		t.Fatal(err)
	}
	decideByHand(t, path, "# decided by hand\non\n")
	if c := new(decision.Cache).Read(path + decision.Suffix); c.Mode != consent.ModeOn {
		t.Errorf("it says %+v", c)
	}
	s.db.ReadDecision() // the mirror has not followed yet
	for _, mode := range []fs.FileMode{0o666, 0o600, 0o606} {
		chmod(t, path+decision.Suffix, mode)
		if said, want := s.db.ReadDecision(), mode == 0o600; (said.Mode == consent.ModeOn) != want {
			t.Errorf("mode %v: %+v", mode, said)
		}
	}
}

// TestADecisionIsWrittenThroughALink to what it leads to, which keeps its
// permissions but for those that let others write it.
func TestADecisionIsWrittenThroughALink(t *testing.T) {
	for name, before := range map[string]string{"decision": "# ours\nlocal\n", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			write(t, path+decision.Suffix, []byte(before))
			to := elsewhere(t, path+decision.Suffix)
			chmod(t, to, 0o646)
			if err := os.Rename(path+decision.Suffix, path+".second"); err != nil {
				t.Fatal(err)
			}
			symlink(t, "usage.db.second", path+decision.Suffix)
			for _, mode := range []consent.Mode{consent.ModeOff, consent.ModeOn, consent.ModeLocal} {
				c, err := Decide(t.Context(), path, mode)
				if err != nil || c.Mode != mode {
					t.Errorf("before the first run: %+v, %v", c, err)
				}
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("a mirror was made")
			}
			s := open(t, path, newClock())
			for _, mode := range []consent.Mode{consent.ModeOff, consent.ModeOn, consent.ModeLocal} {
				setMode(t, s, mode)
				if text, err := os.ReadFile(to); err != nil || string(text) != mode.String()+"\n" {
					t.Errorf("the file says %q, %v", text, err)
				}
				if c := decided(t, s); c.Mode != mode {
					t.Errorf("consent is %+v", c)
				}
			}
			if at, err := os.Readlink(path + decision.Suffix); err != nil || at != "usage.db.second" {
				t.Errorf("the link leads to %s, %v", at, err)
			}
			if info, err := os.Stat(to); err != nil || info.Mode() != 0o644 {
				t.Errorf("the file is %v, %v", info.Mode(), err)
			}
			if got := listing(t, filepath.Dir(to)); strings.Contains(got, "\n") {
				t.Errorf("left beside it:\n%s", got)
			}
			closeStore(t, s)
		})
	}
}

// oddDecisions are what may lie in the decision file's place and is no decision
// of this user's: it stays, nothing is sent, and what forbids to send holds.
var oddDecisions = map[string]struct {
	lay  func(t *testing.T, path string)
	says string
}{
	"dangling link": {func(t *testing.T, path string) { symlink(t, "nowhere", path) }, "is a link that leads nowhere"},
	"link in a circle": {func(t *testing.T, path string) {
		symlink(t, path+".other", path)
		symlink(t, path, path+".other")
	}, "cannot be read (too many levels of symbolic links)"},
	"null device":         {func(t *testing.T, path string) { device(t, path, nullMinor) }, "is a device"},
	"link to null device": {func(t *testing.T, path string) { device(t, path+".null", nullMinor); symlink(t, path+".null", path) }, "is a device"},
	"zero device":         {func(t *testing.T, path string) { device(t, path, zeroMinor) }, "is a device"},
	"directory":           {mkdirAt, "is a directory"},
	"link to a directory": {func(t *testing.T, path string) { mkdir(t, path+".d"); symlink(t, path+".d", path) }, "is a directory"},
	"named pipe":          {func(t *testing.T, path string) { fifo(t, path) }, "is a named pipe"},
	"link to named pipe":  {func(t *testing.T, path string) { fifo(t, path+".pipe"); symlink(t, path+".pipe", path) }, "is a named pipe"},
	"socket": {func(t *testing.T, path string) {
		l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}, "is a socket"},
	"link to a document": {func(t *testing.T, path string) {
		write(t, path+".rc", []byte("alias on=off\n"))
		symlink(t, path+".rc", path)
	}, "does not say off, local or on"},
}

func mkdirAt(t *testing.T, path string) { mkdir(t, path) }

func odd(t *testing.T) (path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "odd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "usage.db")
}

// kept is what lies in a directory, but for the mirror's own files.
func kept(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	for line := range strings.SplitSeq(listing(t, dir), "\n") {
		if !strings.Contains(line, " usage.db ") && !strings.Contains(line, "usage.db-") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestWhatIsNoDecisionFileStays(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of mirrors")
	}
	for name, tt := range oddDecisions {
		for _, mode := range []consent.Mode{consent.ModeOff, consent.ModeLocal, consent.ModeOn, consent.ModeUnset} {
			for _, early := range []bool{true, false} {
				if early && mode != consent.ModeOff && mode != consent.ModeOn {
					continue
				}
				path := odd(t)
				dir := filepath.Dir(path)
				if !early {
					closeStore(t, open(t, path, newClock()))
				}
				tt.lay(t, path+decision.Suffix)
				before := kept(t, dir)
				var c consent.Consent
				var err error
				soon(t, func() { c, err = Decide(t.Context(), path, mode) })
				if forbids := mode == consent.ModeOff || mode == consent.ModeLocal; forbids && (err != nil || c.Mode != mode || c.Sending) ||
					!forbids && (!errors.Is(err, ErrOverruled) || !strings.Contains(err.Error(), tt.says)) {
					t.Errorf("%s, %v, early %v: %+v, %v", name, mode, early, c, err)
				}
				if after := kept(t, dir); after != before {
					t.Errorf("%s, %v: before:\n%s\nafter:\n%s", name, mode, before, after)
				}
				s := open(t, path, newClock())
				w, n := newWriter(t, s), statistic(version("1"), "n")
				record(t, w, add(n, 1))
				if c := decided(t, s); c.Sending || mode == consent.ModeOn && !strings.Contains(c.Reason, tt.says) {
					t.Errorf("%s, %v: consent is %+v", name, mode, c)
				}
				expect(t, s, "0", `SELECT count(*) FROM totals WHERE coalesce(pending, 0) <> 0`)
				if mode == consent.ModeOff && !early {
					if err := s.Erase(t.Context()); err != nil {
						t.Error(err)
					}
				}
				closeStore(t, s)
				if after := kept(t, dir); after != before {
					t.Errorf("%s, %v: before:\n%s\nafter:\n%s", name, mode, before, after)
				}
			}
		}
	}
}

// TestRootIsNotLedToFilesOfItsOwn by the link of a user, in whose home it works.
func TestRootIsNotLedToFilesOfItsOwn(t *testing.T) {
	needsRoot(t, "root")
	for name, behind := range map[string]bool{"link": false, "root's link to a user's link": true} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			chown(t, filepath.Dir(path), stranger)
			write(t, path+decision.Suffix, []byte("on\n"))
			to := elsewhere(t, path+decision.Suffix)
			chown(t, path+decision.Suffix, stranger)
			if behind {
				if err := os.Rename(path+decision.Suffix, path+".theirs"); err != nil {
					t.Fatal(err)
				}
				symlink(t, path+".theirs", path+decision.Suffix)
			}
			s := open(t, path, newClock())
			defer func() { closeStore(t, s) }()
			setMode(t, s, consent.ModeOff)
			if text, err := os.ReadFile(to); err != nil || string(text) != "on\n" {
				t.Errorf("it wrote %q, %v", text, err)
			}
			if c := decided(t, s); c.Mode != consent.ModeOff {
				t.Errorf("consent is %+v", c)
			}
		})
	}
}

// TestRootKeepsWhoseTheDecisionIs: a user's stays that user's, an administrator's
// stays root's, and legible to all.
func TestRootKeepsWhoseTheDecisionIs(t *testing.T) {
	needsRoot(t, "root")
	for _, uid := range []int{0, stranger} {
		path := filepath.Join(t.TempDir(), "usage.db")
		chown(t, filepath.Dir(path), stranger)
		decideByHand(t, path, "local\n")
		chown(t, path+decision.Suffix, uid)
		chmod(t, path+decision.Suffix, 0o644)
		if c, err := Decide(t.Context(), path, consent.ModeOn); err != nil || !c.Sending {
			t.Errorf("%+v, %v", c, err)
		}
		info, err := os.Stat(path + decision.Suffix)
		if err != nil {
			t.Fatal(err)
		}
		if u, g, _ := place.Owner(info); u != uid || g != uid || info.Mode() != 0o644 {
			t.Errorf("it belongs to %d:%d, %v", u, g, info.Mode())
		}
	}
}

// TestADecisionBesideTheLink to a mirror holds as one beside the mirror does:
// there a person looks for it.
func TestADecisionBesideTheLink(t *testing.T) {
	for name, made := range map[string]bool{"mirror": true, "empty file": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			real, link := filepath.Join(dir, "real.db"), filepath.Join(dir, "usage.db")
			if made {
				closeStore(t, open(t, real, newClock()))
			} else {
				write(t, real, nil)
			}
			symlink(t, real, link)
			decideByHand(t, link, "off\n")
			decideByHand(t, real, "local\n")
			if c, err := Decided(link); err != nil || c.Mode != consent.ModeOff {
				t.Errorf("before the first run: %+v, %v", c, err)
			}
			s := open(t, link, newClock())
			defer func() { closeStore(t, s) }()
			viewer := open(t, link, newClock(), ReadOnly())
			defer closeStore(t, viewer)
			if a, b := consentOf(t, s), consentOf(t, viewer); a.Mode != consent.ModeOff || a != b {
				t.Errorf("recorded under %+v, shown %+v", a, b)
			}
			setMode(t, s, consent.ModeOn)
			for _, path := range []string{real, link} {
				if text, err := os.ReadFile(path + decision.Suffix); err != nil || string(text) != "on\n" {
					t.Errorf("%s says %q, %v", path, text, err)
				}
			}
			decideByHand(t, link, "maybe\n")
			for name, store := range map[string]*Store{"recorder": s, "viewer": viewer} {
				if c := consentOf(t, store); c.Sending {
					t.Errorf("%s: consent is %+v", name, c)
				}
			}
			setMode(t, s, consent.ModeUnset)
			if got := listing(t, dir); strings.Contains(got, decision.Suffix) {
				t.Errorf("left:\n%s", got)
			}
		})
	}
}
