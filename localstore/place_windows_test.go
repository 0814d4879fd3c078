package localstore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// TestPathsOfWindows are taken as Windows takes them; two spellings of one file
// are one mirror.
func TestPathsOfWindows(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	long := dir
	for len(long) < 400 {
		long = filepath.Join(long, strings.Repeat("d", 50))
	}
	volume := filepath.VolumeName(dir)
	for name, c := range map[string]struct{ asked, real string }{
		"long":              {filepath.Join(long, "usage.db"), filepath.Join(long, "usage.db")},
		"long and verbatim": {`\\?\` + filepath.Join(long, "v", "usage.db"), filepath.Join(long, "v", "usage.db")},
		"verbatim":          {`\\?\` + filepath.Join(dir, "v", "usage.db"), filepath.Join(dir, "v", "usage.db")},
		"of a drive":        {volume + "usage.db", filepath.Join(dir, "usage.db")},
		"of the drive":      {filepath.Join(dir[len(volume):], "r", "usage.db"), filepath.Join(dir, "r", "usage.db")},
		"with slashes":      {strings.ReplaceAll(dir, `\`, `/`) + "/s/usage.db", filepath.Join(dir, "s", "usage.db")},
		"in capitals":       {strings.ToUpper(filepath.Join(dir, "c", "usage.db")), filepath.Join(dir, "c", "usage.db")},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, c.asked, newClock())
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
			other := open(t, c.real, newClock()) // beside it
			record(t, newWriter(t, other), add(statistic(version("1"), "n"), 10))
			record(t, writerOf(t, s), add(statistic(version("1"), "n"), 100))
			checkBalance(t, other, "n{}", wants{recorded: 111, pending: 111})
			closeStore(t, other)
			closeStore(t, s)
			files, err := os.ReadDir(filepath.Dir(c.real))
			if left := slices.DeleteFunc(files, os.DirEntry.IsDir); err != nil || len(left) != 1 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// TestDevicesOfWindows are no mirrors, whatever they are called.
func TestDevicesOfWindows(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"NUL", "nul", `\\.\NUL`, "CON", "COM1", filepath.Join(dir, "a|b.db"), filepath.Join(dir, "a?b", "usage.db")} {
		if s, err := Open(path); err == nil {
			t.Errorf("%s was opened", s.Path())
			closeStore(t, s)
		}
	}
	if got, _ := filepath.Glob(filepath.Join(dir, "*")); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

func TestAShareIsNamedAsSQLiteDoes(t *testing.T) {
	for path, want := range map[string]string{
		`\\server\users$\bob\usage.db`: "file:////server/users$/bob/usage.db?mode=rw&",
		`C:\Users\b ob\usage.db`:       "file:///C:/Users/b%20ob/usage.db?mode=rw&",
	} {
		if got := sqlitedb.DataSource(path, false, time.Second); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestDefaultPathOfWindows(t *testing.T) {
	for _, bad := range []string{"NUL", "con", "con.txt", "COM1", "a:b", `a\b`, `C:`, `C:\a`} {
		if path, err := DefaultPath(bad); err == nil {
			t.Errorf("DefaultPath(%q) = %s", bad, path)
		}
	}
}
