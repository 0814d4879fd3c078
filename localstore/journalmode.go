package localstore

import "time"

// relaxedLog is how commits are made where there is a write-ahead log.
const relaxedLog = "PRAGMA synchronous = NORMAL"

// relax makes commits that survive the death of the process, and not always a
// power failure, where the journal mode allows that: without a write-ahead log a
// commit that is not synchronised could damage the file.
func (c *connection) relax(mode string) error {
	c.relaxed = relaxedLog
	if mode != "wal" {
		c.relaxed, c.logged = "PRAGMA synchronous = FULL", false
	}
	_, err := c.exec(c.relaxed + "; PRAGMA journal_size_limit = 4194304")
	return err
}

func (c *connection) journalMode() (mode string, err error) {
	err = c.conn.QueryRowContext(c.context(), "PRAGMA journal_mode").Scan(&mode)
	return mode, err
}

// writeAhead asks for a write-ahead log and returns the journal mode it got.
// SQLite does not wait for its lock there while another process does the same.
func (c *connection) writeAhead(wait time.Duration) (mode string, err error) {
	for until := time.Now().Add(wait); ; {
		err = c.conn.QueryRowContext(background, "PRAGMA journal_mode = WAL").Scan(&mode)
		if !hasCode(err, codeBusy) || time.Now().After(until) {
			return mode, err
		}
		if err := c.immediate(func() error { return nil }); err != nil {
			return "", err // it has waited for the other one
		}
	}
}
