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
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// TestAMirrorOnAReadOnlyFileSystem is read where all of it is in its one file,
// and refused with the reason where part of it is in a log.
func TestAMirrorOnAReadOnlyFileSystem(t *testing.T) {
	if !asChild(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}) {
		return
	}
	for name, running := range map[string]bool{"finished": false, "with a log": true} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 7))
			if !running {
				closeStore(t, s)
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "usage.db")
			for _, suffix := range []string{"", "-wal"} {
				if content, err := os.ReadFile(s.db.Path() + suffix); err == nil {
					write(t, path+suffix, content)
				}
			}
			if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
				t.Skipf("nothing can be mounted: %v", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
			if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Skipf("nothing can be mounted: %v", err)
			}
			r, err := Open(path, ReadOnly(), WithClock(c.now))
			if running {
				if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "to read its log") {
					t.Errorf("Open = %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				snap, err := r.Snapshot(t.Context(), snapshot.Query{})
				if err != nil || len(snap.Others) == 0 {
					t.Fatalf("Snapshot = %+v, %v", snap, err)
				}
			}
			closeStore(t, r)
		})
	}
}

// TestAReaderLeavesNothingBehind that it made, and nothing of others is removed.
func TestAReaderLeavesNothingBehind(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 7))
	r := open(t, s.db.Path(), c, ReadOnly())
	closeStore(t, r)
	if !place.HasLog(s.db.Path()) {
		t.Error("the log of a running process is gone")
	}
	closeStore(t, s)
	first := open(t, s.db.Path(), c, ReadOnly())
	second := open(t, s.db.Path(), c, ReadOnly())
	for _, reader := range []*Store{first, second} {
		if _, err := reader.Snapshot(t.Context(), snapshot.Query{}); err != nil {
			t.Error(err)
		}
	}
	closeStore(t, second)
	if _, err := first.Snapshot(t.Context(), snapshot.Query{}); err != nil {
		t.Error(err)
	}
	closeStore(t, first)
	if place.HasBeside(s.db.Path()) {
		t.Errorf("left:\n%s", listing(t, filepath.Dir(s.db.Path())))
	}
}

// TestAMirrorInADirectoryThatCannotBeWritten says so to whoever would change it.
func TestAMirrorInADirectoryThatCannotBeWritten(t *testing.T) {
	if !asChild(t, nil) {
		return
	}
	if os.Geteuid() == 0 { // to whom no mode forbids anything
		const nobody = 65534
		if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			t.Skipf("this user cannot become another one: %v", err)
		}
	}
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 7))
	closeStore(t, s)
	dir := filepath.Dir(s.db.Path())
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(dir, 0o700) }()
	for name, option := range map[string]Option{"change": Existing(), "look": ReadOnly()} {
		if _, err := Open(s.db.Path(), option, WithClock(c.now)); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: Open = %v", name, err)
		}
	}
}
