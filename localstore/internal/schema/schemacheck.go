package schema

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// Faults compares a file's schema with the one that this package makes: a foreign
// trigger would run with every recording, and a view in place of a table could show
// anything. Views, tables and indexes that a person added are no faults.
func Faults(c *sqlitedb.Conn, version int64) ([]string, error) {
	want, err := ownSchema(version)
	if err != nil {
		return nil, fmt.Errorf("make schema to compare with: %w", err)
	}
	have, err := schemaObjects(c)
	if err != nil {
		return nil, err
	}
	var faults []string
	known := make(map[string]schemaObject, len(have))
	for _, o := range have {
		known[o.name] = o
		if o.kind == "trigger" {
			faults = append(faults, fmt.Sprintf("schema: trigger %s is not the mirror's", o.name))
		}
	}
	for _, o := range want {
		switch got, ok := known[o.name]; {
		case !ok:
			faults = append(faults, fmt.Sprintf("schema: %s %s is missing", o.kind, o.name))
		case got.kind != o.kind:
			faults = append(faults, fmt.Sprintf("schema: %s is a %s in place of a %s", o.name, got.kind, o.kind))
		case got.text != o.text:
			faults = append(faults, fmt.Sprintf("schema: %s %s is not the mirror's", o.kind, o.name))
		}
	}
	return faults, nil
}

var selectViewInPlace = sync.OnceValue(func() string {
	return `SELECT coalesce((SELECT name FROM sqlite_schema WHERE type = 'view' AND lower(name) IN ('` +
		strings.Join(Tables, `', '`) + `') LIMIT 1), '')`
})

// RefuseViews refuses a file in which a view stands in place of a table: reading
// it may take for ever, and an application does not wait for that.
func RefuseViews(c *sqlitedb.Conn, as error) error {
	var name string
	err := c.Each(selectViewInPlace(), func(rows *sql.Rows) error { return rows.Scan(&name) })
	if err == nil && name != "" {
		err = fmt.Errorf("%w: %s is a view in place of a table", as, name)
	}
	return err
}

type schemaObject struct{ kind, name, text string }

// schemaObjects lists what was created by a statement. A hostile text is cut.
func schemaObjects(c *sqlitedb.Conn) (list []schemaObject, err error) {
	err = c.Each(`SELECT type, `+Shown("name")+`, `+Shown("sql")+` FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY rowid`,
		func(rows *sql.Rows) error {
			var o schemaObject
			err := rows.Scan(&o.kind, &o.name, &o.text)
			o.text = strings.Join(strings.Fields(o.text), " ")
			list = append(list, o)
			return err
		})
	return list, err
}

// ownSchema makes a mirror's schema of a version in memory.
func ownSchema(version int64) (list []schemaObject, err error) {
	c, err := sqlitedb.OpenSource(":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, m := range migrations[:min(version, Version)] {
		if _, err := c.Exec(m); err != nil {
			return nil, err
		}
	}
	return schemaObjects(c)
}
