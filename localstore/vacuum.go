package localstore

import (
	"errors"
	"fmt"
)

// overwriteDeleted makes the connection overwrite what it deletes, in this
// transaction and what follows.
func (c *connection) overwriteDeleted() error {
	_, err := c.exec("PRAGMA secure_delete = ON")
	if err != nil {
		return fmt.Errorf("overwrite what is deleted: %w", err)
	}
	return nil
}

// dropFreePages writes the file anew without pages that are not in use: what
// was trimmed and expired in earlier days is in them, not overwritten.
func (c *connection) dropFreePages() error {
	free, err := c.pragma("freelist_count")
	if err != nil || free == 0 {
		return err
	}
	_, err = c.exec("PRAGMA temp_store = MEMORY; VACUUM")
	return err
}

// errLogInUse is met where another process keeps a log from being emptied.
var errLogInUse = errors.New("localstore: another process reads the log")

// mergeLog empties the write-ahead log.
func (c *connection) mergeLog() error {
	var busy, log, merged int64
	err := c.conn.QueryRowContext(background, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &merged)
	if err == nil && busy != 0 {
		return errLogInUse
	}
	return err
}

// copyTo writes what the database holds at one moment into an empty file, without
// the pages that are not in use. It ends with the context of the reading.
func (c *connection) copyTo(path string) error {
	_, err := c.conn.ExecContext(c.context(), "VACUUM INTO ?1", path)
	return err
}
