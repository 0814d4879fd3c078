package localstore

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// fillDisk makes each write to a file fail that this process has open, as a broken disk does.
// The lock of the file ends where the process lets go of it, which follow finds out.
func fillDisk(t *testing.T, path string) (follow func()) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	open := descriptors(t)[path]
	if open == 0 {
		t.Fatal("nobody has it open")
	}
	locked, err := syscall.Dup(open)
	if err == nil {
		err = syscall.Dup3(int(full.Fd()), open, syscall.O_CLOEXEC)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if locked >= 0 && descriptors(t)["/dev/full"] != open {
			_ = syscall.Close(locked)
			locked = -1
		}
	}
}

// descriptors returns what this process has open.
func descriptors(t *testing.T) map[string]int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	open := make(map[string]int)
	for _, entry := range list {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name())); err == nil {
			open[to], _ = strconv.Atoi(entry.Name())
		}
	}
	return open
}

// TestADroppedJournalOnABrokenDisk: where a process cannot take out of the file what it
// counted, that is recorded once, and what was inherited is lost rather than doubled.
func TestADroppedJournalOnABrokenDisk(t *testing.T) {
	for _, tt := range []struct {
		inherits, broken bool
		want             float64
	}{{false, false, 2}, {false, true, 2}, {true, false, 3}, {true, true, 2}} {
		path, c := warmed(t)
		if tt.inherits {
			former := startShort(t, path, c)
			former.countNumber(t)
			former.end(t)
		}
		r := startShort(t, path, c, WithErrorHandler(func(error) {}))
		if r.j.Inherits() != tt.inherits || !isAsleep(r.Store) {
			t.Fatalf("inherits: %v, asleep: %v", r.j.Inherits(), isAsleep(r.Store))
		}
		r.countNumber(t)
		follow := func() {}
		if tt.broken {
			follow = fillDisk(t, r.j.Path())
		}
		r.w.DropJournal()
		follow()
		r.mustRecord(t)
		r.w.Close()
		follow()
		closeStore(t, r.Store)
		s := open(t, path, c, WithErrorHandler(func(error) {}))
		recoverNow(s)
		if recorded, _ := recordedIn(t, s); recorded["n{}"] != tt.want {
			t.Errorf("%+v: the mirror holds %v", tt, recorded["n{}"])
		}
		if list := journalpool.List(path); len(list) != 1 || list[0].Standing != journalpool.Empty {
			t.Errorf("%+v: journals %+v, want an empty one", tt, list)
		}
	}
}
