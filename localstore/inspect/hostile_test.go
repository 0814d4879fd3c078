package inspect

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// looking are commands that differ in what they read: for each column those that
// read most, and in turn two others.
func looking(turn int) []string {
	others := []string{"show", "show server", "history server", "preview --as otlp", "preview --as hq", "submissions quests_complete", "submissions", "id"}
	return []string{"doctor", "export json", others[2*turn%len(others)], others[(2*turn+1)%len(others)]}
}

// column is one of a table's.
type column struct{ table, name string }

// contents lists the columns that hold a text, or anything.
func contents(t *testing.T, db *sql.DB) (list []column) {
	t.Helper()
	rows, err := db.Query(`SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c
		WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%' AND c.type <> 'INTEGER'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.table, &c.name); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// spoiled is a copy of a mirror with a value in one row of a column. No
// constraint keeps it out.
func spoiled(t *testing.T, path string, c column, value string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := filepath.Join(t.TempDir(), "usage.db")
	if err := os.WriteFile(spoilt, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", spoilt)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err = db.Exec(`UPDATE OR IGNORE ` + c.table + ` SET ` + c.name + ` = ` + value + ` WHERE ` + c.name + ` =
		(SELECT max(` + c.name + `) FROM ` + c.table + `)`); err != nil {
		t.Fatal(err)
	}
	return spoilt
}

// lax is a mirror whose columns take anything, without a journal.
func lax(t *testing.T) (path string, columns []column) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "lax.db")
	db, err := sql.Open("sqlite", finished(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`PRAGMA writable_schema = 1;
		UPDATE sqlite_schema SET sql = replace(replace(replace(sql, ') STRICT, WITHOUT ROWID', ') WITHOUT ROWID'), ') STRICT', ')'), 'NOT NULL', '')
			WHERE type = 'table' AND name NOT LIKE 'sqlite_%';
		PRAGMA writable_schema = RESET; VACUUM INTO '` + path + `'`)
	if err != nil {
		t.Fatal(err)
	}
	return path, contents(t, db)
}

// onTerminal runs a command as on a terminal and returns what that shows.
func onTerminal(ctx context.Context, path, args string) string {
	var out bytes.Buffer
	s := newSession(Options{File: path, Stdout: &out, Stderr: &out, Stdin: strings.NewReader(""), Getenv: func(string) string { return "" }}.withDefaults())
	s.terminal = true
	err := s.command().Run(ctx, append([]string{"usagemirror"}, strings.Fields(args)...))
	_ = s.out.Flush()
	s.exit(err)
	return out.String()
}

// TestATextOfAnyLength is cut while it is read, whichever column it is in.
func TestATextOfAnyLength(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads megabytes")
	}
	path, columns := lax(t)
	for turn, c := range columns {
		long := spoiled(t, path, c, `replace(hex(zeroblob(600000)), '0', 'x')`)
		for _, args := range looking(turn) {
			if shown := onTerminal(t.Context(), long, args); len(shown) > 300_000 {
				t.Errorf("%s with a long %s.%s: %d bytes", args, c.table, c.name, len(shown))
			}
		}
	}
}

// TestContentOfAnyKind neither breaks a command nor reaches a terminal raw.
func TestContentOfAnyKind(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every command on dozens of mirrors")
	}
	path, columns := lax(t)
	for turn, c := range columns {
		for _, value := range []string{`'a' || char(0, 27) || '[31m' || char(155, 8238) || CAST(x'c328' AS TEXT)`, `x'00ff1b5d'`, `NULL`} {
			odd := spoiled(t, path, c, value)
			for _, args := range looking(turn) {
				shown := onTerminal(t.Context(), odd, args)
				if i := strings.IndexFunc(shown, func(r rune) bool { return hostile(r) && r != '\n' && r != '\r' && r != '\t' }); i >= 0 {
					t.Errorf("%s with %s in %s.%s: %q", args, value, c.table, c.name, shown[max(i-20, 0):min(i+20, len(shown))])
				}
			}
		}
	}
}
