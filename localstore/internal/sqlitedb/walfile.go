package sqlitedb

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// Wrote notes that there is something in the log, and whose log it is.
func (c *Conn) Wrote(path string) {
	c.logged = c.relaxed == relaxedLog
	if !c.logged || c.memory != nil || place.OpenKeepsName { // where nobody can remove it
		return
	}
	if memory, err := os.Stat(path + "-shm"); err == nil {
		c.memory = memory
	}
}

// WasLeft reports whether the files beside a sound mirror are no longer those of
// this connection. Code in this process that opens and closes the mirror's files
// drops the locks on them. The next process to close the mirror then takes itself
// for the last, merges the log and removes it. Nothing is lost if nothing waits to
// be merged.
func (c *Conn) WasLeft(path string) bool {
	if !c.logged || c.memory == nil {
		return false
	}
	memory, err := os.Stat(path + "-shm")
	if err == nil && os.SameFile(memory, c.memory) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	var busy, log, merged int64
	err = c.conn.QueryRowContext(Background, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &log, &merged)
	return err == nil && busy == 0 && log == merged
}

// LogIsCut reports whether the write-ahead log lacks what this connection wrote
// to it. Reading it drops no lock: SQLite locks the other two files.
func (c *Conn) LogIsCut(path string) bool {
	if !c.logged {
		return false
	}
	f, err := os.OpenFile(path+"-wal", os.O_RDONLY|place.NeverWait, 0)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	var magic [4]byte
	switch n, err := f.ReadAt(magic[:], 0); {
	case err != nil && !errors.Is(err, io.EOF):
		return false // one read may fail
	case n == 0:
		return c.logHasFrames()
	}
	return magic[0] != 0x37 || magic[1] != 0x7f || magic[2] != 0x06 || magic[3]&^1 != 0x82
}

// logHasFrames asks about a log that is empty: another process may have merged
// it. Where that is not so, what is to be merged cannot be read.
func (c *Conn) logHasFrames() bool {
	var busy, log, merged int64
	err := c.conn.QueryRowContext(Background, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &log, &merged)
	if err == nil && log <= 0 {
		c.logged = false
	}
	return Unsound(err) || HasCode(err, CodeIO)
}
