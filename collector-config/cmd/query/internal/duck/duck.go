// Package duck opens DuckDB with the views of the archive.
package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

// Settings limit what DuckDB uses. Zero values are DuckDB's own.
type Settings struct {
	Memory  string // such as 2GB; what does not fit is written to Spill
	Threads uint
	Spill   string // a directory, made when it is necessary
}

// Open opens a database, in memory if file is empty. It has one connection,
// because variables belong to a connection.
func Open(ctx context.Context, file string, s Settings) (*sql.DB, error) {
	db, err := sql.Open("duckdb", file)
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	db.SetMaxOpenConns(1)
	var set []string
	if s.Memory != "" {
		set = append(set, "SET memory_limit = "+Quote(s.Memory))
	}
	if s.Threads > 0 {
		set = append(set, fmt.Sprint("SET threads = ", s.Threads))
	}
	if s.Spill != "" {
		set = append(set, "SET temp_directory = "+Quote(s.Spill))
	}
	for _, statement := range set {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("set up DuckDB: %w", err), db.Close())
		}
	}
	return db, nil
}

// Quote returns text as SQL.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// List returns texts as SQL.
func List(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]::VARCHAR[]"
}

// Views runs the statements that create the views, from a file. With read they read the
// JSON, too.
func Views(ctx context.Context, db *sql.DB, archive, views string, read bool) error {
	text, err := os.ReadFile(views)
	if err != nil {
		return fmt.Errorf("read views: %w", err)
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("SET VARIABLE archive = %s; SET VARIABLE read = %v", Quote(archive), read)); err != nil {
		return fmt.Errorf("set variables: %w", err)
	}
	if _, err := db.ExecContext(ctx, string(text)); err != nil {
		return fmt.Errorf("create views: %w", err)
	}
	return nil
}
