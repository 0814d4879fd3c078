package localstore

import (
	"bytes"
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

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

func TestOpenMakesAFileForThisUserAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for path, want := range map[string]fs.FileMode{
		filepath.Dir(s.Path()): fs.ModeDir | 0o700,
		s.Path():               0o600,
		s.Path() + "-wal":      0o600,
		s.Path() + "-shm":      0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

// database writes a SQLite database that is no mirror.
func database(t *testing.T, path, statements string) {
	t.Helper()
	write(t, path, nil)
	db, err := sql.Open("sqlite", sqlitedb.DataSource(path, false, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

func TestOpenLeavesWhatIsNoMirrorAlone(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"a directory", func(t *testing.T, path string) { t.Helper(); mkdir(t, path) }, ErrNotMirror},
		{"a text file", func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("Dear diary, today nothing was counted.\n", 100)))
		}, ErrNotMirror},
		{"a short text file", func(t *testing.T, path string) { write(t, path, []byte("hello")) }, ErrNotMirror},
		{"another application's database", func(t *testing.T, path string) {
			database(t, path, `CREATE TABLE bookmarks (url TEXT)`)
		}, ErrNotMirror},
		{"an empty database with another application id", func(t *testing.T, path string) {
			database(t, path, `PRAGMA application_id = 252006675; PRAGMA user_version = 1`)
		}, ErrNotMirror},
		{"a newer schema", func(t *testing.T, path string) {
			s := open(t, path, newClock())
			execute(t, s, `PRAGMA user_version = 99`)
			closeStore(t, s)
		}, ErrNewerSchema},
	}
	for _, tt := range tests {
		for _, opts := range [][]Option{nil, {ReadOnly()}} {
			t.Run(fmt.Sprintf("%s, %d options", tt.name, len(opts)), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "usage.db")
				tt.make(t, path)
				before, _ := os.ReadFile(path)
				if s, err := Open(path, opts...); !errors.Is(err, tt.want) {
					t.Errorf("Open = %v, %v, want %v", s, err, tt.want)
				}
				after, _ := os.ReadFile(path)
				if !bytes.Equal(before, after) {
					t.Error("the file was changed")
				}
				if names := damagedFiles(t, path); len(names) > 0 {
					t.Errorf("set aside: %v", names)
				}
				if _, err := os.Stat(path + ".lock"); err == nil {
					t.Error("a lock file is left")
				}
			})
		}
	}
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTakesAnEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	write(t, path, nil)
	if _, err := Open(path, ReadOnly()); !errors.Is(err, ErrNotMirror) {
		t.Errorf("ReadOnly = %v, want ErrNotMirror", err)
	}
	s := open(t, path, newClock())
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
}

func TestOpenReportsWhatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), nil)
	if s, err := Open(filepath.Join(dir, "file", "usage.db")); err == nil {
		t.Errorf("opened %s below a file", s.Path())
	}
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user may write everywhere")
	}
	sealed := filepath.Join(dir, "sealed")
	mkdir(t, sealed)
	if err := os.Chmod(sealed, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(sealed, "usage.db")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Open in a read-only directory = %v", err)
	}
}

func TestReadOnlyMakesNothing(t *testing.T) {
	path := newPath(t)
	if _, err := Open(path, ReadOnly()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want fs.ErrNotExist", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Error("the directory was made")
	}
}

func TestReadOnlyReadsAndRefusesToWrite(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 3))
	r := open(t, s.Path(), c, ReadOnly())
	checkBalance(t, r, "n{}", wants{recorded: 3, pending: 3})
	if r.InstallationID() != s.InstallationID() {
		t.Error("another installation id")
	}
	if l := declare(t, r, statisticDeclaration("n")); len(l.Series) != 1 || l.Series[0].Int != 3 {
		t.Errorf("lifetime = %+v", l)
	}
	if _, err := r.Writer(true); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Writer = %v", err)
	}
	if err := r.SetMode(t.Context(), consent.ModeOn); !errors.Is(err, ErrReadOnly) {
		t.Errorf("SetMode = %v", err)
	}
	if _, err := r.Outbox().Begin(t.Context(), request(outbox.Delta)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Begin = %v", err)
	}
}

func TestDefaultPath(t *testing.T) {
	path, err := DefaultPath("mygame")
	if err != nil || !strings.HasSuffix(path, filepath.Join("mygame", "usage.db")) {
		t.Errorf("DefaultPath = %s, %v", path, err)
	}
	for _, bad := range []string{"", ".", "..", "/", "a/b", "/etc", "../x", "a/"} {
		if path, err := DefaultPath(bad); err == nil {
			t.Errorf("DefaultPath(%q) = %s", bad, path)
		}
	}
}

func TestOpenTakesPathsAsTheyAre(t *testing.T) {
	names := []string{"a b", "100%", "%41", "who", "#1", "it's", "a&mode=memory", "Übung 使用", "a+b;c"}
	if runtime.GOOS != "windows" {
		names = append(names, "who?", `a"b`, "a\\b", "a?mode=ro#x")
	}
	for _, name := range names {
		dir := filepath.Join(t.TempDir(), name)
		path := filepath.Join(dir, name+".db")
		s := open(t, path, newClock())
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		closeStore(t, s)
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("%q: other files: %v", name, entries)
		}
		checkBalance(t, open(t, path, newClock(), ReadOnly()), "n{}", wants{recorded: 1, pending: 1})
	}
}

func TestOpenTakesARelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	s := open(t, "usage.db", newClock())
	if !filepath.IsAbs(s.Path()) {
		t.Errorf("path = %s", s.Path())
	}
}

func TestInstallationIDsAreRandom(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 {
		s, _ := fresh(t)
		for _, id := range []string{s.InstallationID(), s.MirrorID()} {
			if u, err := uuid.Parse(id); err != nil || u.Version() != 4 {
				t.Errorf("%s is no UUID v4: %v", id, err)
			}
			if seen[id] {
				t.Errorf("%s occurs twice", id)
			}
			seen[id] = true
		}
	}
}

func TestInstallationIDIsReplaceable(t *testing.T) {
	s, c := fresh(t, WithInstallationID("seat 7"))
	if got := s.InstallationID(); got != "seat 7" {
		t.Errorf("installation id = %q", got)
	}
	mirror := s.MirrorID()
	closeStore(t, s)

	s = open(t, s.Path(), c, WithInstallationID(""))
	if got := s.InstallationID(); got != "seat 7" {
		t.Errorf("after reopening it is %q", got)
	}
	if s.MirrorID() != mirror {
		t.Error("the mirror id changed")
	}
	if err := s.SetInstallationID("seat 8"); err != nil {
		t.Fatal(err)
	}
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	if v, _ := submit(t, s)[0].Resource.Value(batch.InstallationKey); v.AsString() != "seat 8" {
		t.Errorf("sent under %q", v.AsString())
	}
}

func TestInvalidInstallationIDsAreRefused(t *testing.T) {
	s, _ := fresh(t)
	before := s.InstallationID()
	for _, bad := range []string{"a\nb", "\x00", strings.Repeat("ü", 256), "\xff", "a\u0085b"} {
		path := newPath(t)
		if _, err := Open(path, WithInstallationID(bad)); !errors.Is(err, ErrInvalidID) {
			t.Errorf("Open with id %q = %v", bad, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%q: the file was made", bad)
		}
		if err := s.SetInstallationID(bad); !errors.Is(err, ErrInvalidID) {
			t.Errorf("SetInstallationID(%q) = %v", bad, err)
		}
	}
	if err := s.SetInstallationID(""); !errors.Is(err, ErrInvalidID) {
		t.Errorf("SetInstallationID of nothing = %v", err)
	}
	if s.InstallationID() != before {
		t.Error("the id changed")
	}
}

func TestTwoStoresShareOneFile(t *testing.T) {
	a, c := fresh(t)
	b := open(t, a.Path(), c)
	wa, wb := newWriter(t, a), newWriter(t, b)
	na, nb := statistic(version("1"), "n"), statistic(version("1"), "n")
	for range 10 {
		record(t, wa, add(na, 2))
		record(t, wb, add(nb, 3))
	}
	for _, s := range []*Store{a, b} {
		checkBalance(t, s, "n{}", wants{recorded: 50, pending: 50})
	}
	submit(t, b)
	record(t, wa, add(na, 1))
	checkBalance(t, b, "n{}", wants{recorded: 51, accepted: 50, pending: 1})
}

func TestReopeningKeepsEverything(t *testing.T) {
	c, path := newClock(), newPath(t)
	s := open(t, path, c)
	id, mirror, created := s.InstallationID(), s.MirrorID(), s.CreatedAt()
	if !created.Equal(c.now()) {
		t.Errorf("created at %v, want %v", created, c.now())
	}
	setMode(t, s, consent.ModeOn)
	for run := range int64(5) {
		r := version("1")
		record(t, newWriter(t, s), add(statistic(r, "n"), 1), recording.Change{Series: timer(r, "t", timerBounds), Delta: observe(timerBounds, 5)})
		checkBalance(t, s, "n{}", wants{recorded: run + 1, pending: run + 1})
		closeStore(t, s)
		c.add(time.Minute)
		s = open(t, path, c)
	}
	if s.InstallationID() != id || s.MirrorID() != mirror || !s.CreatedAt().Equal(created) {
		t.Error("the identity changed")
	}
	says, err := s.Consent(t.Context())
	if err != nil || says.Mode != consent.ModeOn || !says.Since.Equal(created) {
		t.Errorf("consent = %+v, %v", says, err)
	}
}

func TestProcessesThatStartTogetherAllOpen(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of mirrors")
	}
	for range 5 {
		path := newPath(t)
		stores := openTogether(t, path, 8, 1)
		checkBalance(t, stores[0], "n{}", wants{recorded: 8, pending: 8})
		for _, s := range stores {
			if s.MirrorID() != stores[0].MirrorID() {
				t.Error("two mirrors were made")
			}
			closeStore(t, s)
		}
	}
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s, _ := fresh(t)
	w := newWriter(t, s)
	n := statistic(version("1"), "n")
	record(t, w, add(n, 1))
	sub := mustBegin(t, s)
	p := next(t, sub)
	for range 3 {
		closeStore(t, s)
	}
	ctx := t.Context()
	calls := map[string]func() error{
		"Declare":           func() error { _, err := s.Declare(statisticDeclaration("n")); return err },
		"Writer":            func() error { w.Close(); _, err := s.Writer(true); return err },
		"Record":            func() error { return w.Record(ctx, recording.Recording{Changes: []recording.Change{add(n, 1)}}) },
		"Observe":           func() error { return w.Observe(ctx, true) },
		"Begin":             func() error { _, err := s.Outbox().Begin(ctx, request(outbox.Delta)); return err },
		"Next":              func() error { _, err := sub.Next(ctx); return err },
		"Settle":            func() error { _, err := sub.Settle(ctx, p, accepted); return err },
		"Release":           func() error { return sub.Release(ctx, false) },
		"OftenCutOff":       func() error { _, err := s.Outbox().OftenCutOff(); return err },
		"MayWait":           func() error { _, err := s.Outbox().MayWait(interval); return err },
		"Consent":           func() error { _, err := s.Consent(ctx); return err },
		"SetMode":           func() error { return s.SetMode(ctx, consent.ModeOn) },
		"RequireConsent":    func() error { return s.RequireConsent(ctx) },
		"SetInstallationID": func() error { return s.SetInstallationID("x") },
		"Balance":           func() error { _, err := s.Balance(ctx); return err },
		"Sync":              func() error { return s.Sync(ctx) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s = %v, want ErrClosed", name, err)
		}
	}
}

func TestTheFileHasAWriteAheadLog(t *testing.T) {
	s, _ := fresh(t)
	expect(t, s, "wal", `PRAGMA journal_mode`)
	expect(t, s, "1", `PRAGMA synchronous`)
	expect(t, s, fmt.Sprint(schema.ApplicationID), `PRAGMA application_id`)
	if err := s.db.Update(s.db.Context(), mirrordb.Durable, func(tx *mirrordb.Tx) error {
		full, err := tx.Pragma("synchronous")
		if full != 2 {
			t.Errorf("synchronous = %d in a durable transaction", full)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "1", `PRAGMA synchronous`)
}

// A checkpoint would not do: beside a reader it synchronises nothing.
func TestSyncCommitsDurablyBesideAReader(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	reader, err := sqlitedb.Open(s.Path(), true, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	before := text(t, s, `SELECT total_changes()`)
	err = reader.Snapshot(func() error {
		if _, err := reader.Find(`SELECT count(*) FROM totals`); err != nil {
			return err
		}
		return s.Sync(t.Context())
	})
	if after := text(t, s, `SELECT total_changes()`); err != nil || after == before {
		t.Errorf("nothing was committed: %v", err)
	}
}
