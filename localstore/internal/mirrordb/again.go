package mirrordb

import (
	"errors"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// Again runs an attempt anew when it fails in a way that may be the connection's
// fault: first on a fresh connection, because a single read may fail on a sound
// file, then, where that finds damage too, on what takes the file's place. What
// was counted need not wait for the next recording, and the last one of a
// process has no next.
func (s *DB) Again(attempt func() error) error {
	err := attempt()
	if s.mayBlockItself(err) {
		return s.unblocked(attempt, err)
	}
	if s.closed || !s.doubtful(err) {
		return err
	}
	var commit *sqlitedb.CommitError
	unknown := errors.As(err, &commit)
	if failed := s.reconnect(err); unknown {
		return err // what became of it is asked before it is tried again
	} else if failed != nil {
		err = failed
	} else if err = attempt(); !s.doubtful(err) || errors.As(err, &commit) {
		return err
	}
	if s.ReadOnly || s.Existing || !schema.IsDamage(err) {
		return s.named(err)
	}
	s.Leave()
	if replaceErr := s.ReplaceDamaged(err); errors.Is(replaceErr, ErrBusy) {
		return replaceErr // what was counted waits for the others
	} else if replaceErr != nil {
		s.Report(fmt.Errorf("set damaged mirror aside: %w", replaceErr))
	}
	return attempt()
}

// noWait as the time to wait for other processes is less than SQLite counts.
const noWait = time.Nanosecond

// mayBlockItself reports whether an error may come from a lock of this process's
// own. A lock whose release failed, as on a network file system, keeps this
// connection and all other processes from writing for as long as it is open,
// and SQLite says no more of it than that the file is busy.
func (s *DB) mayBlockItself(err error) bool {
	return sqlitedb.HasCode(err, sqlitedb.CodeBusy) && s.Conn != nil && !s.closed && !s.ReadOnly && !errors.Is(err, python.ErrReference)
}

// unblocked runs an attempt that found the mirror busy anew, on a fresh
// connection and without another wait.
func (s *DB) unblocked(attempt func() error, busy error) error {
	s.release(s.Conn)
	s.Conn = nil
	if errors.As(busy, new(*sqlitedb.CommitError)) {
		return busy // what became of it is asked before it is tried again
	}
	if err := s.waitingAtMost(noWait, attempt); !sqlitedb.HasCode(err, sqlitedb.CodeBusy) {
		return err
	}
	return busy
}

// doubtful reports whether an error may come from the connection, or from one
// system call, rather than from the file.
func (s *DB) doubtful(err error) bool {
	if s.Conn == nil || errors.Is(err, python.ErrReference) { // another file's
		return false
	}
	return schema.IsDamage(err) || sqlitedb.HasCode(err, sqlitedb.CodeIO, sqlitedb.CodeCannotOpen, sqlitedb.CodeProtocol) || !s.ReadOnly && sqlitedb.HasCode(err, sqlitedb.CodeReadOnly)
}

// reconnect gives up the connection for a fresh one. Of a file that may be
// damaged the fresh one comes first: the last connection to close a file merges
// its log, and half a log would damage it. Without that suspicion it comes
// after: connections of one process share the memory that -shm maps, and only
// the last to close unmaps one that was cut short.
func (s *DB) reconnect(cause error) error {
	former := s.Conn
	s.Conn = nil
	if s.ReadOnly {
		return former.Close() // it leaves the files beside it alone
	}
	if !schema.IsDamage(cause) {
		s.release(former)
		return nil
	}
	err := s.connect()
	if err != nil || s.Conn == nil {
		s.abandon(former)
		return err
	}
	s.release(former)
	return nil
}
