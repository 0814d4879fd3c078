package python

import (
	"bytes"
	"database/sql"
	"errors"
	"io"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// isDatabase reports whether a file is a database of the Python library, or shows
// that it was: a damaged one must not be taken for a damaged mirror.
func isDatabase(path string) bool {
	if file, ok := trusted(path); !ok || file.Size() == 0 || place.CheckBeside(path) != nil {
		return false
	}
	if found, err := holdsOriginals(path); err == nil {
		return found
	}
	return shows(path, tableInfo, submissionsTable) // damaged, or being written
}

// holdsOriginals looks at a file as it lies there: without a lock, which the
// program that writes it may hold, and without its journal, which SQLite would
// otherwise roll back or remove.
func holdsOriginals(path string) (found bool, err error) {
	err = asItLies(path, func(c *sqlitedb.Conn) error {
		if id, err := c.Pragma("application_id"); err != nil || id == schema.ApplicationID {
			return err
		}
		tables, err := originalTables(c)
		found = len(tables) > 0
		return err
	})
	return found, err
}

// isMirror reports whether a file says that it is a mirror.
func isMirror(path string) bool {
	var id int64
	err := asItLies(path, func(c *sqlitedb.Conn) (err error) {
		id, err = c.Pragma("application_id")
		return err
	})
	return err == nil && id == schema.ApplicationID
}

func asItLies(path string, f func(*sqlitedb.Conn) error) (err error) {
	c, err := sqlitedb.OpenSource(sqlitedb.DataSource(path, true, 0) + "&immutable=1")
	if err != nil {
		return err
	}
	return errors.Join(f(c), c.Close())
}

// tableShape says what a table of the Python library can hold.
type tableShape int

const (
	listShape  tableShape = iota + 1 // the list of trackables
	countShape                       // a Statistic, Timer or Sequence
	stateShape
)

// shapes are the columns of the Python library's tables.
var shapes = map[string]tableShape{
	"TableName,Type,Description": listShape,
	"UUID,Count,Time":            countShape,
	"UUID,Count,State,Time":      stateShape,
}

// originalTable is a table of the Python library in one file.
type originalTable struct {
	name  string
	shape tableShape
}

// originalTables returns the tables that only the Python library makes.
func originalTables(c *sqlitedb.Conn) (tables []originalTable, err error) {
	err = c.Each(`SELECT name, (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_table_info(t.name) ORDER BY cid))
		FROM sqlite_schema t WHERE type = 'table' ORDER BY rowid`, func(rows *sql.Rows) error {
		var name, columns sql.NullString
		if err := rows.Scan(&name, &columns); err != nil {
			return err
		}
		shape := shapes[columns.String]
		if shape != 0 && (shape == listShape) == (name.String == tableInfo) {
			tables = append(tables, originalTable{name.String, shape})
		}
		return nil
	})
	return tables, err
}

// shows reports whether one of some texts stands in the beginning of a file that
// SQLite cannot read. A mirror is not looked at: closing a file drops the locks
// that the process has on it. The Python library has no write-ahead log.
func shows(path string, texts ...string) bool {
	if exists(path + "-wal") {
		return false
	}
	f, _, err := place.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, schema.MarkLimit))
	if err != nil || schema.HasApplicationID(start) {
		return false
	}
	for _, text := range texts {
		if bytes.Contains(start, []byte(text)) {
			return true
		}
	}
	return false
}
