package schema

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// A text that somebody wrote by hand into the file is of any length. This
// package never writes one beyond these limits, payloads apart, see bounded. What is longer is
// not even loaded: SQLite tells a column's length without its content.
const (
	MaxShown       = 64 << 10 // characters of a text that are shown
	MaxText        = 1 << 20  // bytes of a text, or value, that is loaded
	MaxCheckpoints = 8 << 20  // bytes of a list of checkpoints that is: all that are allowed, however JSON escapes them
	MaxPayload     = 16 << 20 // bytes of a payload that is shown; any is sent
)

// ErrTooLong is met where a payload is too long to be shown.
var ErrTooLong = errors.New("too long to be shown")

// Shown is a text for people: its beginning, or of one that is not loaded its
// length. NULL, which none of them is in a file of this package's, is empty.
func Shown(column string) string {
	return `coalesce(iif(octet_length(` + column + `) <= ` + strconv.Itoa(MaxText) + `, substr(` + column + `, 1, ` + strconv.Itoa(MaxShown) + `), '(a text of ' || octet_length(` + column + `) || ' bytes)'), '')`
}

// Loaded is a column, or instead where that is too long: the beginning of JSON
// does not decode.
func Loaded(column, instead string) string { return Within(column, MaxText, instead) }

func Within(column string, most int, instead string) string {
	return `iif(typeof(` + column + `) IN ('text', 'blob') AND octet_length(` + column + `) > ` + strconv.Itoa(most) + `, ` + instead + `, ` + column + `)`
}

// What stands for content that is too long.
const (
	NoObject   = `'{}'`
	Unreadable = `''` // of a value: refused, because a wrong number is worse than none
	Nothing    = `NULL`
)

// LongTexts finds a table with a text that is too long among those that are read
// again and again, and LongAttributes one among the many of the series.
var (
	LongTexts = sync.OnceValue(func() string {
		return `SELECT coalesce(` + tooLong("trackables", "name", "kind", "description", "unit", "checkpoints") + `, ` +
			tooLong("metrics", "scope_name", "scope_version", "scope_attributes", "scope_schema_url", "name", "unit", "type", "bounds", "description", "role") + `, ` +
			tooLong("resources", "attributes") + `, ` + tooLong("current_states", "state", "shared_state") + `, ` +
			tooLong("occupancy", "state") + `, ` + tooLong("forwarders", "kind") + `, '')`
	})
	LongAttributes = sync.OnceValue(func() string { return `SELECT coalesce(` + tooLong("series", "attributes") + `, '')` })
)

func tooLong(table string, columns ...string) string {
	conditions := make([]string, len(columns))
	for i, column := range columns {
		conditions[i] = fmt.Sprintf("octet_length(%s) > %d", column, mostOf(column))
	}
	return fmt.Sprintf("(SELECT '%s' FROM %[1]s WHERE %s LIMIT 1)", table, strings.Join(conditions, " OR "))
}

// mostOf is how many bytes a column may have.
func mostOf(column string) int {
	if strings.Trim(column, `"`) == "checkpoints" {
		return MaxCheckpoints
	}
	return MaxText
}

// RefuseLong refuses texts that this package never wrote, and that every
// recording or submission would load again.
func RefuseLong(c *sqlitedb.Conn, queries ...string) error {
	for _, query := range queries {
		var table string
		err := c.Each(query, func(rows *sql.Rows) error { return rows.Scan(&table) })
		if err == nil && table != "" {
			err = fmt.Errorf("%w: a text in table %s is longer than any that is written", series.ErrUnreadable, table)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const selectExtent = `SELECT (SELECT schema_version FROM pragma_schema_version),
	((SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)) * (SELECT page_size FROM pragma_page_size)`

// extent returns the number of the schema and how many bytes of the file are in
// use.
func extent(c *sqlitedb.Conn) (schema, inUse int64, err error) {
	err = c.Each(selectExtent, func(rows *sql.Rows) error { return rows.Scan(&schema, &inUse) })
	return schema, inUse, err
}

// HasLong reports whether a table holds a text that is too long, payloads apart:
// an integrity check would load it.
func HasLong(c *sqlitedb.Conn, table string) (long bool, err error) {
	var columns []string
	err = c.Each(`SELECT `+Shown("name")+` FROM pragma_table_info(?1) WHERE type <> 'INTEGER' AND name <> 'payload'`, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		columns = append(columns, `"`+strings.ReplaceAll(name, `"`, `""`)+`"`)
		return err
	}, table)
	if err != nil || len(columns) == 0 {
		return false, err
	}
	err = c.Each(`SELECT `+tooLong(table, columns...)+` IS NOT NULL`, func(rows *sql.Rows) error { return rows.Scan(&long) })
	return long, err
}
