package localstore

import "database/sql"

// findOrInsert returns the row that find selects by the first keys of args, or
// the one that insert makes with all of them.
func (c *connection) findOrInsert(find string, keys int, insert string, args ...any) (int64, error) {
	id, err := c.find(find, args[:keys]...)
	if err != nil || id != 0 {
		return id, err
	}
	return c.insert(insert, args...)
}

// affected runs a statement and returns how many rows it changed.
func (c *connection) affected(query string, args ...any) (int64, error) {
	result, err := c.result(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert runs a statement and returns the row it made.
func (c *connection) insert(query string, args ...any) (int64, error) {
	result, err := c.result(query, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (c *connection) result(query string, args ...any) (sql.Result, error) {
	stmt, err := c.prepared(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(background, args...)
}

// list returns the first column of all rows.
func (c *connection) list(query string, args ...any) (ids []int64, err error) {
	err = c.each(query, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, args...)
	return ids, err
}

// queryRow runs a query for one row that is used once.
func (c *connection) queryRow(query string, args ...any) *sql.Row {
	return c.conn.QueryRowContext(c.context(), query, args...)
}
