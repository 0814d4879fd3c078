//go:build unix

package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
)

// device makes a node of its own: nothing is tried on those of the machine.
func device(t testing.TB, path string, minor int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("devices have other numbers")
	}
	if out, err := exec.CommandContext(t.Context(), "mknod", path, "c", "1", fmt.Sprint(minor)).CombinedOutput(); err != nil {
		t.Skipf("this user may not make devices: %v, %s", err, out)
	}
}

const nullMinor, zeroMinor = 3, 5 // as Linux numbers them

func fifo(t testing.TB, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

func symlink(t testing.TB, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// listing says what lies in a directory: names, kinds, sizes and targets.
func listing(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		to, _ := os.Readlink(filepath.Join(dir, e.Name()))
		number := uint64(0)
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode()&os.ModeCharDevice != 0 {
			number = uint64(stat.Rdev)
		}
		lines = append(lines, strings.Join([]string{info.Mode().String(), e.Name(), to, time.Duration(number).String()}, " "))
	}
	return strings.Join(lines, "\n")
}

// soon fails where f waits for something that never comes.
func soon(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits")
	}
}

func TestOpenTouchesRegularFilesAlone(t *testing.T) {
	for name, lay := range map[string]func(t *testing.T, path string){
		"null device":   func(t *testing.T, path string) { device(t, path, nullMinor) },
		"zero device":   func(t *testing.T, path string) { device(t, path, zeroMinor) },
		"named pipe":    func(t *testing.T, path string) { fifo(t, path) },
		"directory":     func(t *testing.T, path string) { mkdir(t, path) },
		"dangling link": func(t *testing.T, path string) { symlink(t, "nowhere", path) },
		"link in a circle": func(t *testing.T, path string) {
			symlink(t, path, path+".other")
			symlink(t, path+".other", path)
		},
		"link to a named pipe": func(t *testing.T, path string) {
			fifo(t, path+".pipe")
			symlink(t, filepath.Base(path)+".pipe", path)
		},
		"link to a device": func(t *testing.T, path string) {
			device(t, path+".zero", zeroMinor)
			symlink(t, path+".zero", path)
		},
		"link to a directory": func(t *testing.T, path string) { symlink(t, filepath.Dir(path), path) },
		"socket": func(t *testing.T, path string) {
			l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		},
		"zeros":                func(t *testing.T, path string) { write(t, path, make([]byte, 40960)) },
		"named pipe for a log": func(t *testing.T, path string) { write(t, path, nil); fifo(t, path+"-wal") },
		"link for a journal":   func(t *testing.T, path string) { write(t, path, nil); symlink(t, "x", path+"-journal") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "odd") // a socket's path must be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			path := filepath.Join(dir, "usage.db")
			lay(t, path)
			before := listing(t, dir)
			for _, opts := range [][]Option{nil, {ReadOnly()}, {Existing()}} {
				soon(t, func() {
					if s, err := Open(path, opts...); !errors.Is(err, ErrNotMirror) || errors.Is(err, fs.ErrNotExist) {
						t.Errorf("Open with %d options = %v, %v", len(opts), s, err)
					} else if errors.Is(err, ErrOptedOut) {
						t.Error("taken for the wish to record nothing:", err)
					}
				})
			}
			if after := listing(t, dir); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

func TestALinkToTheNullDeviceOptsOut(t *testing.T) {
	for name, lay := range map[string]func(t *testing.T, null, path string){
		"link": func(t *testing.T, null, path string) { mkdir(t, filepath.Dir(path)); symlink(t, null, path) },
		"chain": func(t *testing.T, null, path string) {
			mkdir(t, filepath.Dir(path))
			symlink(t, null, path+".2")
			symlink(t, "usage.db.2", path)
		},
		"directory": func(t *testing.T, null, path string) { symlink(t, null, filepath.Dir(path)) },
		"above it":  func(t *testing.T, null, path string) { symlink(t, null, filepath.Dir(path)+".above") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			null := filepath.Join(dir, "null")
			device(t, null, nullMinor)
			path := filepath.Join(dir, "app", "usage.db")
			lay(t, null, path)
			if name == "above it" {
				path = filepath.Join(dir, "app.above", "app", "usage.db")
			}
			before := listing(t, dir)
			for _, opts := range [][]Option{nil, {ReadOnly()}, {Existing()}} {
				if s, err := Open(path, opts...); !errors.Is(err, ErrOptedOut) || !errors.Is(err, ErrNotMirror) {
					t.Errorf("Open with %d options = %v, %v", len(opts), s, err)
				}
			}
			if after := listing(t, dir); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// TestAMirrorBehindLinks is made, damaged, set aside and erased where the links
// lead, and the links stay.
func TestAMirrorBehindLinks(t *testing.T) {
	for _, empty := range []bool{false, true} {
		var told reports
		dir, c := t.TempDir(), newClock()
		real, link := filepath.Join(dir, "data", "real.db"), filepath.Join(dir, "app", "usage.db")
		mkdir(t, filepath.Dir(real))
		mkdir(t, filepath.Dir(link))
		if empty {
			write(t, real, nil)
		} else {
			closeStore(t, open(t, real, c))
		}
		symlink(t, "../data/real.db", filepath.Join(dir, "app", "second"))
		symlink(t, "second", link)
		s := open(t, link, c, WithErrorHandler(told.handle))
		if s.Path() != real {
			t.Errorf("the path is %s, want %s", s.Path(), real)
		}
		record(t, newWriter(t, s), add(statistic(version("1"), "secret"), 1))
		direct := open(t, real, c) // two ways to one file
		checkBalance(t, direct, "secret{}", wants{recorded: 1, pending: 1})
		closeStore(t, direct)
		closeStore(t, s)
		if err := os.Truncate(real, 8192); err != nil {
			t.Fatal(err)
		}
		s = open(t, link, c, WithErrorHandler(told.handle))
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		if names := damagedFiles(t, real); len(names) != 1 || len(told.errs) != 1 {
			t.Errorf("set aside %v, told %v", names, told.errs)
		}
		if err := s.Erase(t.Context()); err != nil {
			t.Error(err)
		}
		if names := damagedFiles(t, real); len(names) > 0 {
			t.Errorf("erased, and %v are left", names)
		}
		if got := listing(t, filepath.Dir(link)); strings.Count(got, "\n") != 1 || !strings.Contains(got, "usage.db second ") {
			t.Errorf("beside the link lie\n%s", got)
		}
	}
}

// TestARetargetedLinkIsFollowed by a process that runs.
func TestARetargetedLinkIsFollowed(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	first, second, link := filepath.Join(dir, "1.db"), filepath.Join(dir, "2.db"), filepath.Join(dir, "usage.db")
	for _, path := range []string{first, second} {
		closeStore(t, open(t, path, c))
	}
	symlink(t, "1.db", link)
	s := open(t, link, c)
	r := open(t, link, c, ReadOnly())
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	symlink(t, "2.db", link)
	record(t, w, add(n, 10))
	checkBalance(t, r, "n{}", wants{recorded: 10, pending: 10})
	if s.Path() != second {
		t.Errorf("the path is %s", s.Path())
	}
}

func TestAnEmptyFileBecomesTheMirrorInPlace(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "usage.db")
		write(t, path, nil)
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		stores := openTogether(t, path, 8, 1)
		checkBalance(t, stores[0], "n{}", wants{recorded: 8, pending: 8})
		for _, s := range stores {
			closeStore(t, s)
		}
		after, err := os.Stat(path)
		if err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
			t.Errorf("it was replaced: %v, %v", after, err)
		}
		if got := listing(t, filepath.Dir(path)); strings.Contains(got, "\n") {
			t.Errorf("left:\n%s", got)
		}
	}
}

// TestAFileCutToNothingIsReplaced, not filled: who has it open would write to
// the log of the former one.
func TestAFileCutToNothingIsReplaced(t *testing.T) {
	var told reports
	a, c := fresh(t, WithErrorHandler(told.handle))
	b := open(t, a.Path(), c, WithErrorHandler(told.handle))
	wa, wb := newWriter(t, a), newWriter(t, b)
	na, nb := statistic(version("1"), "n"), statistic(version("1"), "n")
	record(t, wa, add(na, 1))
	record(t, wb, add(nb, 1))
	if err := os.Truncate(a.Path(), 0); err != nil {
		t.Fatal(err)
	}
	other := open(t, a.Path(), c)
	record(t, newWriter(t, other), add(statistic(version("1"), "n"), 5))
	record(t, wa, add(na, 10))
	record(t, wb, add(nb, 100))
	record(t, wa, add(na, 1000))
	checkBalance(t, other, "n{}", wants{recorded: 1115, withheld: 1115}) // who made it did not know what was decided
	expect(t, b, "ok", `PRAGMA integrity_check`)
}

// TestAFileFilledAnewUnderAProcess that has it open without a log: its rows are
// not the ones that the process remembers.
func TestAFileFilledAnewUnderAProcess(t *testing.T) {
	var told reports
	s, c := fresh(t, WithErrorHandler(told.handle))
	execute(t, s, `PRAGMA journal_mode = DELETE`)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	if err := os.Truncate(s.Path(), 0); err != nil {
		t.Fatal(err)
	}
	other := open(t, s.Path(), c)
	record(t, newWriter(t, other), add(statistic(version("1"), "m"), 5))
	record(t, w, add(n, 10))
	checkBalance(t, other, "n{}", wants{recorded: 10, pending: 10})
	checkBalance(t, s, "m{}", wants{recorded: 5, pending: 5})
	if s.MirrorID() != other.MirrorID() || len(told.errs) > 0 {
		t.Errorf("mirrors %s and %s, told %v", s.MirrorID(), other.MirrorID(), told.errs)
	}
}

func TestWhoOwnsAMirror(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this user cannot make files of others")
	}
	const stranger = 4321
	for name, tt := range map[string]struct {
		file, dir int
		mode      fs.FileMode
		want      error
	}{
		"another user in this user's directory": {stranger, 0, 0o755, ErrUntrusted},
		"the owner of the directory":            {stranger, stranger, 0o755, nil},
		"root in another user's directory":      {0, stranger, 0o755, nil},
		"everybody may write":                   {0, 0, 0o777, ErrUntrusted},
		"everybody may write their own":         {0, 0, 0o777 | fs.ModeSticky, nil},
		"another user among everybody":          {stranger, 0, 0o777 | fs.ModeSticky, ErrUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path, newClock())
			closeStore(t, s)
			chown(t, path, tt.file)
			chown(t, filepath.Dir(path), tt.dir)
			if err := os.Chmod(filepath.Dir(path), tt.mode); err != nil {
				t.Fatal(err)
			}
			for _, opts := range [][]Option{nil, {ReadOnly()}, {Existing()}} {
				s, err := Open(path, opts...)
				if !errors.Is(err, tt.want) {
					t.Errorf("Open with %d options = %v", len(opts), err)
				}
				if err == nil {
					closeStore(t, s)
				}
			}
		})
	}
}

func chown(t testing.TB, path string, uid int) {
	t.Helper()
	if err := os.Lchown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
}

func TestALinkOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this user cannot make files of others")
	}
	path := filepath.Join(t.TempDir(), "usage.db")
	write(t, path+".mine", nil)
	symlink(t, path+".mine", path)
	chown(t, path, 4321)
	if _, err := Open(path); !errors.Is(err, ErrUntrusted) {
		t.Errorf("Open = %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		t.Errorf("what it leads to was written: %v, %v", info, err)
	}
}

func TestADirectoryThatEverybodyMayWriteIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "usage.db")
	_, err := Open(path)
	if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open = %v", err)
	}
	if got := listing(t, dir); got != "" {
		t.Errorf("made: %s", got)
	}
	own := filepath.Join(dir, "mine", "usage.db")
	closeStore(t, open(t, own, newClock()))
	symlink(t, own, path)
	if _, err := Open(path); !errors.Is(err, ErrUntrusted) {
		t.Errorf("Open a link = %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	closeStore(t, open(t, path, newClock()))
}

// TestRootMakesWhatAUserCanUse: as sudo -E does, in that user's home.
func TestRootMakesWhatAUserCanUse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this user is not root")
	}
	const uid = 4321
	var told reports
	home := t.TempDir()
	chown(t, home, uid)
	path := filepath.Join(home, ".config", "app", "usage.db")
	s := open(t, path, newClock(), WithErrorHandler(told.handle))
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	damage(t, s)
	record(t, w, add(n, 1))
	if len(damagedFiles(t, path)) != 1 {
		t.Error("nothing was set aside")
	}
	seen := 0
	err := filepath.Walk(home, func(path string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		seen++
		if u, g, _ := place.Owner(info); u != uid || g != uid {
			t.Errorf("%s belongs to %d:%d", path, u, g)
		}
		return nil
	})
	if err != nil || seen < 7 {
		t.Errorf("%d files, %v", seen, err)
	}
}

// TestALockFileThatIsNone costs no time, and stays.
func TestALockFileThatIsNone(t *testing.T) {
	for name, lay := range map[string]func(t *testing.T, path string){
		"dangling link": func(t *testing.T, path string) { symlink(t, "nowhere", path) },
		"link":          func(t *testing.T, path string) { write(t, path+".mine", nil); symlink(t, path+".mine", path) },
		"named pipe":    func(t *testing.T, path string) { fifo(t, path) },
		"document":      func(t *testing.T, path string) { write(t, path, []byte("Dear diary")) },
		"database":      func(t *testing.T, path string) { database(t, path, `CREATE TABLE bookmarks (url TEXT)`) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			lay(t, path+mirrordb.LockSuffix)
			before := listing(t, filepath.Dir(path))
			soon(t, func() {
				if _, err := Open(path, WithBusyTimeout(time.Hour)); err == nil || !strings.Contains(err.Error(), "usage.db.lock") {
					t.Errorf("Open = %v", err)
				}
			})
			if after := listing(t, filepath.Dir(path)); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// TestWhatLiesWhereAMirrorIsMade is not removed.
func TestWhatLiesWhereAMirrorIsMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	fifo(t, path+mirrordb.FreshSuffix)
	before := listing(t, filepath.Dir(path))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "named pipe") {
		t.Errorf("Open = %v", err)
	}
	if after := listing(t, filepath.Dir(path)); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// TestZerosThatWereAMirror are set aside by the process that had it open.
func TestZerosThatWereAMirror(t *testing.T) {
	var told reports
	s, _ := fresh(t, WithErrorHandler(told.handle))
	w, n := newWriter(t, s), statistic(version("1"), "n")
	execute(t, s, `PRAGMA journal_mode = DELETE`) // no log lies beside it
	record(t, w, add(n, 1))
	info, err := os.Stat(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(s.Path(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, info.Size()), 0); err != nil {
		t.Fatal(err)
	}
	record(t, w, add(n, 1))
	if names := damagedFiles(t, s.Path()); len(names) != 1 {
		t.Errorf("set aside %v, told %v", names, told.errs)
	}
}

// TestAJournalGoesWithItsDatabase: beside a fresh one it would be rolled back
// into it.
func TestAJournalGoesWithItsDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	write(t, path, []byte("damaged"))
	write(t, path+"-journal", []byte("what was there"))
	if _, err := place.SetAside(path, newClock().now()); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, filepath.Dir(path)); strings.Contains(got, "usage.db-journal ") || !strings.Contains(got, "Z-journal ") {
		t.Errorf("the files are\n%s", got)
	}
	write(t, path+"-journal", []byte("of one that was deleted"))
	s := open(t, path, newClock())
	closeStore(t, s)
	if got := listing(t, filepath.Dir(path)); strings.Contains(got, "usage.db-journal ") {
		t.Errorf("the files are\n%s", got)
	}
}

// TestAPartOfTheReferenceThatIsAPipe is not waited for.
func TestAPartOfTheReferenceThatIsAPipe(t *testing.T) {
	var told reports
	path := referenceFiles(t)
	part := python.FilesOf(path).Part
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	fifo(t, part)
	soon(t, func() {
		s, err := Open(path, WithErrorHandler(told.handle))
		if err != nil {
			t.Error(err)
			return
		}
		closeStore(t, s)
	})
	if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrOriginal) {
		t.Errorf("told %v", told.errs)
	}
}

func TestDefaultPathIsNeverRelative(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"HOME":            {"HOME": "home/me", "XDG_CONFIG_HOME": ""},
		"dot":             {"HOME": ".", "XDG_CONFIG_HOME": ""},
		"XDG_CONFIG_HOME": {"HOME": "/home/me", "XDG_CONFIG_HOME": "config"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			if path, err := DefaultPath("app"); err == nil && !(filepath.IsAbs(path) && name == "XDG_CONFIG_HOME") {
				t.Errorf("DefaultPath = %s", path) // not every system knows XDG_CONFIG_HOME
			}
		})
	}
}
