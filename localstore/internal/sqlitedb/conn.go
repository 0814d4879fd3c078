package sqlitedb

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

// Conn is the one connection a Store writes with. It keeps its prepared
// statements and begins and ends transactions itself: database/sql forgets a
// transaction whose COMMIT failed, SQLite does not.
type Conn struct {
	db         *sql.DB
	conn       *sql.Conn
	Statements map[string]*sql.Stmt // prepared, by query
	relaxed    string               // the statement that ends durable commits
	logged     bool                 // something was written to the log
	memory     os.FileInfo          // that it shares, once something was
	handle     uintptr              // SQLite's own, see handleOf
	reading    context.Context
	Alone      bool // of a reader: no other files lay beside the mirror before it
	Immutable  bool // of a reader: it takes no notice of what others write
}

// EndWith sets the context with which readings end, nil for none.
func (c *Conn) EndWith(ctx context.Context) { c.reading = ctx }

// Context is that of the reading under way. Nothing else is cut short.
func (c *Conn) Context() context.Context {
	if c.reading != nil {
		return c.reading
	}
	return Background
}

// Background: a statement takes microseconds and is never cut short. What was
// counted must reach the mirror whatever became of the caller's context.
var Background = context.Background()

// OrBackground returns a context also for a caller who passed none.
func OrBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return Background
	}
	return ctx
}

func DataSource(path string, readOnly bool, busy time.Duration) string {
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

func Open(path string, readOnly bool, busy time.Duration) (*Conn, error) {
	c, err := OpenSource(DataSource(path, readOnly, busy))
	if err == nil && readOnly {
		c.Limit(MaxLoaded)
	}
	return c, err
}

func OpenSource(source string) (*Conn, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(Background)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Conn{db: db, conn: conn, handle: handleOf(conn), Statements: make(map[string]*sql.Stmt)}, nil
}

func (c *Conn) Close() error {
	for _, stmt := range c.Statements {
		_ = stmt.Close() // closed with its connection in any case
	}
	return errors.Join(c.conn.Close(), c.db.Close())
}

// Abandon leaves a connection open for good, in place of close. SQLite finds the
// files beside a database by their names: closing one that was set aside would
// merge and remove the write-ahead log of the fresh one that took its name. That
// costs an open file per mirror that was damaged, replaced or deleted. Where an
// open file keeps its name nothing took it, and the file must be closed for
// anybody to set it aside.
func (c *Conn) Abandon() {
	if place.OpenKeepsName {
		_ = c.Close() // of a damaged file
	}
}

// Exec runs statements that are used once: they are not kept prepared.
func (c *Conn) Exec(query string, args ...any) (sql.Result, error) {
	return c.conn.ExecContext(Background, query, args...)
}

// Prepared returns the kept statement for a query that is a constant.
func (c *Conn) Prepared(query string) (*sql.Stmt, error) {
	return c.PreparedUntil(Background, query)
}

// PreparedUntil is prepared for a reading: the schema may have to be read, too.
func (c *Conn) PreparedUntil(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := c.Statements[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(ctx, query)
	if err == nil {
		c.Statements[query] = stmt
	}
	return stmt, err
}

func (c *Conn) Run(query string, args ...any) error {
	stmt, err := c.Prepared(query)
	if err == nil {
		_, err = stmt.ExecContext(Background, args...)
	}
	return err
}

// Each calls scan for every row of a query.
func (c *Conn) Each(query string, scan func(*sql.Rows) error, args ...any) error {
	ctx := c.Context()
	stmt, err := c.PreparedUntil(ctx, query)
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

// Find returns the first column of the first row, 0 where there is none.
func (c *Conn) Find(query string, args ...any) (id int64, err error) {
	ctx := c.Context()
	stmt, err := c.PreparedUntil(ctx, query)
	if err != nil {
		return 0, err
	}
	err = stmt.QueryRowContext(ctx, args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func (c *Conn) Pragma(name string) (n int64, err error) {
	err = c.conn.QueryRowContext(c.Context(), "PRAGMA "+name).Scan(&n)
	return n, err
}

// Immediate runs f in a transaction that holds the write lock from the start:
// one that takes it later fails as soon as two processes write.
func (c *Conn) Immediate(f func() error) (err error) {
	reading := c.reading
	defer func() { c.reading = reading }()
	if err := c.begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	ended := false
	defer func() {
		if !ended { // also when f panics: the connection must not stay in a transaction
			err = errors.Join(err, c.Rollback())
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if err := c.Run("COMMIT"); err != nil {
		// The transaction may be in the file and may not.
		return &CommitError{err}
	}
	ended = true
	return nil
}

// begin takes the write lock. It waits for that until the context ends, and then
// no longer than brief: what somebody decided, or asked to delete, is not to fail
// for a moment's sake. What has begun is not cut short.
func (c *Conn) begin() error {
	ctx := c.Context()
	c.reading = nil
	stmt, err := c.Prepared("BEGIN IMMEDIATE")
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		_, err := stmt.ExecContext(ctx)
		if err == nil || ctx.Err() == nil {
			return err
		}
		if err := c.Rollback(); err != nil { // it may have begun all the same
			return err
		}
	}
	wait, err := c.Pragma("busy_timeout")
	if err != nil {
		return err
	}
	c.WaitAtMost(min(Brief, time.Duration(wait)*time.Millisecond))
	defer c.WaitAtMost(time.Duration(wait) * time.Millisecond)
	if _, err = stmt.ExecContext(Background); HasCode(err, CodeBusy) {
		return cmp.Or(ctx.Err(), err)
	}
	return err
}

// Snapshot runs f, which only reads, on one state of the file: it does not see what
// other processes commit meanwhile.
func (c *Conn) Snapshot(f func() error) (err error) {
	if err := c.Run("BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { err = errors.Join(err, c.Rollback()) }()
	return f()
}

// Rollback ends a transaction that SQLite has not ended by itself.
func (c *Conn) Rollback() error {
	err := c.Run("ROLLBACK")
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

// WaitAtMost sets how long statements wait for other processes. At worst the
// former limit stays.
func (c *Conn) WaitAtMost(d time.Duration) {
	_ = c.Run(fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
}

// Durable runs f with commits that reach the disk before they return.
func (c *Conn) Durable(f func() error) error {
	if err := c.Run("PRAGMA synchronous = FULL"); err != nil {
		return fmt.Errorf("make commits durable: %w", err)
	}
	err := f()
	_ = c.Run(c.relaxed) // at worst commits stay durable
	return err
}

// Brief is how long work that can be done later waits for another process.
const Brief = 250 * time.Millisecond

// Moment is how long work waits that others will do: a short transaction.
const Moment = 5 * time.Millisecond
