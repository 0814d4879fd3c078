package localstore

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// erasePause is how long Erase waits between tries.
const erasePause = 20 * time.Millisecond

// overwriteDeleted makes the connection overwrite what it deletes, in this
// transaction and what follows.
func (c *connection) overwriteDeleted() error {
	_, err := c.exec("PRAGMA secure_delete = ON")
	return wrap("overwrite what is deleted", err)
}

// finishErase removes what erased content may still be in: pages that were free
// before, the log, and files that were set aside. Everything is deleted by then:
// any failure leaves the rest to the next try.
func (s *DB) finishErase() error {
	s.conn.waitAtMost(erasePause)
	defer s.conn.waitAtMost(s.patience())
	steps := []func() error{s.conn.dropFreePages, s.conn.mergeLog, s.removeAside, func() error {
		return s.conn.immediate(func() error { return s.conn.run(`UPDATE mirror SET erase_pending = 0`) })
	}}
	for _, step := range steps {
		if err := step(); errors.Is(err, ErrErasePending) || hasCode(err, codeBusy) {
			return ErrErasePending
		} else if err != nil {
			return fmt.Errorf("%w: %w", ErrErasePending, err)
		}
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

// mergeLog empties the write-ahead log.
func (c *connection) mergeLog() error {
	var busy, log, merged int64
	err := c.conn.QueryRowContext(background, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &merged)
	if err == nil && busy != 0 {
		return ErrErasePending
	}
	return err
}

func (s *DB) removeAside() error {
	for _, path := range asideFiles(s.path) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
