// Command query queries the archive with DuckDB if the command duckdb is not installed:
//
//	go run -C collector-config/cmd/query . -archive '../../archive/usage*.jsonl' ../../sql/applications.sql
//
// It prints the rows of each file's query as CSV. A value that fewer than ten
// installations told is shown as "other"; -k sets another number. It is a separate module because
// it links DuckDB, which is large and needs a C++ compiler.
package main

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

func main() {
	archive := flag.String("archive", "../../archive/usage*.jsonl", "the archive's files")
	views := flag.String("views", "../../sql/duckdb.sql", "the statements that create the views")
	k := flag.Uint("k", 10, "the least number of installations behind a value that is shown; 1 shows everything")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *archive, *views, *k, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "query:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, archive, views string, k uint, files []string) (err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return fmt.Errorf("open DuckDB: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // the variable belongs to a connection
	set := fmt.Sprintf("SET VARIABLE archive = '%s'; SET VARIABLE k = %d", strings.ReplaceAll(archive, "'", "''"), k)
	if _, err := db.ExecContext(ctx, set); err != nil {
		return fmt.Errorf("set variables: %w", err)
	}
	text, err := os.ReadFile(views)
	if err != nil {
		return fmt.Errorf("read views: %w", err)
	}
	if _, err := db.ExecContext(ctx, string(text)); err != nil {
		return fmt.Errorf("create views: %w", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read query: %w", err)
		}
		if err := query(ctx, out, db, string(text)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// query prints the result of one query. NULL is an empty text.
func query(ctx context.Context, out io.Writer, db *sql.DB, question string) (err error) {
	rows, err := db.QueryContext(ctx, question)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	header, err := rows.Columns()
	if err != nil {
		return err
	}
	w := csv.NewWriter(out)
	if err := w.Write(header); err != nil {
		return err
	}
	cells, into, record := make([]any, len(header)), make([]any, len(header)), make([]string, len(header))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range cells {
			record[i] = text(c)
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(rows.Err(), w.Error())
}

func text(cell any) string {
	switch c := cell.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(c, 'f', -1, 64)
	}
	return fmt.Sprint(cell)
}
