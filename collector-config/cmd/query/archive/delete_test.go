package main

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
)

// answersOf asks a database all questions.
func answersOf(t *testing.T, db *sql.DB, k uint) string {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), fmt.Sprint("SET VARIABLE k = ", k)); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	texts := questions(t)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintln(&all, name)
		for _, row := range ask(t, db, texts[name]) {
			fmt.Fprintln(&all, row)
		}
	}
	return all.String()
}

func ask(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	list, err := rowsOf(t.Context(), db, func(rows *sql.Rows) (string, error) {
		header, err := rows.Columns()
		if err != nil {
			return "", err
		}
		cells, into := make([]any, len(header)), make([]any, len(header))
		for i := range cells {
			into[i] = &cells[i]
		}
		err = rows.Scan(into...)
		return strings.TrimSuffix(fmt.Sprintln(cells...), "\n"), err
	}, query)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// streams are what an archive has of an installation, by the view points.
func streams(t *testing.T, archive, condition string) int {
	t.Helper()
	db, err := duck.Open(t.Context(), "", duck.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := duck.Views(t.Context(), db, archive, views, true); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM points WHERE "+condition).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// states are the forms that an archive can have: JSON, both, Parquet.
func states(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"JSON": write(t), "both": write(t), "compressed and Parquet": write(t), "Parquet": write(t)}
	for name, json := range map[string]string{"both": keepJSON, "compressed and Parquet": zstdJSON, "Parquet": removeJSON} {
		s := settingsOf(all[name])
		s.json = json
		keep(t, s)
	}
	return all
}

// What one installation sent is deleted from everything, and nothing else.
func TestAnInstallationIsDeleted(t *testing.T) {
	for name, archive := range states(t) {
		others := streams(t, archive, "installation <> 'id-2'")
		if streams(t, archive, "installation = 'id-2'") == 0 {
			t.Fatal("the installation is not in the archive")
		}
		keptAnswers(t, archive, 1)
		s := settingsOf(archive)
		s.delete = []string{"id-2"}
		if said := keep(t, s); !strings.Contains(said, "usage.jsonl: ") {
			t.Errorf("%s: nothing is said of the live file: %s", name, said)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(archive), "usage.duckdb")); err == nil {
			t.Errorf("%s: the database of the queries is left", name)
		}
		s.stopped = true
		keep(t, s)
		if n := streams(t, archive, "installation = 'id-2'"); n != 0 {
			t.Errorf("%s: %d points are left", name, n)
		}
		if text := everything(t, archive); strings.Contains(text, "id-2") {
			t.Errorf("%s: it is left in JSON", name)
		}
		if n := streams(t, archive, "installation <> 'id-2'"); n != others && name != "JSON" {
			t.Errorf("%s: %d points of others, want %d", name, n, others)
		}
		if err := os.RemoveAll(filepath.Join(filepath.Dir(archive), "parquet")); err != nil {
			t.Fatal(err)
		}
		if n := streams(t, archive, "installation = 'id-2'"); n != 0 {
			t.Errorf("%s: %d points are left without the Parquet", name, n)
		}
	}
}

// What erased streams sent is deleted, their requests for it stay.
func TestErasedStreamsAreDeleted(t *testing.T) {
	for name, archive := range states(t) {
		want := answers(t, archive, 1)
		s := settingsOf(archive)
		s.erased, s.stopped = true, true
		for range 2 {
			keep(t, s)
			if got := answers(t, archive, 1); got != want {
				t.Errorf("%s: the answers are\n%s\nwant\n%s", name, got, want)
			}
			if n := streams(t, archive, "mirror = 'stream-5'"); n != 1 {
				t.Errorf("%s: %d points are left", name, n)
			}
		}
		if text := everything(t, archive); strings.Count(text, "stream-5") != 1 {
			t.Errorf("%s: it is left in JSON %d times", name, strings.Count(text, "stream-5"))
		}
	}
}

// Days are deleted from everything, and later ones are not.
func TestDaysAreDeleted(t *testing.T) {
	const before = "received < 1795219200000000000" // 2026-11-21
	for name, archive := range states(t) {
		old, later := streams(t, archive, before), streams(t, archive, "NOT "+before)
		s := settingsOf(archive)
		s.days, s.stopped, s.json = 4, true, keepJSON
		keep(t, s)
		keptAnswers(t, archive, 1)
		if said := keep(t, s); strings.Contains(said, "deleted") || !slices.Contains(names(t, filepath.Dir(archive)), "usage.duckdb") {
			t.Errorf("%s: again with nothing to delete: %s", name, said)
		}
		if n := streams(t, archive, before); old == 0 || n != 0 {
			t.Errorf("%s: %d points of %d are left", name, n, old)
		}
		if n := streams(t, archive, "NOT "+before); later == 0 || name != "JSON" && n != later {
			t.Errorf("%s: %d later points are left of %d", name, n, later)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(archive), "parquet", "file="+first)); err == nil {
			t.Errorf("%s: a directory is left", name)
		}
		if err := os.RemoveAll(filepath.Join(filepath.Dir(archive), "parquet")); err != nil {
			t.Fatal(err)
		}
		if n := streams(t, archive, before); n != 0 {
			t.Errorf("%s: %d points are left without the Parquet", name, n)
		}
	}
}

func TestSettingsThatLoseDataAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		s   settings
		ids string
	}{
		"an empty id":             {settings{json: keepJSON}, "id-1,"},
		"nothing left":            {settings{json: removeJSON}, ""},
		"no such form":            {settings{json: "bzip2"}, ""},
		"only an empty id":        {settings{json: keepJSON}, " "},
		"an empty id before more": {settings{json: keepJSON}, ",id-1"},
	} {
		if err := c.s.check(c.ids); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// JSON that an aggregator needs is there until it has a checkpoint.
func TestJSONWaitsForItsCheckpoint(t *testing.T) {
	for _, json := range []string{removeJSON, zstdJSON} {
		archive := write(t)
		dir := filepath.Dir(archive)
		s := settingsOf(archive)
		s.json, s.checkpoints = json, filepath.Join(dir, "checkpoints")
		if err := os.Mkdir(s.checkpoints, 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(s.checkpoints, second+".jsonl"), "")
		keep(t, s)
		if found := names(t, dir); !slices.Contains(found, first+".jsonl") || slices.Contains(found, second+".jsonl") {
			t.Errorf("%s: there are %v", json, found)
		}
		put(t, filepath.Join(s.checkpoints, first+".jsonl"), "")
		keep(t, s)
		if found := names(t, dir); slices.Contains(found, first+".jsonl") {
			t.Errorf("%s: there are %v", json, found)
		}
	}
}
