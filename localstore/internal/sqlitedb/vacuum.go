package sqlitedb

import (
	"errors"
	"fmt"
)

// OverwriteDeleted makes the connection overwrite what it deletes, in this
// transaction and what follows.
func (c *Conn) OverwriteDeleted() error {
	_, err := c.Exec("PRAGMA secure_delete = ON")
	if err != nil {
		return fmt.Errorf("overwrite what is deleted: %w", err)
	}
	return nil
}

// DropFreePages writes the file anew without pages that are not in use: what
// was trimmed and expired in earlier days is in them, not overwritten.
func (c *Conn) DropFreePages() error {
	free, err := c.Pragma("freelist_count")
	if err != nil || free == 0 {
		return err
	}
	_, err = c.Exec("PRAGMA temp_store = MEMORY; VACUUM")
	return err
}

// ErrLogInUse is met where another process keeps a log from being emptied.
var ErrLogInUse = errors.New("localstore: another process reads the log")

// MergeLog empties the write-ahead log.
func (c *Conn) MergeLog() error {
	var busy, log, merged int64
	err := c.conn.QueryRowContext(Background, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &merged)
	if err == nil && busy != 0 {
		return ErrLogInUse
	}
	return err
}

// CopyTo writes what the database holds at one moment into an empty file, without
// the pages that are not in use. It ends with the context of the reading.
func (c *Conn) CopyTo(path string) error {
	_, err := c.conn.ExecContext(c.Context(), "VACUUM INTO ?1", path)
	return err
}

// Content returns the bytes of a database in memory, as a file would have them.
func (c *Conn) Content() (content []byte, err error) {
	err = c.conn.Raw(func(driverConn any) error {
		s, ok := driverConn.(interface{ Serialize() ([]byte, error) })
		if !ok {
			return errNoContent
		}
		content, err = s.Serialize()
		return err
	})
	return content, err
}

// errNoContent is met with a version of the driver that cannot give it.
var errNoContent = errors.New("localstore: driver does not serialize")
