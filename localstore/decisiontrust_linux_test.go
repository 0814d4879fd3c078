package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

const nobody = 65534

// asNobody makes this process, which is one of its own, that of a user without
// rights, who owns a directory; prepare runs in it before, as root.
func asNobody(t *testing.T, prepare func(dir string)) (dir string) {
	t.Helper()
	needsRoot(t, "root")
	dir = t.TempDir()
	prepare(dir)
	chown(t, filepath.Dir(dir), nobody)
	chown(t, dir, nobody)
	for _, err := range []error{syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)} {
		if err != nil {
			t.Skipf("this user may not become another one: %v", err)
		}
	}
	return dir
}

// TestAnAdministratorsFile is trusted both ways, and is not a user's to change,
// although it lies in that user's directory.
func TestAnAdministratorsFile(t *testing.T) {
	const policyEnv = "LOCALSTORE_POLICY"
	policy := os.Getenv(policyEnv)
	if policy == "" { // root's, which only root can clean up
		policy = t.TempDir()
		chmod(t, filepath.Dir(policy), 0o755)
		chmod(t, policy, 0o755)
		t.Setenv(policyEnv, policy)
	}
	if !asChild(t, nil) {
		return
	}
	says := map[string]string{"on": "on\n", "off": "off\n", "local": "# the policy\nlocal\n", "unreadable": "on\n", "linked": "on\n", "foreign": "off\n"}
	dir := asNobody(t, func(dir string) {
		for name, text := range says {
			mkdir(t, filepath.Join(dir, name))
			path := filepath.Join(dir, name, "usage.db"+decision.Suffix)
			if name == "linked" {
				write(t, filepath.Join(policy, "usage"), []byte(text))
				chmod(t, filepath.Join(policy, "usage"), 0o644)
				symlink(t, filepath.Join(policy, "usage"), path)
			} else {
				write(t, path, []byte(text))
				chmod(t, path, 0o644)
			}
			switch name {
			case "unreadable":
				chmod(t, path, 0)
			case "foreign":
				chown(t, path, stranger)
			}
			chown(t, filepath.Join(dir, name), nobody)
		}
	})
	for _, tt := range []struct {
		file    string
		decides consent.Mode
		want    consent.Mode
		sends   bool
		err     error
	}{
		{"on", consent.ModeUnset, consent.ModeOn, true, ErrOverruled},
		{"on", consent.ModeOn, consent.ModeOn, true, nil},
		{"on", consent.ModeLocal, consent.ModeLocal, false, nil},
		{"on", consent.ModeOn, consent.ModeOn, true, nil}, // the mirror's own is not the file's
		{"on", consent.ModeOff, consent.ModeOff, false, nil},
		{"off", consent.ModeOn, consent.ModeOff, false, ErrOverruled},
		{"off", consent.ModeLocal, consent.ModeOff, false, ErrOverruled},
		{"off", consent.ModeOff, consent.ModeOff, false, nil},
		{"local", consent.ModeOn, consent.ModeLocal, false, ErrOverruled},
		{"local", consent.ModeOff, consent.ModeOff, false, nil},
		{"unreadable", consent.ModeOn, consent.ModeOn, false, ErrOverruled},
		{"unreadable", consent.ModeLocal, consent.ModeLocal, false, nil},
		{"linked", consent.ModeOn, consent.ModeOn, true, nil},
		{"linked", consent.ModeOff, consent.ModeOff, false, nil},
		{"foreign", consent.ModeOn, consent.ModeOff, false, ErrOverruled},
	} {
		path := filepath.Join(dir, tt.file, "usage.db")
		before := kept(t, filepath.Dir(path)) + kept(t, policy)
		c, err := Decide(t.Context(), path, tt.decides)
		if !errors.Is(err, tt.err) || err == nil && (c.Mode != tt.want || c.Sending != tt.sends) {
			t.Errorf("file %s, %v before the first run: %+v, %v", tt.file, tt.decides, c, err)
		}
		s := open(t, path, newClock())
		if err := s.RequireConsent(t.Context()); err != nil {
			t.Fatal(err)
		}
		since := text(t, s, `SELECT epoch || ' ' || mode_since FROM mirror`)
		switch err := s.SetMode(t.Context(), tt.decides); {
		case !errors.Is(err, tt.err):
			t.Errorf("file %s, %v: %v", tt.file, tt.decides, err)
		case err != nil && !strings.Contains(err.Error(), "another user owns it"):
			t.Errorf("file %s, %v: %v does not say why", tt.file, tt.decides, err)
		case err != nil && tt.want != tt.decides:
			expect(t, s, since, `SELECT epoch || ' ' || mode_since FROM mirror`) // nothing was decided
		}
		if c := decided(t, s); c.Mode != tt.want || c.Sending != tt.sends {
			t.Errorf("file %s, %v: %+v", tt.file, tt.decides, c)
		}
		closeStore(t, s)
		if after := kept(t, filepath.Dir(path)) + kept(t, policy); after != before {
			t.Errorf("file %s, %v: before:\n%s\nafter:\n%s", tt.file, tt.decides, before, after)
		}
	}
	for name, text := range says {
		if name == "unreadable" {
			continue
		}
		if got, err := os.ReadFile(filepath.Join(dir, name, "usage.db"+decision.Suffix)); err != nil || string(got) != text {
			t.Errorf("%s says %q, %v", name, got, err)
		}
	}
}

// TestWhateverTheUmask what is made is for this user, and of use to it.
func TestWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o777} {
		t.Run(fmt.Sprintf("%03o", mask), func(t *testing.T) {
			if !asChild(t, nil) {
				return
			}
			home := t.TempDir()
			if os.Geteuid() == 0 {
				home = asNobody(t, func(string) {})
			}
			syscall.Umask(mask)
			path := filepath.Join(home, ".config", "app", "usage.db")
			if _, err := Decide(t.Context(), path, consent.ModeLocal); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				s := open(t, path, newClock(), WithErrorHandler(func(error) {}))
				w, n := newWriter(t, s), statistic(version("1"), "n")
				record(t, w, add(n, 1))
				setMode(t, s, consent.ModeLocal)
				damage(t, s)
				record(t, w, add(n, 1))
				if c := decided(t, s); c.Mode != consent.ModeLocal {
					t.Errorf("consent is %+v", c)
				}
				_ = place.Remove(path + ".copy")
				if err := s.Backup(t.Context(), path+".copy"); err != nil {
					t.Error(err)
				}
				err := sqlitedb.WithLockFile(path+mirrordb.LockSuffix, 0, func() error { return checkModes(t, home, 9) })
				if err != nil {
					t.Error(err)
				}
				closeStore(t, s)
			}
		})
	}
}

// checkModes looks at what lies below a directory.
func checkModes(t *testing.T, home string, least int) error {
	t.Helper()
	seen := 0
	err := filepath.Walk(home, func(path string, info fs.FileInfo, err error) error {
		if err != nil || path == home {
			return err
		}
		seen++
		if want := place.FileMode; !info.IsDir() && info.Mode() != want || info.IsDir() && info.Mode().Perm() != place.DirectoryMode {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if seen < least {
		t.Errorf("%d files, want at least %d", seen, least)
	}
	return err
}

// TestADecisionThatIsCutOffIsNone: on a full disk the former one stays, whole,
// and nothing is left beside it.
func TestADecisionThatIsCutOffIsNone(t *testing.T) {
	if !asChild(t, nil) {
		return
	}
	path := filepath.Join(t.TempDir(), "usage.db"+decision.Suffix)
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, former := range []string{"", "off\n", "on\n"} {
		if former != "" {
			write(t, path, []byte(former))
		}
		before := listing(t, filepath.Dir(path))
		small := limit
		small.Cur = 2
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
			t.Fatal(err)
		}
		err := decision.WriteAt(path, consent.ModeLocal)
		if undo := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); undo != nil {
			t.Fatal(undo)
		}
		if !errors.Is(err, syscall.EFBIG) || errors.Is(err, decision.ErrNotOurs) {
			t.Errorf("it was written: %v", err)
		}
		if after := listing(t, filepath.Dir(path)); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
		if text, err := os.ReadFile(path); string(text) != former {
			t.Errorf("it says %q, %v", text, err)
		}
	}
}

// TestADecisionThatForbidsHoldsWithoutItsFile, and one that allows does not: no
// file can be made beside the mirror, and the reason is returned.
func TestADecisionThatForbidsHoldsWithoutItsFile(t *testing.T) {
	if !asChild(t, nil) {
		return
	}
	path := newPath(t)
	s := open(t, path, newClock())
	setMode(t, s, consent.ModeOn)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ decided, want consent.Mode }{{consent.ModeLocal, consent.ModeLocal}, {consent.ModeOn, consent.ModeLocal}, {consent.ModeOff, consent.ModeOff}} {
		none := limit
		none.Cur = 0 // what is open stays open
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
			t.Fatal(err)
		}
		err := s.SetMode(t.Context(), tt.decided)
		if undo := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); undo != nil {
			t.Fatal(undo)
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("%v: %v", tt.decided, err)
		}
		if c := decided(t, s); c.Mode != tt.want {
			t.Errorf("%v: %+v", tt.decided, c)
		}
	}
	closeStore(t, s)
}

// TestDecisionsAtOnce of several processes: one holds in the end, in the mirror
// and beside it, and no moment has one that nobody made.
func TestDecisionsAtOnce(t *testing.T) {
	path := newPath(t)
	closeStore(t, open(t, path, newClock()))
	const seed = 7
	var group sync.WaitGroup
	for i := range 4 {
		s := open(t, path, newClock())
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		group.Go(func() {
			for range 5 {
				if err := s.SetMode(t.Context(), consent.ModeOff+consent.Mode(r.IntN(3))); err != nil {
					t.Error(err)
				}
				if c, err := Decided(path); err != nil || c.Mode == consent.ModeUnset {
					t.Errorf("%+v, %v", c, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s := open(t, path, newClock())
	said := new(decision.Cache).Read(path + decision.Suffix)
	expect(t, s, fmt.Sprint(int(said.Mode)), `SELECT mode FROM mirror`)
	closeStore(t, s)
	if got := listing(t, filepath.Dir(path)); strings.Count(got, "\n") != 1 {
		t.Errorf("left:\n%s", got)
	}
}
