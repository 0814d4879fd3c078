package localstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/importer"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// left is what upload.json says of a database that the Python library left.
type left struct {
	User     string
	Declared [][]string
	Data     map[string]any
}

// leftBehind returns the path that an application is configured with where the
// reference left one of the databases that testdata/takeover/make.py makes.
func leftBehind(t testing.TB, name string) (path string, want left) {
	t.Helper()
	dir := filepath.Join("testdata", "takeover", name)
	path = filepath.Join(t.TempDir(), "usage.db")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() != "upload.json" {
			write(t, filepath.Join(filepath.Dir(path), e.Name()), content)
		} else if err := json.Unmarshal(content, &want); err != nil {
			t.Fatal(err)
		}
	}
	return path, want
}

// originals describes all files in a directory that are not the mirror's: their
// content and when they were written.
func originals(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "usage.mirror.db") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %v %x\n", e.Name(), info.ModTime(), content)
	}
	return b.String()
}

// temporary gives the test a directory for temporary files of its own.
func temporary(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	return dir
}

// declareAll declares what the application would.
func declareAll(t testing.TB, s *Store, declared [][]string) {
	t.Helper()
	for _, d := range declared {
		kind, _ := otelusage.ParseKind(d[0])
		if _, err := s.Declare(otelusage.Declaration{Name: d[1], Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
}

// uploaded returns the data of the next upload, by name.
func uploaded(t testing.TB, s *Store) map[string]any {
	t.Helper()
	r := request(outbox.Cumulative)
	r.Merge, r.Resource = true, version("1.0.0").Attributes
	data := make(map[string]any)
	for key, v := range points(attemptWith(t, s, r, always(accepted))[0]) {
		var attributes struct{ State string }
		name, text, _ := strings.Cut(key, "{")
		if err := json.Unmarshal([]byte("{"+text), &attributes); err != nil {
			t.Fatal(err)
		}
		if name == batch.SubmissionsName {
			name = submissionsTable
		}
		if data[name] = v.Float64(); attributes.State != "" {
			data[name] = attributes.State
		}
	}
	return data
}

func sameData(t testing.TB, got, want map[string]any) {
	t.Helper()
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s = %v, want %v", name, got[name], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("uploaded %v, want %v", got, want)
	}
}

// declaredOnce checks that what is declared is of that kind and of no other.
func declaredOnce(t testing.TB, s *Store, declared [][]string) {
	t.Helper()
	for _, d := range declared {
		expect(t, s, d[0], `SELECT group_concat(kind) FROM trackables WHERE name = ?1`, d[1])
	}
}

// TestTakeover: whatever a program that used the Python library left, also one that
// was killed, the next upload is the one that the Python library would have made; and
// what it left stays as it is.
func TestTakeover(t *testing.T) {
	for name, problems := range map[string]int{
		"hot-part": 0, "hot-master": 0, "first-run": 0, "unlisted": 0, "identifiers": 0, "names": 1,
	} {
		t.Run(name, func(t *testing.T) {
			path, want := leftBehind(t, name)
			temp, before := temporary(t), originals(t, filepath.Dir(path))
			var told reports
			s := open(t, path, afterSample(), WithErrorHandler(told.handle))
			declareAll(t, s, want.Declared)
			sameData(t, uploaded(t, s), want.Data)
			declaredOnce(t, s, want.Declared)
			if s.InstallationID() != want.User {
				t.Errorf("installation id = %q, want %q", s.InstallationID(), want.User)
			}
			if len(told.errs) != problems {
				t.Errorf("told %v", errors.Join(told.errs...))
			}
			closeStore(t, s)
			if after := originals(t, filepath.Dir(path)); after != before {
				t.Errorf("was\n%s\nis\n%s", before, after)
			}
			if names, err := os.ReadDir(temp); err != nil || len(names) > 0 {
				t.Errorf("left %v in %s: %v", names, temp, err)
			}
		})
	}
}

// TestIdentifiersThatLookLikeNumbers were changed when they were stored.
func TestIdentifiersThatLookLikeNumbers(t *testing.T) {
	for name, stored := range map[string]string{
		"number-zeros": "12345", "number-version": "1.1", "number-long": "1.2345678901234567e+19",
	} {
		t.Run(name, func(t *testing.T) {
			path, want := leftBehind(t, name)
			var told reports
			s := open(t, path, afterSample(), WithErrorHandler(told.handle))
			if s.InstallationID() != stored {
				t.Errorf("installation id = %q, want %q", s.InstallationID(), stored)
			}
			if len(told.errs) != 1 || !strings.Contains(told.errs[0].Error(), "InstallationID") || !strings.Contains(told.errs[0].Error(), stored) {
				t.Errorf("told %v", told.errs)
			}
			closeStore(t, s)
			path, _ = leftBehind(t, name)
			s = open(t, path, afterSample(), WithInstallationID(want.User))
			if s.InstallationID() != want.User {
				t.Errorf("installation id = %q, want %q", s.InstallationID(), want.User)
			}
		})
	}
}

// TestTheNewestRowNamesTheInstallation, whatever the clock said.
func TestTheNewestRowNamesTheInstallation(t *testing.T) {
	longest := strings.Repeat("ü", 255)
	for name, tt := range map[string]struct {
		queries []string
		want    string
	}{
		"in another table":   {[]string{`INSERT INTO gold VALUES ('b', 1, '25/11/2026 10:00:00')`}, "b"},
		"in the same second": {[]string{`INSERT INTO gold VALUES ('b', 1, '25/11/2026 10:00:00'), ('c', 1, '25/11/2026 10:00:00')`}, "c"},
		"in both tables": {[]string{`INSERT INTO gold VALUES ('b', 1, '25/11/2026 10:00:00')`,
			`INSERT INTO monsters_killed VALUES ('c', 1, '25/11/2026 10:00:00')`, `INSERT INTO gold VALUES ('c', 1, '25/11/2026 10:00:00')`}, "c"},
		"an hour was set back": {[]string{`INSERT INTO gold VALUES ('b', 1, '25/11/2026 10:00:00'), ('c', 1, '25/11/2026 09:00:00')`}, "c"},
		"not ASCII":            {[]string{`INSERT INTO gold VALUES ('` + longest + `', 1, '25/11/2026 10:00:00')`}, longest},
	} {
		t.Run(name, func(t *testing.T) {
			path := referenceFiles(t)
			db := openOriginal(t, python.FilesOf(path).Part)
			for _, query := range tt.queries {
				mustExec(t, db, query)
			}
			if s := open(t, path, afterSample()); s.InstallationID() != tt.want {
				t.Errorf("installation id = %q, want %q", s.InstallationID(), tt.want)
			}
		})
	}
}

// TestKindsFollowTheDeclaration: the Python library's tables do not say what they
// count. Until the application says it, they are Statistics; what it says later
// than that, or before the original could be read, decides.
func TestKindsFollowTheDeclaration(t *testing.T) {
	path, want := leftBehind(t, "unlisted")
	c := afterSample()
	s := open(t, path, c)
	expect(t, s, "19.75", `SELECT value FROM statistics WHERE name = 'play_time'`)
	life, err := s.Declare(otelusage.Declaration{Name: "play_time", Kind: otelusage.KindTimer})
	if err != nil || len(life.Series) != 1 || life.Series[0].Float != 19.75 || life.Series[0].Count != 2 {
		t.Errorf("lifetime = %+v, %v", life, err)
	}
	declareAll(t, s, want.Declared)
	w, r := newWriter(t, s), version("1.0")
	record(t, w, recording.Change{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 3)}, add(statistic(r, "monsters"), 1))
	expect(t, s, "3 22.75", `SELECT runs || ' ' || total_seconds FROM timers WHERE name = 'play_time'`)
	expect(t, s, "1", `SELECT completions FROM sequences WHERE name = 'round_trip'`)
	expect(t, s, "monsters", `SELECT group_concat(name) FROM statistics`)
	expect(t, s, "1 12.5, 2 19.75", `SELECT group_concat(h.count || ' ' || h.value, ', ') FROM history h
		JOIN totals o ON o.series_id = h.series_id AND o.imported IS NOT NULL JOIN series s ON s.id = o.series_id
		JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'play_time'`)
	closeStore(t, s)

	// What was counted as one kind stays one.
	s = open(t, path, c)
	if life, err := s.Declare(otelusage.Declaration{Name: "monsters", Kind: otelusage.KindTimer}); err != nil || life.Series != nil {
		t.Errorf("lifetime = %+v, %v", life, err)
	}
	record(t, newWriter(t, s), add(statistic(r, "monsters"), 1))
	expect(t, s, "8", `SELECT value FROM statistics WHERE name = 'monsters'`)
}

// TestALateImportFollowsTheDeclaration.
func TestALateImportFollowsTheDeclaration(t *testing.T) {
	path, want := leftBehind(t, "unlisted")
	lock := openOriginal(t, python.FilesOf(path).Part)
	mustExec(t, lock, `BEGIN EXCLUSIVE`)
	var told reports
	c := afterSample()
	s := open(t, path, c, WithErrorHandler(told.handle), WithBusyTimeout(10*time.Millisecond))
	declareAll(t, s, want.Declared)
	w, r := newWriter(t, s), version("1.0")
	record(t, w, recording.Change{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 3)})
	expect(t, s, "1", `SELECT runs FROM timers WHERE name = 'play_time'`)
	mustExec(t, lock, `ROLLBACK`)
	record(t, w, recording.Change{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 3)})
	expect(t, s, "2", `SELECT runs FROM timers WHERE name = 'play_time'`) // it is not tried each time
	c.add(importer.ImportInterval)
	record(t, w, recording.Change{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 3)})
	expect(t, s, "5 28.75", `SELECT runs || ' ' || total_seconds FROM timers WHERE name = 'play_time'`)
	if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrOriginal) {
		t.Errorf("told %v", told.errs)
	}
}

// TestPathsOfTheReference are those of Python's os.path.splitext.
func TestPathsOfTheReference(t *testing.T) {
	for path, master := range map[string]string{
		"usage": "usage.db", "usage.db": "usage.db", "usage.sqlite3": "usage.db", ".usage": ".usage.db", ".usage.db": ".usage.db",
		"..usage": "..usage.db", ".usage.d": ".usage.db", "usage.": "usage.db", "a.b.c": "a.b.db", "..": "...db", ".db": ".db.db",
	} {
		want := filepath.Join("a.b", master)
		if got := python.FilesOf("a.b" + string(filepath.Separator) + path); got.Master != want || got.Part != strings.TrimSuffix(want, ".db")+".part.db" {
			t.Errorf("%s: %+v, want %s", path, got, want)
		}
	}
	path, want := leftBehind(t, "first-run")
	dir := filepath.Dir(path)
	for from, to := range map[string]string{"usage.db": ".usage.db", "usage.part.db": ".usage.part.db"} {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, filepath.Join(dir, ".usage"), afterSample())
	declareAll(t, s, want.Declared)
	sameData(t, uploaded(t, s), want.Data)
}

// TestAPartThatWasNotEmptied holds what its master has taken over already.
func TestAPartThatWasNotEmptied(t *testing.T) {
	path := referenceFiles(t)
	db := openOriginal(t, path)
	mustExec(t, db, `ATTACH ?1 AS part`, python.FilesOf(path).Part)
	for _, table := range []string{"play_time", "server"} {
		mustExec(t, db, `INSERT INTO `+table+` SELECT * FROM part.`+table)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, afterSample())
	expect(t, s, "40", `SELECT runs FROM timers WHERE name = 'play_time'`)
	expect(t, s, "11", `SELECT changes FROM states WHERE name = 'server'`)
	expect(t, s, "20", `SELECT exports FROM series_totals WHERE name = 'monsters_killed'`)
}
