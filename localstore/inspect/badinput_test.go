package inspect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usage.db")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// query runs statements on a database, past localstore.
func query(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// finished returns the path of a mirror that nobody has open.
func finished(t *testing.T) string {
	t.Helper()
	r := played(t)
	r.writer.Close()
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	return r.store.Path()
}

// overwrite puts garbage into the pages of a file from an offset on.
func overwrite(t *testing.T, path string, from int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(strings.Repeat("\xA5", int(info.Size()-from))), from); err != nil {
		t.Fatal(err)
	}
}

func TestBadFiles(t *testing.T) {
	files := map[string]struct {
		path func(*testing.T) string
		code int
		says string
	}{
		"none":     {func(t *testing.T) string { return filepath.Join(t.TempDir(), "sub", "usage.db") }, exitNoMirror, "There is no mirror there"},
		"empty":    {func(t *testing.T) string { return writeFile(t, "") }, exitNotMirror, "the file is empty"},
		"text":     {func(t *testing.T) string { return writeFile(t, strings.Repeat("my diary\n", 500)) }, exitNotMirror, "not a mirror"},
		"a folder": {func(t *testing.T) string { return t.TempDir() }, exitNotMirror, "it is a directory"},
		"another's": {func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "places.sqlite")
			query(t, path, "CREATE TABLE bookmarks (url TEXT)")
			return path
		}, exitNotMirror, "another application's database"},
		"newer": {func(t *testing.T) string {
			path := finished(t)
			query(t, path, "PRAGMA user_version = 99")
			return path
		}, exitNewer, "schema 99"},
		"corrupt": {func(t *testing.T) string {
			path := finished(t)
			overwrite(t, path, 4096)
			return path
		}, exitDamaged, "damaged"},
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			path := file.path(t)
			before, _ := os.ReadFile(path)
			for _, args := range [][]string{{"show"}, {"show", "x"}, {"history", "x"}, {"preview"}, {"submissions"}, {"export", "json"}, {"doctor"},
				{"consent"}, {"consent", "off"}, {"erase", "--yes"}, {"erase"}, {"view"}} {
				got := runWith(t.Context(), Options{File: path}, args...)
				if file.code == exitDamaged && got.code == exitDone {
					continue // it did not touch what is damaged
				}
				if (name == "none" || name == "empty") && len(args) == 2 && args[0] == "consent" {
					if got.code != exitDone { // a decision can be made before the first run
						t.Errorf("%v: code %d, %q", args, got.code, got.errors)
					}
					continue
				}
				if strings.Contains(got.errors, "localstore: ") {
					t.Errorf("%v names a package: %q", args, got.errors)
				}
				if got.code != file.code || !strings.Contains(got.errors, file.says) && args[0] != "doctor" {
					t.Errorf("%v: code %d, %q, want %d and %q", args, got.code, got.errors, file.code, file.says)
				}
			}
			after, err := os.ReadFile(path)
			if name == "none" && !errors.Is(err, fs.ErrNotExist) {
				t.Error("a file was made")
			}
			if file.code != exitDamaged && string(before) != string(after) {
				t.Error("the file was changed")
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			for _, e := range entries {
				if strings.Contains(e.Name(), "damaged") || strings.Contains(e.Name(), ".new") {
					t.Errorf("left %s", e.Name())
				}
			}
		})
	}
}

// TestDoctorShowsDamage: it says what it finds, where the other commands give up.
func TestDoctorShowsDamage(t *testing.T) {
	path := finished(t)
	query(t, path, "UPDATE totals SET recorded = recorded + 5 WHERE series_id = 1; UPDATE totals SET pending = 'no JSON' WHERE series_id = 3")
	got := runWith(t.Context(), Options{File: path}, "doctor")
	if got.code != exitDamaged || !strings.Contains(got.out, "DAMAGED: ") {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.errors)
	}
	query(t, path, "UPDATE totals SET pending = NULL WHERE series_id = 3")
	got = runWith(t.Context(), Options{File: path}, "doctor")
	if got.code != exitDamaged || !strings.Contains(got.out, "OFF: ") || !strings.Contains(got.out, "IT IS WRONG for 1 of") {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.errors)
	}
	got = runWith(t.Context(), Options{File: path}, "doctor", "--json")
	if got.code != exitDamaged || !strings.Contains(got.out, `"sound": false`) {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.errors)
	}
}

func TestNoPermission(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("there is nothing this user may not read")
	}
	path := finished(t)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"show"}, {"consent", "on"}, {"erase", "--yes"}} {
		if got := runWith(t.Context(), Options{File: path}, args...); got.code != exitPermission {
			t.Errorf("%v: code %d, %q", args, got.code, got.errors)
		}
	}
	// What forbids to send holds from the file beside the mirror.
	if got := runWith(t.Context(), Options{File: path}, "consent", "off"); got.code != exitDone {
		t.Errorf("consent off: code %d, %q", got.code, got.errors)
	}
	if c, err := localstore.Decided(path); err != nil || c.Mode != localstore.ModeOff {
		t.Errorf("decided: %+v, %v", c, err)
	}
}

func TestClassify(t *testing.T) {
	for err, want := range map[error]int{
		fs.ErrPermission: exitPermission, fs.ErrNotExist: exitNoMirror, localstore.ErrBusy: exitBusy,
		localstore.ErrErasePending: exitBusy, snapshot.ErrNoPayload: exitUnknown, errUnconfirmed: exitUnconfirmed, errUnsound: exitDamaged,
		context.DeadlineExceeded: exitFailed,
	} {
		if got, _ := classify(fmt.Errorf("open: %w", err)); got != want {
			t.Errorf("%v: code %d, want %d", err, got, want)
		}
	}
}

func TestBusyMirror(t *testing.T) {
	path := finished(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	o := Options{File: path, busyTimeout: time.Millisecond}
	if got := runWith(t.Context(), o, "show"); got.code != exitDone {
		t.Errorf("reading waits for a writer: code %d, %s", got.code, got.errors)
	}
	if got := runWith(t.Context(), o, "consent", "on"); got.code != exitBusy || !strings.Contains(got.errors, "Try again") {
		t.Errorf("code %d, %s", got.code, got.errors)
	}
	// What forbids to send holds from the file beside the mirror.
	for _, args := range [][]string{{"consent", "off"}, {"consent"}} {
		if got := runWith(t.Context(), o, args...); got.code != exitDone || !strings.HasPrefix(got.out, "consent: off since ") {
			t.Errorf("%v: code %d, %s%s", args, got.code, got.out, got.errors)
		}
	}
}

// TestAFileThatVanishesWhileItIsViewed: a store that stays open follows its path.
func TestAFileThatVanishesWhileItIsViewed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be deleted")
	}
	path := finished(t)
	s := newSession(Options{File: path}.withDefaults())
	err := s.with(t.Context(), func(store *localstore.Store) error {
		if _, err := store.Snapshot(t.Context(), snapshot.Query{}); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		_, err := store.Snapshot(t.Context(), snapshot.Query{})
		return err
	})
	if code, _ := classify(err); code != exitNoMirror {
		t.Errorf("code %d, %v", code, err)
	}
}

func TestWhichMirror(t *testing.T) {
	here := filepath.Join(t.TempDir(), "here.db")
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("HOME", config)
	t.Setenv("AppData", config)
	usual, err := localstore.DefaultPath("game")
	if err != nil {
		t.Fatal(err)
	}
	env := func(key string) string {
		if key == MirrorEnv {
			return here
		}
		return ""
	}
	for name, test := range map[string]struct {
		args []string
		o    Options
		want string
		code int
	}{
		"--file":                   {[]string{"--file", here, "id"}, Options{File: "x", Application: "y"}, here, exitNoMirror},
		"after the command":        {[]string{"id", "-f", here}, Options{}, here, exitNoMirror},
		"--app":                    {[]string{"--app", "game", "id"}, Options{File: here, Getenv: env}, usual, exitNoMirror},
		"environment":              {[]string{"id"}, Options{Getenv: env}, here, exitNoMirror},
		"mounted at a path":        {[]string{"id"}, Options{File: here, Application: "x"}, here, exitNoMirror},
		"mounted":                  {[]string{"id"}, Options{Application: "game", Getenv: env}, usual, exitNoMirror},
		"none named":               {[]string{"id"}, Options{}, MirrorEnv, exitUsage},
		"an empty --file":          {[]string{"--file", "", "erase", "--yes"}, Options{File: here}, "it is empty", exitUsage},
		"an empty --app":           {[]string{"erase", "--yes", "--app="}, Options{File: here}, "it is empty", exitUsage},
		"two named":                {[]string{"--file", here, "--app", "game", "id"}, Options{}, "cannot be combined", exitUsage},
		"no name of a application": {[]string{"--app", "../x", "id"}, Options{}, "cannot name a directory", exitUsage},
	} {
		got := runWith(t.Context(), test.o, test.args...)
		if got.code != test.code || !strings.Contains(got.errors, test.want) {
			t.Errorf("%s: code %d, %q, want %d and %q", name, got.code, got.errors, test.code, test.want)
		}
	}
}
