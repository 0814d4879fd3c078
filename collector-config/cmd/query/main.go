// Command query queries the archive with DuckDB if the command duckdb is not installed:
//
//	go run -C collector-config/cmd/query . -archive '../../archive/usage*.jsonl' ../../sql/applications.sql
//
// It prints the rows of each file's query as CSV. A value that fewer than ten
// installations told is shown as "other"; -k sets another number. With -keep what was
// read is kept in a database beside the archive, and the next time only what is new is
// read. It is a separate module because it links DuckDB, which is large and needs a C++
// compiler.
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
	"path/filepath"
	"strconv"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/kept"
)

func main() {
	archive := flag.String("archive", "../../archive/usage*.jsonl", "the archive's files")
	views := flag.String("views", "../../sql/duckdb.sql", "the statements that create the views")
	k := flag.Uint("k", 10, "the least number of installations behind a value that is shown; 1 shows everything")
	keep := flag.Bool("keep", false, "keep what is read in the database usage.duckdb beside the archive")
	var limits duck.Settings
	flag.StringVar(&limits.Memory, "memory", "", "memory of DuckDB, such as 2GB; what does not fit is written to the disk. Four fifths of the machine's without it")
	flag.UintVar(&limits.Threads, "threads", 0, "processors to use; all without it")
	flag.Parse()
	o := options{archive: *archive, views: *views, k: *k, keep: *keep, limits: limits}
	if err := o.run(context.Background(), os.Stdout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "query:", err)
		os.Exit(1)
	}
}

type options struct {
	archive, views string
	k              uint
	keep           bool
	limits         duck.Settings
}

func (o options) run(ctx context.Context, out io.Writer, files []string) (err error) {
	if o.limits.Spill == "" { // where the ids are already
		o.limits.Spill = filepath.Join(filepath.Dir(o.archive), fmt.Sprint(".query-", os.Getpid()))
		defer func() { err = errors.Join(err, os.RemoveAll(o.limits.Spill)) }()
	}
	db, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, fmt.Sprint("SET VARIABLE k = ", o.k)); err != nil {
		return fmt.Errorf("set variables: %w", err)
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

// open opens the archive.
func (o options) open(ctx context.Context) (*sql.DB, error) {
	if o.keep {
		db, err := kept.Open(ctx, o.archive, o.views, o.limits)
		if err != nil {
			return nil, err
		}
		return db.DB, nil
	}
	db, err := duck.Open(ctx, "", o.limits)
	if err != nil {
		return nil, err
	}
	if err := duck.Views(ctx, db, o.archive, o.views, true); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
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
