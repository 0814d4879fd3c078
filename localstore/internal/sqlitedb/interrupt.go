package sqlitedb

import (
	"context"
	"database/sql"
	"reflect"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// The driver interrupts a query during its first step alone. A later row may
// take as long as whoever made the file likes: a view in place of a table, or a
// tree of pages that leads to the same page again and again.

// handleOf returns SQLite's own handle of a connection. The driver does not
// export it; 0 stands for a version of the driver that keeps it elsewhere, where
// a query then ends with its context between two rows alone.
func handleOf(conn *sql.Conn) (handle uintptr) {
	_ = conn.Raw(func(driverConn any) error { // the connection is open
		c := reflect.Indirect(reflect.ValueOf(driverConn))
		if c.Kind() != reflect.Struct {
			return nil
		}
		if db := c.FieldByName("db"); db.Kind() == reflect.Uintptr {
			handle = uintptr(db.Uint())
		}
		return nil
	})
	return handle
}

// interruptedBy ends the step that a query is in once ctx has ended, until done
// is called. Rows must be open all the while: an interrupt that finds no query
// is forgotten, one after done could end a statement that is nobody's to end.
func (c *Conn) interruptedBy(ctx context.Context) (done func()) {
	if ctx.Done() == nil || c.handle == 0 {
		return func() {}
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		tls := libc.NewTLS() // the connection's own is in use
		defer tls.Close()
		sqlite3.Xsqlite3_interrupt(tls, c.handle)
	})
	return func() {
		if !stop() {
			<-over // the handle may be closed next
		}
	}
}
