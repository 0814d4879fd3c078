package mirrordb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// errMoved is met when another process put a file in the place of the one that
// was being opened.
var errMoved = errors.New("localstore: mirror was replaced while it was opened")

// opens is how often a file is opened that others set aside, or make, meanwhile.
const opens = 6

// Open connects, and sets a damaged file aside. While several processes do that
// one may see the journal of another's fresh file beside the old one, and meets
// an error that is gone the next time.
func (s *DB) Open() error {
	until := time.Now().Add(s.Patience())
	doubted := false
	for try := 1; ; try++ {
		err := s.connect()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errMoved) && time.Now().Before(until):
		case try == opens:
			return s.named(err)
		case (schema.IsDamage(err) || errors.Is(err, place.ErrNotMirror) || sqlitedb.HasCode(err, sqlitedb.CodeBusy)) && s.makeWay():
		case sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) && s.makeWayForUnreadable():
		case schema.IsDamage(err) && s.Existing:
			return s.named(s.refuseForeign(err))
		case schema.IsDamage(err) && !doubted:
			doubted = true // one read may fail on a sound file
		case schema.IsDamage(err):
			if err := s.ReplaceDamaged(err); err != nil {
				return err
			}
		case sqlitedb.NoSharedMemory(err):
			if err := s.leaveLog(s.path); err != nil {
				return s.named(err)
			}
		case sqlitedb.HasCode(err, sqlitedb.CodeIO, sqlitedb.CodeCannotOpen):
			if _, statErr := os.Stat(s.path); statErr != nil {
				return err
			}
		default:
			return s.named(err)
		}
	}
}

func (s *DB) connect() error {
	file, err := s.locate()
	if err == nil && s.IsNoted() {
		if err := s.heed(); err != nil {
			return err
		}
		file, err = s.locate()
	}
	absent := errors.Is(err, fs.ErrNotExist) || err == nil && file.Size() == 0
	if absent && s.last.Mirror == "" && place.HasLog(s.path) { // SQLite removes one beside an empty file
		s.lost = true
	}
	switch {
	case absent && s.makeWay(), err == nil && s.makeWayForJournal():
		return s.connect()
	case absent && s.Existing && err == nil:
		return fmt.Errorf("%w: %w", place.ErrNotMirror, ErrEmpty)
	case absent && !s.Existing:
		if err := s.create(); err != nil {
			return err
		}
		file, err = s.locate()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !s.Existing:
		return errMoved
	case err != nil:
		return err
	}
	os.SameFile(file, file) // on Windows the first comparison reads which file it is
	conn, err := sqlitedb.Open(s.path, false, s.Patience())
	if err == nil {
		conn.EndWith(s.ends)
		err = s.prepare(conn)
	}
	// What was opened is the file at the path only if that is the same still.
	if now, statErr := os.Stat(s.asked); statErr != nil || !os.SameFile(file, now) {
		if conn != nil {
			conn.Abandon()
		}
		s.Conn = nil
		return errors.Join(errMoved, err)
	}
	if conn == nil {
		return err
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	s.file = file
	return nil
}

// prepare checks what was opened, brings it up to date and adopts it.
func (s *DB) prepare(conn *sqlitedb.Conn) error {
	if err := schema.Check(conn); err != nil {
		return err
	}
	if !s.Existing {
		if err := schema.RefuseViews(conn, schema.ErrNoMirror); err != nil {
			return err
		}
	}
	if err := s.setUp(conn, s.path); err != nil {
		return err
	}
	version, err := schema.VersionOf(conn)
	if err != nil {
		return err
	}
	if version != schema.Version {
		if err := schema.Migrate(conn, s.newMirror); err != nil {
			return err
		}
	}
	s.Conn, s.dataVersion = conn, 0
	s.Forget()
	h, err := s.ReadHeader()
	if err != nil {
		s.Conn = nil
		return err
	}
	s.Adopt(h)
	s.inherits, s.lost = false, false
	if h.ErasePending {
		_ = s.FinishErase() // otherwise the next open does
	}
	if s.InstallationID == "" || s.InstallationID == h.Installation {
		return nil
	}
	err = conn.Immediate(func() error { return conn.Run(schema.ReplaceInstallation, s.InstallationID) })
	if err != nil {
		s.Conn = nil
		return fmt.Errorf("set installation id: %w", err)
	}
	s.identity.Installation, s.last.Installation = s.InstallationID, s.InstallationID
	return nil
}

// OpenReadOnly opens a file without changing it. Another process may be putting
// one in its place.
func (s *DB) OpenReadOnly() error {
	for try := 1; ; try++ {
		file, err := s.locate()
		if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, place.ErrNotMirror)) && s.makeWay() {
			file, err = s.locate()
		}
		if err != nil {
			return err
		}
		if s.makeWayForJournal() {
			continue
		}
		os.SameFile(file, file) // on Windows the first comparison reads which file it is
		alone := !place.HasBeside(s.path)
		conn, err := s.connectReader()
		if err == nil {
			s.file, conn.Alone = file, alone
			return nil
		}
		if now, statErr := os.Stat(s.asked); try < opens && statErr == nil && !os.SameFile(file, now) {
			continue
		}
		if (schema.IsDamage(err) || errors.Is(err, place.ErrNotMirror)) && s.makeWay() || sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) && s.makeWayForUnreadable() {
			continue
		}
		return s.named(s.refuseForeign(err))
	}
}

// follow makes a read-only Store read what is at its path: the file it has open
// may have been deleted, or set aside for a fresh one.
func (s *DB) follow() error {
	file, err := os.Stat(s.asked)
	if err != nil {
		return err
	}
	if s.Conn != nil && os.SameFile(file, s.file) && !s.Conn.Immutable {
		return nil
	}
	if s.Conn != nil {
		_ = s.leaveReader(s.Conn, s.file) // read-only, it leaves the files of its successor alone
		s.Conn = nil
	}
	return s.OpenReadOnly()
}
