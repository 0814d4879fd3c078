package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/jsonfile"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/kept"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/rotation"
)

const (
	first  = "usage-2026-11-20T10-00-00.000-size"
	second = "usage-2026-11-22T10-00-00.000-size"
)

// day is noon of a day of the month in which the archive was received.
func day(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }

func text(key, value string) string {
	return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, key, value)
}

// request is a line of the archive.
func request(application, installation, stream string, received time.Time, metrics ...string) string {
	resource := []string{text("service.name", application), text("service.version", "1.0.0"), text("service.instance.id", stream)}
	if installation != "" {
		resource = append(resource, text("app.installation.id", installation))
	}
	resource = append(resource, fmt.Sprintf(`{"key":"otelusage.received","value":{"intValue":"%d"}}`, received.UnixNano()))
	return fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[%s]},"scopeMetrics":[{"scope":{"name":"github.com/anonymoususage/anonymoususage-go/otelusage",`+
		`"version":"1.0.0","attributes":[%s]},"metrics":[%s]}]}]}`, strings.Join(resource, ","), text("otelusage.kind", "statistic"), strings.Join(metrics, ",")) + "\n"
}

// metric is a sum with one point, of the interval that ends at a time.
func metric(name string, end time.Time, n int, attributes ...string) string {
	attributes = append(attributes, fmt.Sprintf(`{"key":"otelusage.start","value":{"intValue":"1"}},{"key":"otelusage.end","value":{"intValue":"%d"}}`, end.UnixNano()))
	return fmt.Sprintf(`{"name":%q,"sum":{"dataPoints":[{"attributes":[%s],"startTimeUnixNano":"1","timeUnixNano":"2","asInt":"%d"}],"aggregationTemporality":1,"isMonotonic":true}}`,
		name, strings.Join(attributes, ","), n)
}

// submission is what an installation sends on a day, received at a time.
func submission(who, onDay int, received time.Time) string {
	at := day(onDay).Add(time.Duration(who) * time.Second)
	application := []string{"editor", "Editor", "an editor/with ' and ü", ""}[who%4]
	return request(application, fmt.Sprint("id-", who), fmt.Sprint("stream-", who), received,
		metric("saves", at, who+1, text("via", []string{"menu", "key"}[who%2])),
		metric("otelusage.active", at, 1, text("date", at.Format(time.DateOnly)), text("period", "day")))
}

// write writes an archive of two rotated files and the one that is written. Half of
// the requests arrive again in the next file, and one in four again in the same. Writes
// were cut, with the next request behind them and without.
func write(t *testing.T) (archive string) {
	t.Helper()
	dir := t.TempDir()
	var files [3]strings.Builder
	for i, d := range []int{18, 19, 20, 21, 23} {
		for who := range 8 {
			line := submission(who, d, day(d))
			f := &files[i/2]
			f.WriteString(line)
			if who%4 == 0 {
				f.WriteString(line)
			}
			if who%2 == 0 {
				files[min(i/2+1, 2)].WriteString(submission(who, d, day(d).Add(36*time.Hour)))
			}
			if who == 3 {
				f.WriteString(line[:len(line)/2])
			}
			if who == 6 {
				f.WriteString(line[:len(line)/3] + "\nno JSON\n\x00\xff\xfe\n{}\n[1,2]\n\n")
			}
		}
	}
	files[2].WriteString(request("editor", "id-5", "stream-5", day(24), metric(erased, day(24), 1)))
	files[2].WriteString(request("editor", "", "batch", day(24), metric("saves", day(23), 7)))
	for i, name := range []string{first, second, "usage"} {
		put(t, filepath.Join(dir, name+".jsonl"), files[i].String())
	}
	return filepath.Join(dir, "usage*.jsonl")
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const views = "../../../sql/duckdb.sql"

func settingsOf(archive string) settings {
	return settings{archive: archive, views: views, toParquet: true, json: keepJSON, memory: "512MB", threads: 1}
}

func keep(t *testing.T, s settings) string {
	t.Helper()
	var out bytes.Buffer
	k, err := open(t.Context(), &out, s)
	if err != nil {
		t.Fatal(err)
	}
	k.now = func() time.Time { return day(25) }
	if err := errors.Join(k.run(t.Context()), k.close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// answers are those to all questions, as one text.
func answers(t *testing.T, archive string, k uint) string {
	t.Helper()
	db, err := duck.Open(t.Context(), "", duck.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := duck.Views(t.Context(), db, archive, views, true); err != nil {
		t.Fatal(err)
	}
	return answersOf(t, db, k)
}

func questions(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../../sql/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); name != "duckdb.sql" && name != "clickhouse.sql" {
			texts[name] = string(text)
		}
	}
	if len(texts) < 9 {
		t.Fatalf("%d questions", len(texts))
	}
	return texts
}

// The same answers over JSON, compressed JSON, Parquet, a mix, and a database that is
// kept, whatever lines there are.
func TestEveryQuestionHasOneAnswer(t *testing.T) {
	archive := write(t)
	dir := filepath.Dir(archive)
	want := map[uint]string{1: answers(t, archive, 1), 3: answers(t, archive, 3)}
	for _, part := range []string{"applications.sql\n 1.0.0", "resends.sql\nan editor", "erased.sql\nstream-5 editor", "an editor/with ' and ü", "via=menu"} {
		if !strings.Contains(want[1], part) {
			t.Fatalf("%q is not in the answers\n%s", part, want[1])
		}
	}
	check := func(what string) {
		t.Helper()
		for k, want := range want {
			if got := answers(t, archive, k); got != want {
				t.Errorf("%s, k %d: the answers are\n%s\nwant\n%s", what, k, got, want)
			}
			if got := keptAnswers(t, archive, k); got != want {
				t.Errorf("%s, kept, k %d: the answers are\n%s\nwant\n%s", what, k, got, want)
			}
		}
	}
	check("JSON")
	s := settingsOf(archive)
	s.toParquet = false
	s.json = gzipJSON
	keep(t, s)
	check("gzip")
	if err := os.Rename(filepath.Join(dir, second+".jsonl.gz"), filepath.Join(dir, "later")); err != nil {
		t.Fatal(err)
	}
	keep(t, settingsOf(archive))
	if err := os.Rename(filepath.Join(dir, "later"), filepath.Join(dir, second+".jsonl.gz")); err != nil {
		t.Fatal(err)
	}
	check("one of each")
	s = settingsOf(archive)
	s.json = removeJSON
	keep(t, s)
	check("Parquet")
	if found := names(t, dir); !slices.Equal(found, []string{"parquet", "usage.duckdb", "usage.jsonl"}) {
		t.Errorf("left are %v", found)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// A file that grew, was renamed, changed or removed is seen.
func TestTheKeptDatabaseFollowsTheArchive(t *testing.T) {
	archive := write(t)
	live := filepath.Join(filepath.Dir(archive), "usage.jsonl")
	same := func(what string) {
		t.Helper()
		if got, want := keptAnswers(t, archive, 1), answers(t, archive, 1); got != want {
			t.Errorf("%s: the answers are\n%s\nwant\n%s", what, got, want)
		}
	}
	add := func(text string) {
		t.Helper()
		f, err := os.OpenFile(live, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	same("new")
	line := submission(1, 24, day(24))
	for i, part := range []string{line, line[:100], line[100:], line[:100], submission(2, 24, day(24)), strings.TrimSpace(submission(3, 24, day(24))), submission(4, 24, day(24))} {
		add(part)
		same(fmt.Sprint("added ", i))
	}
	if err := os.Rename(live, filepath.Join(filepath.Dir(archive), "usage-2026-11-25T10-00-00.000-size.jsonl")); err != nil {
		t.Fatal(err)
	}
	put(t, live, submission(5, 25, day(25)))
	same("renamed")
	changed := filepath.Join(filepath.Dir(archive), first+".jsonl")
	content, err := os.ReadFile(changed)
	if err != nil {
		t.Fatal(err)
	}
	put(t, changed, strings.Replace(string(content), `"menu"`, `"mice"`, 1))
	if err := os.Chtimes(changed, day(1), day(1)); err != nil {
		t.Fatal(err)
	}
	same("changed")
	if err := os.Remove(changed); err != nil {
		t.Fatal(err)
	}
	same("removed")
}

// Only files with the time of a rotation in the name are taken.
func TestTheLiveFileIsNotTaken(t *testing.T) {
	archive := write(t)
	dir := filepath.Dir(archive)
	for _, name := range []string{"usage-host.jsonl", "usage-2026-11-22.jsonl", "usage-2026-13-22T10-00-00.000.jsonl"} {
		put(t, filepath.Join(dir, name), submission(1, 24, day(24)))
	}
	before := names(t, dir)
	want, err := os.ReadFile(filepath.Join(dir, "usage.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	s := settingsOf(archive)
	s.json = zstdJSON
	keep(t, s)
	for _, name := range before {
		if !strings.HasPrefix(name, first) && !strings.HasPrefix(name, second) && !slices.Contains(names(t, dir), name) {
			t.Errorf("%s was taken", name)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "usage.jsonl")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the live file was changed: %v", err)
	}
	if got := names(t, filepath.Join(dir, "parquet")); !slices.Equal(got, []string{".work", "file=" + first, "file=" + second}) {
		t.Errorf("there is %v", got)
	}
	if got := names(t, filepath.Join(dir, "parquet", ".work")); !slices.Contains(got, "lock.duckdb") || slices.Contains(got, "stage.duckdb") {
		t.Errorf("left is %v", got)
	}
}

// Each application and day has a directory, a name that is no directory's has another.
func TestParquetIsByApplicationAndDay(t *testing.T) {
	archive := write(t)
	keep(t, settingsOf(archive))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(archive), "parquet", "file="+first, "*", "*", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, filepath.Base(filepath.Dir(filepath.Dir(f)))+" "+filepath.Base(filepath.Dir(f)))
	}
	var want []string
	for _, application := range []string{"Editor", otherApplications, "editor"} {
		for _, day := range []string{"2026-11-18", "2026-11-19"} {
			want = append(want, "application="+application+" day="+day)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the files are %v, want %v", got, want)
	}
}

// Parquet that is not what was read from the JSON does not count.
func TestParquetIsReadBack(t *testing.T) {
	archive := write(t)
	k, err := open(t.Context(), io.Discard, settingsOf(archive))
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if _, err := k.db.ExecContext(t.Context(), "ATTACH ':memory:' AS stage"); err != nil {
		t.Fatal(err)
	}
	files, _, err := rotation.Find(archive)
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.stage(t.Context(), files[0])
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(t.TempDir(), "written")
	if _, err := k.write(t.Context(), into); err != nil {
		t.Fatal(err)
	}
	if err := k.verify(t.Context(), into, c); err != nil {
		t.Fatal(err)
	}
	written, err := parquetFiles(into)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(written[0]); err != nil {
		t.Fatal(err)
	}
	if err := k.verify(t.Context(), into, c); !errors.Is(err, errDiffers) {
		t.Errorf("a part is missing: %v", err)
	}
}

func keptAnswers(t *testing.T, archive string, k uint) string {
	t.Helper()
	db, err := kept.Open(t.Context(), archive, views, duck.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return answersOf(t, db.DB, k)
}

// everything is the text of all JSON files of an archive.
func everything(t *testing.T, archive string) string {
	t.Helper()
	files, live, err := rotation.Find(archive)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		live = append(live, f.Path)
	}
	var all strings.Builder
	for _, path := range live {
		f, err := jsonfile.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
