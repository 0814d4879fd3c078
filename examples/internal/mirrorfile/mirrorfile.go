// Package mirrorfile reads a mirror with plain SQL, without this module.
package mirrorfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/anonymoususage/anonymoususage-go/examples/internal/table"
)

// Query returns the result of a query on the mirror at path, which is opened
// read-only. NULL is an empty text.
func Query(ctx context.Context, path, query string) (_ table.Table, err error) {
	db, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		return table.Table{}, fmt.Errorf("open mirror: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return table.Table{}, fmt.Errorf("query mirror: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return read(rows)
}

func read(rows *sql.Rows) (t table.Table, err error) {
	if t.Header, err = rows.Columns(); err != nil {
		return t, err
	}
	for rows.Next() {
		cells := make([]sql.NullString, len(t.Header))
		into := make([]any, len(cells))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return t, fmt.Errorf("read mirror: %w", err)
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			row[i] = cell.String
		}
		t.Add(row...)
	}
	if err := rows.Err(); err != nil {
		return t, fmt.Errorf("read mirror: %w", err)
	}
	return t, nil
}

// dataSource returns a URI: SQLite ignores the mode of a plain path.
func dataSource(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.IsAbs(path) && !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a Windows drive letter
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath() + "?mode=ro"
}
