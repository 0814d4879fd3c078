package mirrordb

import (
	"errors"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// Again runs an attempt once more when it fails in a way that may be the
// connection's fault: first on a fresh connection, because a single read may fail
// on a sound file; then, if that finds damage too, on the fresh file that replaces
// the damaged one. The caller cannot always try later: the last recording of a
// process has no next.
func (db *DB) Again(attempt func() error) error {
	err := attempt()
	if db.mayBlockItself(err) {
		return db.unblocked(attempt, err)
	}
	if db.closed || !db.doubtful(err) {
		return err
	}
	var commit *sqlitedb.CommitError
	unknown := errors.As(err, &commit)
	if failed := db.reconnect(err); unknown {
		return err // the caller first finds out whether it is in the file
	} else if failed != nil {
		err = failed
	} else if err = attempt(); !db.doubtful(err) || errors.As(err, &commit) {
		return err
	}
	if db.ReadOnly || db.Existing || !schema.IsDamage(err) {
		return db.named(err)
	}
	db.Leave()
	if replaceErr := db.ReplaceDamaged(err); errors.Is(replaceErr, ErrBusy) {
		return replaceErr // what was counted waits for the others
	} else if replaceErr != nil {
		db.Report(fmt.Errorf("set damaged mirror aside: %w", replaceErr))
	}
	return attempt()
}

// noWait makes SQLite not wait for other processes: it is less than SQLite counts.
const noWait = time.Nanosecond

// mayBlockItself reports whether an error may come from a lock of this process's
// own. A lock whose release failed, as on a network file system, keeps this
// connection and all other processes from writing for as long as it is open,
// and SQLite says no more of it than that the file is busy.
func (db *DB) mayBlockItself(err error) bool {
	return sqlitedb.HasCode(err, sqlitedb.CodeBusy) && db.Conn != nil && !db.closed && !db.ReadOnly && !errors.Is(err, python.ErrOriginal)
}

// unblocked repeats an attempt that found the mirror busy, on a fresh connection
// and without another wait.
func (db *DB) unblocked(attempt func() error, busy error) error {
	db.release(db.Conn)
	db.Conn = nil
	if errors.As(busy, new(*sqlitedb.CommitError)) {
		return busy // the caller first finds out whether it is in the file
	}
	if err := db.WaitingAtMost(noWait, attempt); !sqlitedb.HasCode(err, sqlitedb.CodeBusy) {
		return err
	}
	return busy
}

// doubtful reports whether an error may come from the connection, or from one
// system call, rather than from the file.
func (db *DB) doubtful(err error) bool {
	if db.Conn == nil || errors.Is(err, python.ErrOriginal) { // another file's
		return false
	}
	return schema.IsDamage(err) || sqlitedb.HasCode(err, sqlitedb.CodeIO, sqlitedb.CodeCannotOpen, sqlitedb.CodeProtocol) || !db.ReadOnly && sqlitedb.HasCode(err, sqlitedb.CodeReadOnly)
}

// reconnect replaces the connection by a fresh one. If the file may be damaged, the
// fresh one is opened before the old one is closed: the last connection to close a
// file merges its log, and half a log would damage it. Otherwise the old one is
// closed first: connections of one process share the memory that maps -shm, and
// only the last to close unmaps one that was cut short.
func (db *DB) reconnect(cause error) error {
	former := db.Conn
	db.Conn = nil
	if db.ReadOnly {
		return former.Close() // it leaves the files beside it alone
	}
	if !schema.IsDamage(cause) {
		db.release(former)
		return nil
	}
	err := db.connect()
	if err != nil || db.Conn == nil {
		db.abandon(former)
		return err
	}
	db.release(former)
	return nil
}
