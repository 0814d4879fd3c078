package localstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// mounted mounts one file on another, for this process alone.
func mounted(t *testing.T, content []byte) (path, outside string) {
	t.Helper()
	dir := t.TempDir()
	path, outside = filepath.Join(dir, "app", "usage.db"), filepath.Join(dir, "outside.db")
	mkdir(t, filepath.Dir(path))
	write(t, path, nil)
	write(t, outside, content)
	if err := syscall.Mount(outside, path, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	return path, outside
}

// TestAMountedFile can be neither renamed nor replaced, as a single file that a
// container is given.
func TestAMountedFile(t *testing.T) {
	if !asChild(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}) {
		return
	}
	garbage := []byte("SQLite format 3\x00" + strings.Repeat("CREATE TABLE mirror", 1000))
	for name, content := range map[string][]byte{"empty": nil, "damaged": garbage} {
		t.Run(name, func(t *testing.T) {
			var told reports
			path, outside := mounted(t, content)
			s := open(t, path, newClock(), WithErrorHandler(told.handle))
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
			closeStore(t, s)
			aside := damagedFiles(t, path)
			if len(aside) != len(told.errs) || (len(aside) == 1) != (content != nil) {
				t.Errorf("set aside %v, told %v", aside, told.errs)
			}
			for _, name := range aside {
				if kept, err := os.ReadFile(filepath.Join(filepath.Dir(path), name)); err != nil || string(kept) != string(content) {
					t.Errorf("%d bytes are kept: %v", len(kept), err)
				}
			}
			s = open(t, path, newClock())
			want := wants{recorded: 1, pending: 1}
			if content != nil { // nobody knows what was decided
				want = wants{recorded: 1, withheld: 1}
			}
			checkBalance(t, s, "n{}", want)
			if err := s.Erase(t.Context()); err != nil {
				t.Error(err)
			}
			closeStore(t, s)
			if got := listing(t, filepath.Dir(path)); strings.Contains(got, "\n") {
				t.Errorf("left:\n%s", got)
			}
			if info, err := os.Stat(outside); err != nil || info.Size() == 0 {
				t.Errorf("what is mounted was not written: %v, %v", info, err)
			}
		})
	}
}

// spoil overwrites a mirror. The file stays open: closing it would drop the
// locks that this process has on it.
func spoil(t *testing.T, stores ...*Store) {
	t.Helper()
	f, err := os.OpenFile(stores[0].Path(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for _, s := range stores {
		execute(t, s, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	if _, err := f.WriteAt([]byte(strings.Repeat("damage", 2000)), 100); err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		execute(t, s, `PRAGMA shrink_memory`)
	}
}

// TestAMountedFileDamagedWhileItRuns is emptied while no other process has it
// open, and left alone otherwise: that would go on with the former one's log.
func TestAMountedFileDamagedWhileItRuns(t *testing.T) {
	if !asChild(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}) {
		return
	}
	path, _ := mounted(t, nil)
	var told reports
	stores := make([]*Store, 2)
	for i := range stores {
		var err error
		if stores[i], err = Open(path, WithErrorHandler(told.handle)); err != nil {
			t.Fatal(err)
		}
	}
	w, n := newWriter(t, stores[0]), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	spoil(t, stores...)
	before := listing(t, filepath.Dir(path))
	for range 3 {
		err := w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 1)}})
		if !errors.Is(err, syscall.EBUSY) || !errors.Is(err, place.ErrInUse) {
			t.Errorf("Record = %v", err)
		}
	}
	if after := listing(t, filepath.Dir(path)); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	_ = stores[1].Close()
	record(t, w, add(n, 10))
	checkBalance(t, stores[0], "n{}", wants{recorded: 10, pending: 10})
	spoil(t, stores[0])
	record(t, w, add(n, 100))
	checkBalance(t, stores[0], "n{}", wants{recorded: 100, pending: 100})
	closeStore(t, stores[0])
}

// TestNoFileDescriptorIsNoMissingPermission, for a mirror that is there and one
// that is to be made.
func TestNoFileDescriptorIsNoMissingPermission(t *testing.T) {
	if !asChild(t, nil) {
		return
	}
	path := newPath(t)
	closeStore(t, open(t, path, newClock()))
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	plenty := limit.Cur
	limit.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var errs []error
	for _, opts := range [][]Option{nil, {ReadOnly()}, {Existing()}} {
		_, err := Open(path, opts...)
		errs = append(errs, err)
	}
	_, err := Open(newFile(path))
	limit.Cur = plenty
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, err := range append(errs, err) {
		if !errors.Is(err, syscall.EMFILE) || errors.Is(err, fs.ErrPermission) {
			t.Errorf("Open = %v", err)
		}
	}
}

func newFile(beside string) string { return filepath.Join(filepath.Dir(beside), "other.db") }
