package sqlitedb

import "time"

// relaxedLog is how commits are made where there is a write-ahead log.
const relaxedLog = "PRAGMA synchronous = NORMAL"

// Relax makes commits that survive the death of the process, and not always a
// power failure, where the journal mode allows that: without a write-ahead log a
// commit that is not synchronised could damage the file.
func (c *Conn) Relax(mode string) error {
	c.relaxed = relaxedLog
	if mode != "wal" {
		c.relaxed, c.logged = "PRAGMA synchronous = FULL", false
	}
	_, err := c.Exec(c.relaxed + "; PRAGMA journal_size_limit = 4194304")
	return err
}

func (c *Conn) JournalMode() (mode string, err error) {
	err = c.conn.QueryRowContext(c.Context(), "PRAGMA journal_mode").Scan(&mode)
	return mode, err
}

// WriteAhead asks for a write-ahead log and returns the journal mode it got.
// SQLite does not wait for its lock there while another process does the same.
func (c *Conn) WriteAhead(wait time.Duration) (mode string, err error) {
	for until := time.Now().Add(wait); ; {
		err = c.conn.QueryRowContext(Background, "PRAGMA journal_mode = WAL").Scan(&mode)
		if !HasCode(err, CodeBusy) || time.Now().After(until) {
			return mode, err
		}
		if err := c.Immediate(func() error { return nil }); err != nil {
			return "", err // it has waited for the other one
		}
	}
}
