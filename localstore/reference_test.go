package localstore

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// referenceFiles puts a copy of the recorded database where an application is
// configured to have it.
func referenceFiles(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "usage_stats.db")
	for name, to := range map[string]string{"usage.db": path, "usage.part.db": python.FilesOf(path).Part} {
		write(t, to, recordedFile(t, name))
	}
	return path
}

func recordedFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "reference", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// afterSample is a clock that starts after the recorded changes.
func afterSample() *clock {
	c := newClock()
	c.set(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	return c
}

// recordedSample is what usage.json says.
type recordedSample struct {
	User       string `json:"user_identifier"`
	Trackables map[string]struct {
		Type, Description string
		Value             any
		Count             float64
		Rows              int64 `json:"rows_master_plus_part"`
	}
}

func readSample(t testing.TB) (r recordedSample) {
	t.Helper()
	if err := json.Unmarshal(recordedFile(t, "usage.json"), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheReferencesDatabaseIsImported(t *testing.T) {
	path := referenceFiles(t)
	s := open(t, path, afterSample())
	want := readSample(t)
	if s.InstallationID() != want.User {
		t.Errorf("installation id = %q, want %q", s.InstallationID(), want.User)
	}
	values, descriptions := csvColumn(t, s, 2), csvColumn(t, s, 3)
	for name, x := range want.Trackables {
		if name == submissionsTable {
			expect(t, s, fmt.Sprint(x.Count), `SELECT accepted FROM forwarders WHERE kind = 'cumulative'`)
			continue
		}
		value := fmt.Sprint(x.Value)
		if f, ok := x.Value.(float64); ok {
			value = strconv.FormatFloat(f, 'f', -1, 64)
		}
		if value == "No State" {
			value = "No Initial State" // as the Python library's exports show it
		}
		if values[name] != value || descriptions[name] != x.Description {
			t.Errorf("%s = %q, %q, want %q, %q", name, values[name], descriptions[name], value, x.Description)
		}
	}
	if len(values) != len(want.Trackables)-1 {
		t.Errorf("%d trackables, want %d", len(values), len(want.Trackables)-1)
	}
	expect(t, s, "11", `SELECT changes FROM states WHERE name = 'server'`)
	expect(t, s, "40", `SELECT runs FROM timers WHERE name = 'play_time'`)
	expect(t, s, "20", `SELECT count(*) FROM history h JOIN series s ON s.id = h.series_id JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'gold'`)
	expect(t, s, "1", `SELECT count(*) FROM days d JOIN series s ON s.id = d.series_id JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'gold'`)
	checkBalance(t, s, "quests_complete{}", wants{recorded: 43, accepted: 43})
	if parts := submit(t, s); parts != nil {
		t.Errorf("what the Python library uploaded is sent again: %v", parts)
	}
}

// TestImportedLifetimesGoOn: a declaration starts from what the Python library left,
// whichever number type it now has.
func TestImportedLifetimesGoOn(t *testing.T) {
	c := afterSample()
	s := open(t, referenceFiles(t), c)
	life := func(kind otelusage.Kind, name string) otelusage.Lifetime {
		l, err := s.Declare(otelusage.Declaration{Name: name, Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for name, want := range map[string]otelusage.SeriesLifetime{
		"quests_complete": {Int: 43, Float: 43}, "gold": {Int: 56, Float: 56.75},
	} {
		if got := life(otelusage.KindStatistic, name).Series; len(got) != 1 || got[0].Int != want.Int || got[0].Float != want.Float {
			t.Errorf("%s = %+v, want %+v", name, got, want)
		}
	}
	if got := life(otelusage.KindTimer, "play_time").Series; len(got) != 1 || got[0].Count != 40 || got[0].Float < 40037 {
		t.Errorf("play_time = %+v", got)
	}
	if got := life(otelusage.KindSequence, "round_trip").Series; len(got) != 1 || got[0].Int != 7 {
		t.Errorf("round_trip = %+v", got)
	}
	if got := life(otelusage.KindState, "server"); !got.HasState || got.State != "O'Hara; --" || got.Changes != 11 {
		t.Errorf("server = %+v", got)
	}
	if got := life(otelusage.KindState, "never_set"); got.HasState {
		t.Errorf("never_set = %+v", got)
	}

	w, r := newWriter(t, s), version("1.0")
	record(t, w, add(statistic(r, "quests_complete"), 2), recording.Change{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 3)})
	// The state is told once a version has taken it over, from there on.
	recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: state(r, "server"), State: "O'Hara; --"}}, MaySend: true})
	parts := submit(t, s)
	if len(parts) != 1 {
		t.Fatalf("%d parts", len(parts))
	}
	got := points(parts[0])
	if got["quests_complete{}"] != series.Int64Value(2) || got["play_time{}"].Histogram().Count != 1 ||
		got[`server.occupancy{"state":"O'Hara; --"}`] != series.Int64Value(1) {
		t.Errorf("sent %v", got)
	}
	checkBalance(t, s, "quests_complete{}", wants{recorded: 45, accepted: 45})
}

// TestTheOriginalsAreKept byte for byte, and are imported once, however often
// and by how many processes the path is opened.
func TestTheOriginalsAreKept(t *testing.T) {
	path := referenceFiles(t)
	c := afterSample()
	var group sync.WaitGroup
	stores := make([]*Store, 6)
	for i := range stores {
		group.Go(func() { stores[i] = open(t, path, c) })
	}
	group.Wait()
	for _, s := range stores {
		if s.Path() != strings.TrimSuffix(path, ".db")+".mirror.db" {
			t.Errorf("the mirror lies at %s", s.Path())
		}
		checkBalance(t, s, "quests_complete{}", wants{recorded: 43, accepted: 43})
		closeStore(t, s)
	}
	for name, at := range map[string]string{"usage.db": path, "usage.part.db": python.FilesOf(path).Part} {
		if content, err := os.ReadFile(at); err != nil || !bytes.Equal(content, recordedFile(t, name)) {
			t.Errorf("%s was changed: %v", at, err)
		}
	}
	// Later the person tidies up. The mirror stays where it is.
	for _, at := range []string{path, python.FilesOf(path).Part} {
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, path, c)
	checkBalance(t, s, "quests_complete{}", wants{recorded: 43, accepted: 43})
	if r := open(t, path, c, ReadOnly()); r.Path() != s.Path() {
		t.Errorf("for reading the mirror lies at %s", r.Path())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "usage_stats.mirror.db") {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func TestWhatIsImportedAndFromWhere(t *testing.T) {
	for name, tt := range map[string]struct {
		mirror string // of the configured path
		opts   func(path string) []Option
		id     string
	}{
		"another extension": {mirror: "usage_stats.sqlite", id: "USER653159"},
		"no extension":      {mirror: "usage_stats", id: "USER653159"},
		"named": {mirror: "elsewhere.db", id: "USER653159", opts: func(path string) []Option {
			return []Option{ImportFrom(strings.TrimSuffix(path, ".db") + ".sqlite3")}
		}},
		"with an id of the application's": {mirror: "usage_stats", id: "seat 7", opts: func(string) []Option {
			return []Option{WithInstallationID("seat 7")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path := referenceFiles(t)
			var opts []Option
			if tt.opts != nil {
				opts = tt.opts(path)
			}
			mirror := filepath.Join(filepath.Dir(path), tt.mirror)
			s := open(t, mirror, afterSample(), opts...)
			if s.Path() != mirror || s.InstallationID() != tt.id {
				t.Errorf("mirror at %s of %s", s.Path(), s.InstallationID())
			}
			checkBalance(t, s, "quests_complete{}", wants{recorded: 43, accepted: 43})
		})
	}
}

// TestOneFileOfTheReference: the part has the running totals too, and without a
// submit interval there is no part.
func TestOneFileOfTheReference(t *testing.T) {
	for name, want := range map[string]int64{"usage.part.db": 26, "usage.db": 43} { // without the file that is named
		path := referenceFiles(t)
		gone := map[string]string{"usage.db": path, "usage.part.db": python.FilesOf(path).Part}[name]
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
		if name == "usage.db" { // whose list of trackables is in the part then
			db := openOriginal(t, python.FilesOf(path).Part)
			mustExec(t, db, `INSERT INTO __tableinfo__ VALUES ('quests_complete', 'Statistic', '')`)
		}
		s := open(t, path, afterSample())
		checkBalance(t, s, "quests_complete{}", wants{recorded: want, accepted: want})
	}
}

// openOriginal opens a file of the Python library as that program does.
func openOriginal(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func mustExec(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// TestDamagedOriginals: what cannot be read is reported and never taken for a
// damaged mirror; counting goes on; lifetime totals wait for it to be mended,
// and are complete from then on.
func TestDamagedOriginals(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of damaged databases")
	}
	for name, spoil := range map[string]func(t *testing.T, path string){
		"cut in half": func(t *testing.T, path string) {
			content := recordedFile(t, "usage.db")
			write(t, path, content[:len(content)/2])
		},
		"pages": func(t *testing.T, path string) {
			content := recordedFile(t, "usage.db")
			for at := 4096 + 100; at < len(content); at += 4096 {
				copy(content[at-100:], bytes.Repeat([]byte{0xa5}, 64))
			}
			write(t, path, content)
		},
		"header": func(t *testing.T, path string) {
			write(t, path, append([]byte("no database"), recordedFile(t, "usage.db")...))
		},
		"a column": func(t *testing.T, path string) {
			mustExec(t, openOriginal(t, path), `ALTER TABLE gold RENAME COLUMN "Count" TO "Sum"`)
		},
		"cut to half a page": func(t *testing.T, path string) {
			write(t, python.FilesOf(path).Part, recordedFile(t, "usage.part.db")[:2048])
		},
		"zeroed": func(t *testing.T, path string) { write(t, path, make([]byte, 40960)) },
		"locked": func(t *testing.T, path string) {
			mustExec(t, openOriginal(t, path), `BEGIN EXCLUSIVE`)
			mustExec(t, openOriginal(t, python.FilesOf(path).Part), `BEGIN EXCLUSIVE`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := referenceFiles(t)
			spoil(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var told reports
			s := open(t, path, afterSample(), WithErrorHandler(told.handle), WithBusyTimeout(10*time.Millisecond))
			if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrOriginal) || !strings.Contains(told.errs[0].Error(), path) {
				t.Errorf("told %v", told.errs)
			}
			w := newWriter(t, s)
			record(t, w, add(statistic(version("1.0"), "quests_complete"), 2))
			if _, err := s.Outbox().Begin(t.Context(), request(outbox.Cumulative)); !errors.Is(err, ErrOriginal) {
				t.Errorf("Begin = %v", err)
			}
			if parts := submit(t, s); len(parts) != 1 || points(parts[0])["quests_complete{}"] != series.Int64Value(2) {
				t.Errorf("sent %v", parts)
			}
			if name == "locked" {
				return // the end of the test unlocks it
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the original was changed: %v", err)
			}
			for name, at := range map[string]string{"usage.db": path, "usage.part.db": python.FilesOf(path).Part} {
				write(t, at, recordedFile(t, name))
			}
			if begin(t, s, request(outbox.Cumulative)) == nil {
				t.Error("lifetime totals are not due")
			}
			checkBalance(t, s, "quests_complete{}", wants{recorded: 45, accepted: 45})
		})
	}
}

// TestOddRowsAreLeftOut: a cell that does not read costs that row alone.
func TestOddRowsAreLeftOut(t *testing.T) {
	path := referenceFiles(t)
	db := openOriginal(t, path)
	for _, query := range []string{
		`INSERT INTO __tableinfo__ VALUES ('odd', 'Statistic', ''), ('no table', 'Timer', 'spaced'), ('1st', 'Statistic', ''),
			('strange', 'Histogram', ''), ('Straße', 'State', ''), (NULL, NULL, NULL), ('quote"d', 'Statistic', ''), ('empty', 'State', NULL)`,
		`CREATE TABLE odd (UUID, Count, Time)`,
		`INSERT INTO odd VALUES (7, 1, '01/02/2026 10:00:00'), (7, '2', 'yesterday'), (7, NULL, NULL), (7, 'many', ''), (7, 9e999, ''), (7, 3.0, '31/12/2199 00:00:00')`,
		`CREATE TABLE "1st" (UUID, Count, Time)`,
	} {
		mustExec(t, db, query)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var told reports
	s := open(t, path, afterSample(), WithErrorHandler(told.handle))
	values := csvColumn(t, s, 2)
	if values["odd"] != "3" || values["no_table"] != "0" || values["empty"] != "No Initial State" || values["quests_complete"] != "43" {
		t.Errorf("values %v", values)
	}
	if values["n_1st"] != "0" || values["Stra_e"] != "No Initial State" || values["quote_d"] != "0" { // as a declaration's error suggests
		t.Errorf("values %v", values)
	}
	expect(t, s, "3", `SELECT exports FROM series_totals WHERE name = 'odd'`)
	if len(told.errs) != 5 { // three rows; two trackables
		t.Errorf("told %d: %v", len(told.errs), errors.Join(told.errs...))
	}
}

func TestAnEraseOutlivesTheOriginals(t *testing.T) {
	path, c := referenceFiles(t), afterSample()
	s := open(t, path, c)
	erase(t, s)
	closeStore(t, s)
	s = open(t, path, c, WithErrorHandler(func(error) {}))
	if values := csvColumn(t, s, 2); len(values) > 1 {
		t.Errorf("imported again: %v", values)
	}
	damage(t, s)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	if values := csvColumn(t, s, 2); values["gold"] != "" {
		t.Errorf("imported again after damage: %v", values)
	}
}

// TestAMirrorThatIsLostImportsAgain: the years before are better than nothing.
func TestAMirrorThatIsLostImportsAgain(t *testing.T) {
	s := open(t, referenceFiles(t), afterSample(), WithErrorHandler(func(error) {}))
	w := newWriter(t, s)
	damage(t, s)
	record(t, w, add(statistic(version("1"), "quests_complete"), 1))
	checkBalance(t, s, "quests_complete{}", wants{recorded: 44, accepted: 43, pending: 1})
}

func TestSomebodyElsesDatabaseIsNoReference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage_stats.db")
	mustExec(t, openOriginal(t, path), `CREATE TABLE notes (text)`)
	if _, err := Open(path); !errors.Is(err, ErrNotMirror) {
		t.Errorf("Open = %v", err)
	}
}

// TestLongOriginalsAreBounded: the latest rows stand for the rest.
func TestLongOriginalsAreBounded(t *testing.T) {
	path := referenceFiles(t)
	mustExec(t, openOriginal(t, python.FilesOf(path).Part), `INSERT INTO monsters_killed
		WITH RECURSIVE n(i) AS (SELECT 21 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT 'u', i, '24/11/2026 10:00:00' FROM n`)
	s := open(t, path, afterSample())
	checkBalance(t, s, "monsters_killed{}", wants{recorded: 100_000, accepted: 100_000})
	expect(t, s, "1000", `SELECT count(*) FROM history h JOIN series s ON s.id = h.series_id JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'monsters_killed'`)
}

// TestMergedTotalsOfAnImport: version and import are one life.
func TestMergedTotalsOfAnImport(t *testing.T) {
	s := open(t, referenceFiles(t), afterSample())
	w, r := newWriter(t, s), version("1.0")
	record(t, w, add(statistic(r, "quests_complete"), 2), recording.Change{Series: floatStatistic(r, "gold"), Delta: series.Float64Value(0.25)})
	request := request(outbox.Cumulative)
	request.Merge, request.Resource = true, r.Attributes
	got := points(attemptWith(t, s, request, always(accepted))[0])
	want := map[string]series.Value{"quests_complete{}": series.Int64Value(45), "gold{}": series.Float64Value(57), "untouched{}": series.Value{},
		`server{"state":"O'Hara; --"}`: series.Int64Value(1), "never_set{}": series.Int64Value(0), "otelusage.submissions{}": series.Int64Value(2)}
	for name, v := range want {
		if v != (series.Value{}) && !got[name].Equal(v) || !got[name].IsZero() && v == (series.Value{}) {
			t.Errorf("%s = %v, want %v", name, got[name], v)
		}
	}
	if names := slices.Sorted(maps.Keys(got)); len(names) != 10 {
		t.Errorf("sent %v", names)
	}
}

func FuzzOpenDamagedReference(f *testing.F) {
	f.Add(0, 100, byte(0xff), true)
	f.Add(4096, 64, byte(0), false)
	f.Add(20_000, 9000, byte(0xa5), true)
	f.Fuzz(func(t *testing.T, at, length int, with byte, master bool) {
		path := referenceFiles(t)
		file := python.FilesOf(path).Part
		if master {
			file = path
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		at = min(max(at, 0), len(content))
		copy(content[at:], bytes.Repeat([]byte{with}, min(max(length, 0), len(content)-at)))
		write(t, file, content)
		s, err := Open(path, WithClock(afterSample().now), WithErrorHandler(func(error) {}))
		if err != nil {
			t.Fatal(err)
		}
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		balanced(t, s)
		closeStore(t, s)
		if after, err := os.ReadFile(file); err != nil || !bytes.Equal(content, after) {
			t.Errorf("the original was changed: %v", err)
		}
	})
}

// submissionsTable is where the Python library counts its submissions.
const submissionsTable = "__submissions__"

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
