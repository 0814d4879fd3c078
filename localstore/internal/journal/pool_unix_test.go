//go:build unix

package journal

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestNoFileOfThisUser: links, devices, pipes, directories, and files of others or
// with a second name are left alone, and nothing waits for them.
func TestNoFileOfThisUser(t *testing.T) {
	for name, lay := range map[string]func(path, victim string) error{
		"a link":            func(path, victim string) error { return os.Symlink(victim, path) },
		"a link to nothing": func(path, victim string) error { return os.Symlink(victim+"-none", path) },
		"a second name":     func(path, victim string) error { return os.Link(victim, path) },
		"a pipe":            func(path, victim string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory":       func(path, victim string) error { return os.Mkdir(path, 0o700) },
		"the null device":   func(path, victim string) error { return os.Symlink(os.DevNull, path) },
		"a terminal":        func(path, victim string) error { return os.Symlink("/dev/tty", path) },
		"open to every user": func(path, victim string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666))
		},
		"of another user": func(path, victim string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chown(path, 12345, 12345))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := mirrorPath(t)
			victim := path + "-victim"
			if err := os.WriteFile(victim, []byte("victim"), journalfile.OwnFile); err != nil {
				t.Fatal(err)
			}
			if err := lay(journalpool.Path(path, 0), victim); err != nil {
				t.Skip(err)
			}
			before, _ := os.Lstat(journalpool.Path(path, 0))
			j := take(t, configOf(t, path))
			if j.Path() != journalpool.Path(path, 1) {
				t.Errorf("took %s", j.Path())
			}
			keep(t, j, numberOf("n")).count("")
			if found := journalpool.List(path); len(found) != 2 || found[0].Standing != journalpool.Strange || !errors.Is(found[0].Err, journalfile.ErrNotJournal) {
				t.Errorf("found %+v", found)
			}
			if _, err := Claim(journalpool.Path(path, 0)); !errors.Is(err, journalfile.ErrNotJournal) {
				t.Errorf("claimed with %v", err)
			}
			if _, err := Erase(path); err != nil {
				t.Errorf("erased with %v", err)
			}
			after, _ := os.Lstat(journalpool.Path(path, 0))
			if b, err := os.ReadFile(victim); err != nil || string(b) != "victim" || after.Mode() != before.Mode() {
				t.Errorf("the victim is %q, %v; mode %v", b, err, after.Mode())
			}
		})
	}
}

// TestPermissions are this user's alone, whatever the umask and whatever they were.
func TestPermissions(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := mirrorPath(t)
	if err := os.WriteFile(journalpool.Path(path, 0), nil, 0o640); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		j := take(t, configOf(t, path))
		if info, err := os.Stat(j.Path()); err != nil || info.Mode() != journalfile.OwnFile || j.Path() != journalpool.Path(path, i) {
			t.Errorf("%s has mode %v, %v", j.Path(), info.Mode(), err)
		}
	}
}

// TestNoJournalCanBeMade: each is an error at once, and no signal.
func TestNoJournalCanBeMade(t *testing.T) {
	if what := os.Getenv("JOURNAL_LIMIT"); what != "" {
		limited(t, what)
		return
	}
	t.Run("read-only directory", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root writes everywhere")
		}
		path := mirrorPath(t)
		dir := path[:strings.LastIndex(path, "/")]
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		if _, err := Take(configOf(t, path)); !errors.Is(err, os.ErrPermission) {
			t.Errorf("took one: %v", err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		if _, err := Take(configOf(t, mirrorPath(t)+"/none/usage.db")); err == nil {
			t.Error("took one")
		}
	})
	for _, what := range []string{"start", "growth"} {
		t.Run("limit on the size of files at "+what, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoJournalCanBeMade$")
			cmd.Env = append(os.Environ(), "JOURNAL_LIMIT="+what)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// limited runs in a child, because a limit cannot be raised again.
func limited(t *testing.T, what string) {
	limit := uint64(10_000)
	if what == "growth" {
		limit = journalfile.InitialSize + 1000
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Skip(err)
	}
	if err := journalfile.MayGrow(int64(limit)); err != nil { // a host that is not all Go would get the signal
		t.Error(err)
	}
	if err := journalfile.MayGrow(int64(limit) + 1); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("may grow: %v", err)
	}
	path := mirrorPath(t)
	c := configOf(t, path)
	var reports []error
	c.OnError = func(err error) { reports = append(reports, err) }
	j, err := Take(c)
	if what == "start" {
		if !errors.Is(err, syscall.EFBIG) {
			t.Errorf("took one: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { die(j) })
	first := keep(t, j, numberOf("n"))
	first.count("")
	for range 100 {
		keep(t, j, another(timesOf("t"))).count("")
	}
	first.count("")
	if err := j.Begin(1, sharing, []Change{first.change()}); err != nil { // of what has a place
		t.Errorf("began with %v", err)
	}
	j.Settle(true)
	first.count("")
	if len(reports) != 1 || !errors.Is(reports[0], syscall.EFBIG) {
		t.Errorf("reports %v", reports)
	}
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(1); len(d) < 10 || len(d) > 99 || d[0].Delta.Int64() != 1 {
		t.Errorf("%d differences", len(d))
	}
}

// TestAForkedChild leaves the journal to its parent.
func TestAForkedChild(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	var reports []error
	c.OnError = func(err error) { reports = append(reports, err) }
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	n.count("")
	j.pid++ // as it looks to a child
	n.count("")
	n.count("")
	if len(reports) != 1 || !errors.Is(reports[0], journalfile.ErrForked) || n.flag.Armed() {
		t.Errorf("reports %v", reports)
	}
	if err := j.Begin(1, sharing, nil); !errors.Is(err, journalfile.ErrForked) {
		t.Errorf("began with %v", err)
	}
	if err := j.Close(true); !errors.Is(err, journalfile.ErrForked) {
		t.Errorf("closed with %v", err)
	}
	if found := journalpool.List(path); found[0].Standing != journalpool.Living || found[0].Content.Differences(0)[0].Delta.Int64() != 1 {
		t.Errorf("found %+v", found)
	}
}
