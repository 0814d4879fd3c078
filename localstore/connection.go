package localstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// connection is the one connection a Store writes with. It keeps its prepared
// statements and begins and ends transactions itself: database/sql forgets a
// transaction whose COMMIT failed, SQLite does not.
type connection struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt // prepared, by query
	relaxed    string      // the statement that ends durable commits
	logged     bool        // something was written to the log
	memory     os.FileInfo // that it shares, once something was
	handle     uintptr     // SQLite's own, see handleOf
	reading    context.Context
	alone      bool // of a reader: no other files lay beside the mirror before it
	immutable  bool // of a reader: it takes no notice of what others write
}

// endWith sets the context with which readings end, nil for none.
func (c *connection) endWith(ctx context.Context) { c.reading = ctx }

// context is that of the reading under way. Nothing else is cut short.
func (c *connection) context() context.Context {
	if c.reading != nil {
		return c.reading
	}
	return background
}

// background: a statement takes microseconds and is never cut short. What was
// counted must reach the mirror whatever became of the caller's context.
var background = context.Background()

func dataSource(path string, readOnly bool, busy time.Duration) string {
	slashed := filepath.ToSlash(path) // a Windows share begins with two slashes already
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a Windows drive letter
	}
	mode := "rw"
	if readOnly {
		mode = "ro"
	}
	// What a stranger put into the schema calls no function, and cells are
	// checked before they are read.
	return fmt.Sprintf("file://%s?mode=%s&_pragma=busy_timeout(%d)&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)",
		(&url.URL{Path: slashed}).EscapedPath(), mode, busy.Milliseconds())
}

func connect(path string, readOnly bool, busy time.Duration) (*connection, error) {
	c, err := connectTo(dataSource(path, readOnly, busy))
	if err == nil && readOnly {
		c.limit(maxLoaded)
	}
	return c, err
}

func connectTo(source string) (*connection, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(background)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &connection{db: db, conn: conn, handle: handleOf(conn), statements: make(map[string]*sql.Stmt)}, nil
}

func (c *connection) close() error {
	for _, stmt := range c.statements {
		_ = stmt.Close() // closed with its connection in any case
	}
	return errors.Join(c.conn.Close(), c.db.Close())
}

// abandon leaves a connection open for good, in place of close. SQLite finds the
// files beside a database by their names: closing one that was set aside would
// merge and remove the write-ahead log of the fresh one that took its name. That
// costs an open file per mirror that was damaged, replaced or deleted. Where an
// open file keeps its name nothing took it, and the file must be closed for
// anybody to set it aside.
func (c *connection) abandon() {
	if place.OpenKeepsName {
		_ = c.close() // of a damaged file
	}
}

// exec runs statements that are used once: they are not kept prepared.
func (c *connection) exec(query string, args ...any) (sql.Result, error) {
	return c.conn.ExecContext(background, query, args...)
}

// prepared returns the kept statement for a query that is a constant.
func (c *connection) prepared(query string) (*sql.Stmt, error) {
	return c.preparedUntil(background, query)
}

// preparedUntil is prepared for a reading: the schema may have to be read, too.
func (c *connection) preparedUntil(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := c.statements[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(ctx, query)
	if err == nil {
		c.statements[query] = stmt
	}
	return stmt, err
}

func (c *connection) run(query string, args ...any) error {
	stmt, err := c.prepared(query)
	if err == nil {
		_, err = stmt.ExecContext(background, args...)
	}
	return err
}

// each calls scan for every row of a query.
func (c *connection) each(query string, scan func(*sql.Rows) error, args ...any) error {
	ctx := c.context()
	stmt, err := c.preparedUntil(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	defer c.interruptedBy(ctx)()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	return nil
}

// find returns the first column of the first row, 0 where there is none.
func (c *connection) find(query string, args ...any) (id int64, err error) {
	ctx := c.context()
	stmt, err := c.preparedUntil(ctx, query)
	if err != nil {
		return 0, err
	}
	err = stmt.QueryRowContext(ctx, args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func (c *connection) pragma(name string) (n int64, err error) {
	err = c.conn.QueryRowContext(c.context(), "PRAGMA "+name).Scan(&n)
	return n, err
}

// immediate runs f in a transaction that holds the write lock from the start:
// one that takes it later fails as soon as two processes write.
func (c *connection) immediate(f func() error) (err error) {
	reading := c.reading
	defer func() { c.reading = reading }()
	if err := c.begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	ended := false
	defer func() {
		if !ended { // also when f panics: the connection must not stay in a transaction
			err = errors.Join(err, c.rollback())
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if err := c.run("COMMIT"); err != nil {
		// The transaction may be in the file and may not.
		return &commitError{err}
	}
	ended = true
	return nil
}

// begin takes the write lock. It waits for that until the context ends, and then
// no longer than brief: what somebody decided, or asked to delete, is not to fail
// for a moment's sake. What has begun is not cut short.
func (c *connection) begin() error {
	ctx := c.context()
	c.reading = nil
	stmt, err := c.prepared("BEGIN IMMEDIATE")
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		_, err := stmt.ExecContext(ctx)
		if err == nil || ctx.Err() == nil {
			return err
		}
		if err := c.rollback(); err != nil { // it may have begun all the same
			return err
		}
	}
	wait, err := c.pragma("busy_timeout")
	if err != nil {
		return err
	}
	c.waitAtMost(min(brief, time.Duration(wait)*time.Millisecond))
	defer c.waitAtMost(time.Duration(wait) * time.Millisecond)
	if _, err = stmt.ExecContext(background); hasCode(err, codeBusy) {
		return cmp.Or(ctx.Err(), err)
	}
	return err
}

// snapshot runs f, which reads, on one state of the file: what other processes
// commit meanwhile stays out of sight.
func (c *connection) snapshot(f func() error) (err error) {
	if err := c.run("BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { err = errors.Join(err, c.rollback()) }()
	return f()
}

// rollback ends a transaction that SQLite has not ended by itself.
func (c *connection) rollback() error {
	err := c.run("ROLLBACK")
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

// waitAtMost sets how long statements wait for other processes. At worst the
// former limit stays.
func (c *connection) waitAtMost(d time.Duration) {
	_ = c.run(fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
}

// durable runs f with commits that reach the disk before they return.
func (c *connection) durable(f func() error) error {
	if err := c.run("PRAGMA synchronous = FULL"); err != nil {
		return fmt.Errorf("make commits durable: %w", err)
	}
	err := f()
	_ = c.run(c.relaxed) // at worst commits stay durable
	return err
}

// brief is how long work waits for another process that can as well be done
// another time.
const brief = 250 * time.Millisecond
