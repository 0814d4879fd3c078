package localstore

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
)

const (
	writerEnv = "LOCALSTORE_WRITER" // the directory in which a child writes as the Python library does
	killsEnv  = "OTELUSAGE_KILLS"   // how often, for more than each run of the tests has time for
)

// written are the tables of the program that is killed, and what it declares
// them as.
var written = [][]string{{"statistic", "monsters"}, {"state", "server"}, {"timer", "play_time"}, {"sequence", "round_trip"}}

// TestKilledWriters: wherever a program that writes as the Python library does is
// killed, all that it committed is taken over and nothing else, and its files
// stay as it left them.
func TestKilledWriters(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	if dir := os.Getenv(writerEnv); dir != "" {
		writeAsReference(t, dir)
		return
	}
	kills := 12
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = n
	}
	journals := 0
	for range kills {
		dir := t.TempDir()
		acknowledged := killedWriter(t, dir, rand.N(60*time.Millisecond))
		path := filepath.Join(dir, "usage.db")
		if hot(path) || hot(python.FilesOf(path).Part) {
			journals++
		}
		before := originals(t, dir)
		want := committed(t, path)
		for name, count := range acknowledged {
			if want.counts[name] < count {
				t.Fatalf("%s: SQLite recovers %v of it, %v were committed", name, want.counts[name], count)
			}
		}
		s := open(t, path, afterSample())
		declareAll(t, s, written)
		got := uploaded(t, s)
		declaredOnce(t, s, written)
		for _, d := range written {
			if v, ok := want.values[d[1]]; ok && got[d[1]] != v {
				t.Errorf("%s = %v, want %v", d[1], got[d[1]], v)
			}
		}
		if n := want.counts[submissionsTable] + 1; got[submissionsTable] != n {
			t.Errorf("submissions = %v, want %v", got[submissionsTable], n)
		}
		if len(want.values) > 0 && s.InstallationID() != "user-1" {
			t.Errorf("installation id = %q", s.InstallationID())
		}
		closeStore(t, s)
		// Before there is a part nothing tells an empty file from any other.
		if after := originals(t, dir); after != before && exists(python.FilesOf(path).Part) {
			t.Errorf("was\n%.2000s\nis\n%.2000s", before, after)
		}
	}
	t.Logf("%d kills, %d of them left a journal to be rolled back", kills, journals)
}

// hot reports whether a database has a journal that SQLite rolls back.
func hot(path string) bool {
	journal, err := os.ReadFile(path + place.JournalSuffix)
	return err == nil && len(journal) > 0 && journal[0] != 0
}

// killedWriter runs the writer for a while and returns what it said it had
// committed.
func killedWriter(t *testing.T, dir string, after time.Duration) map[string]float64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), writerEnv+"="+dir, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]float64)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if name == "begin" {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			continue
		}
		count, err := strconv.ParseFloat(text, 64)
		if err != nil {
			rest, _ := io.ReadAll(out)
			t.Fatalf("the writer said %q: %s", lines.Text(), rest)
		}
		counts[name] = count
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatalf("the writer was not killed: %v", err)
	}
	return counts
}

// lastRows is what SQLite finds in both files once it has recovered them.
type lastRows struct {
	values map[string]any
	counts map[string]float64
}

func committed(t *testing.T, path string) lastRows {
	t.Helper()
	originals := python.FilesOf(path)
	copies := originals.In(t.TempDir())
	if err := originals.CopyTo(copies); err != nil {
		t.Fatal(err)
	}
	found := lastRows{make(map[string]any), make(map[string]float64)}
	for _, file := range []string{copies.Master, copies.Part} {
		if !exists(file) {
			continue
		}
		db := openOriginal(t, file)
		for _, d := range append([][]string{{"statistic", submissionsTable}}, written...) {
			var count float64
			var state string
			columns := `Count, ''`
			if d[0] == "state" {
				columns = `Count, State`
			}
			err := db.QueryRowContext(t.Context(), `SELECT `+columns+` FROM `+d[1]+` ORDER BY rowid DESC LIMIT 1`).Scan(&count, &state)
			if err != nil {
				continue // no table, or no row
			}
			found.counts[d[1]], found.values[d[1]] = count, count
			if d[0] == "state" {
				found.values[d[1]] = state
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// writeAsReference makes the Python library's files and changes them until it is
// killed.
func writeAsReference(t *testing.T, dir string) {
	fmt.Println("begin")
	path := filepath.Join(dir, "usage.db")
	master, part := openOriginal(t, path), openOriginal(t, python.FilesOf(path).Part)
	for _, db := range []*sql.DB{master, part} {
		mustExec(t, db, `PRAGMA journal_mode = DELETE`)
	}
	mustExec(t, part, `CREATE TABLE __tableinfo__ (TableName TEXT, Type TEXT, Description TEXT)`)
	mustExec(t, part, `CREATE TABLE __submissions__ (UUID INTEGER, Count REAL, Time TEXT)`)
	mustExec(t, part, `INSERT INTO __tableinfo__ VALUES ('__submissions__', 'Statistic', '')`)
	counts := make(map[string]float64)
	change := func(kind, name string) {
		counts[name]++
		state := ""
		if kind == "state" {
			state = fmt.Sprintf(", 'state %v'", counts[name])
		}
		mustExec(t, part, `INSERT INTO `+name+` VALUES ('user-1', `+fmt.Sprint(counts[name])+state+`, '03/02/2026 10:00:00')`)
		fmt.Println(name, counts[name])
	}
	for n := 0; ; n++ {
		d := written[min(rand.N(len(written)), n/10)]
		if counts[d[1]] == 0 {
			columns := `(UUID INTEGER, Count REAL, Time TEXT)`
			if d[0] == "state" {
				columns = `(UUID INTEGER, Count REAL, State TEXT, Time TEXT)`
			}
			// Listed in a transaction that the next upload commits.
			if n > 15 {
				_, _ = master.ExecContext(t.Context(), `BEGIN`) // unless it has begun
				mustExec(t, master, `INSERT INTO __tableinfo__ VALUES (?1, ?2, '')`, d[1], d[0])
			}
			mustExec(t, part, `CREATE TABLE `+d[1]+columns)
		}
		change(d[0], d[1])
		if n%15 == 14 {
			change("statistic", submissionsTable)
			mergeAsReference(t, master, part)
		}
	}
}

// mergeAsReference moves the part's rows into the master, as after an upload.
func mergeAsReference(t *testing.T, master, part *sql.DB) {
	t.Helper()
	_, _ = master.ExecContext(t.Context(), `COMMIT`) // what was listed, if anything was
	rows, err := part.QueryContext(t.Context(), `SELECT name, sql FROM sqlite_schema WHERE type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	tables := make(map[string]string)
	for rows.Next() {
		var name, create string
		if err := rows.Scan(&name, &create); err != nil {
			t.Fatal(err)
		}
		tables[name] = create
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	mustExec(t, master, `BEGIN`)
	for name, create := range tables {
		_, _ = master.ExecContext(t.Context(), create) // it is there after the first time
		rows, err := part.QueryContext(t.Context(), `SELECT * FROM `+name)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			mustExec(t, master, `INSERT INTO `+name+` VALUES (?`+strings.Repeat(`, ?`, len(values)-1)+`)`, values...)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	mustExec(t, master, `COMMIT`)
	for name := range tables {
		mustExec(t, part, `DELETE FROM `+name)
	}
}
