package sqlitedb

import "database/sql"

// FindOrInsert returns the row that find selects by the first keys of args, or
// the one that insert makes with all of them.
func (c *Conn) FindOrInsert(find string, keys int, insert string, args ...any) (int64, error) {
	id, err := c.Find(find, args[:keys]...)
	if err != nil || id != 0 {
		return id, err
	}
	return c.Insert(insert, args...)
}

// Affected runs a statement and returns how many rows it changed.
func (c *Conn) Affected(query string, args ...any) (int64, error) {
	result, err := c.result(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Insert runs a statement and returns the row it made.
func (c *Conn) Insert(query string, args ...any) (int64, error) {
	result, err := c.result(query, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (c *Conn) result(query string, args ...any) (sql.Result, error) {
	stmt, err := c.Prepared(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(Background, args...)
}

// List returns the first column of all rows.
func (c *Conn) List(query string, args ...any) (ids []int64, err error) {
	err = c.Each(query, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, args...)
	return ids, err
}

// QueryRow runs a query for one row that is used once.
func (c *Conn) QueryRow(query string, args ...any) *sql.Row {
	return c.conn.QueryRowContext(c.Context(), query, args...)
}
