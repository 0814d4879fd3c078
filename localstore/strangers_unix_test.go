//go:build unix

package localstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

const stranger, group = 4321, 5432

func chmod(t testing.TB, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// elsewhere moves a file to a directory of its own and leaves a link.
func elsewhere(t *testing.T, path string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "decision")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, content)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	symlink(t, to, path)
	return to
}

func needsRoot(t *testing.T, needs string) {
	t.Helper()
	if needs != "" && os.Geteuid() != 0 {
		t.Skip("this user cannot make files of others")
	}
}

// TestOpeningWaitsForNobody: what was a file when it was looked at may be a pipe
// when it is opened.
func TestOpeningWaitsForNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	fifo(t, path)
	soon(t, func() {
		if f, _, err := place.Open(path); err == nil || !strings.Contains(err.Error(), "named pipe") {
			t.Errorf("opened %v, %v", f, err)
		}
	})
}

// TestStrangersFilesBesideAMirrorAreRefused: SQLite would take over into the
// mirror what stands in them.
func TestStrangersFilesBesideAMirrorAreRefused(t *testing.T) {
	needsRoot(t, "root")
	for _, suffix := range place.BesideSuffixes {
		path := newPath(t)
		closeStore(t, open(t, path, newClock()))
		write(t, path+suffix, []byte("a log"))
		chown(t, path+suffix, stranger)
		for _, opts := range [][]Option{nil, {ReadOnly()}, {Existing()}} {
			if _, err := Open(path, opts...); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), suffix) {
				t.Errorf("%s: Open with %d options = %v", suffix, len(opts), err)
			}
		}
		if content, err := os.ReadFile(path + suffix); err != nil || string(content) != "a log" {
			t.Errorf("%s holds %q, %v", suffix, content, err)
		}
	}
}

func TestAMirrorThatEverybodyMayWriteIsRefused(t *testing.T) {
	path := newPath(t)
	closeStore(t, open(t, path, newClock()))
	chmod(t, path, 0o666)
	for _, opts := range [][]Option{nil, {ReadOnly()}, {Existing()}} {
		if _, err := Open(path, opts...); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "every user can write") {
			t.Errorf("Open with %d options = %v", len(opts), err)
		}
	}
	chmod(t, path, 0o660)
	closeStore(t, open(t, path, newClock()))
}

// TestTheLockFileIsOnesOwn: a stranger's could be locked for good, and one that
// others may open is closed to them.
func TestTheLockFileIsOnesOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	write(t, path+mirrordb.LockSuffix, nil)
	chmod(t, path+mirrordb.LockSuffix, 0o666)
	err := sqlitedb.WithLockFile(path+mirrordb.LockSuffix, 0, func() error {
		info, err := os.Stat(path + mirrordb.LockSuffix)
		if err == nil && info.Mode() != place.FileMode {
			t.Errorf("it is locked with mode %v", info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		return
	}
	write(t, path+mirrordb.LockSuffix, nil)
	chown(t, path+mirrordb.LockSuffix, stranger)
	if _, err := Open(path); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "usage.db.lock belongs to user 4321") {
		t.Errorf("Open = %v", err)
	}
}

// TestOriginalsThatOthersCouldHaveWrittenAreNotImported, nor opened, where a
// stranger could put a pipe in their place.
func TestOriginalsThatOthersCouldHaveWrittenAreNotImported(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, path string){
		"directory": func(t *testing.T, path string) { chmod(t, filepath.Dir(path), 0o777) },
		"file":      func(t *testing.T, path string) { chmod(t, path, 0o666) },
		"part":      func(t *testing.T, path string) { chmod(t, python.FilesOf(path).Part, 0o666) },
		"owner":     func(t *testing.T, path string) { needsRoot(t, "root"); chown(t, path, stranger) },
		"link":      func(t *testing.T, path string) { chmod(t, elsewhere(t, path), 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			var told reports
			path := referenceFiles(t)
			open(t, path)
			s, err := Open(newPath(t), ImportFrom(path), WithErrorHandler(told.handle))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { closeStore(t, s) }()
			if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrOriginal) || !errors.Is(told.errs[0], ErrUntrusted) {
				t.Errorf("told %v", told.errs)
			}
			expect(t, s, "0", `SELECT count(*) FROM totals`)
		})
	}
}

// TestAStrangersPartOfTheReference is not imported with one's own master.
func TestAStrangersPartOfTheReference(t *testing.T) {
	var told reports
	path := referenceFiles(t)
	chmod(t, python.FilesOf(path).Part, 0o666)
	s := open(t, path, newClock(), WithErrorHandler(told.handle))
	defer func() { closeStore(t, s) }()
	if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrOriginal) || !errors.Is(told.errs[0], ErrUntrusted) {
		t.Errorf("told %v", told.errs)
	}
}
