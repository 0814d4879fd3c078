package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// errMoved is met when another process put a file in the place of the one that
// was being opened.
var errMoved = errors.New("localstore: mirror was replaced while it was opened")

// opens is how often a file is opened that others set aside, or make, meanwhile.
const opens = 6

// open connects, and sets a damaged file aside. While several processes do that
// one may see the journal of another's fresh file beside the old one, and meets
// an error that is gone the next time.
func (s *DB) open() error {
	until := time.Now().Add(s.patience())
	doubted := false
	for try := 1; ; try++ {
		err := s.connect()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errMoved) && time.Now().Before(until):
		case try == opens:
			return s.named(err)
		case (damaged(err) || errors.Is(err, place.ErrNotMirror) || sqlitedb.HasCode(err, sqlitedb.CodeBusy)) && s.makeWay():
		case sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) && s.makeWayForUnreadable():
		case damaged(err) && s.existing:
			return s.named(s.refuseForeign(err))
		case damaged(err) && !doubted:
			doubted = true // one read may fail on a sound file
		case damaged(err):
			if err := s.replaceDamaged(err); err != nil {
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
	if err == nil && s.isNoted() {
		if err := s.heed(); err != nil {
			return err
		}
		file, err = s.locate()
	}
	absent := errors.Is(err, fs.ErrNotExist) || err == nil && file.Size() == 0
	if absent && s.last.mirror == "" && place.HasLog(s.path) { // SQLite removes one beside an empty file
		s.lost = true
	}
	switch {
	case absent && s.makeWay(), err == nil && s.makeWayForJournal():
		return s.connect()
	case absent && s.existing && err == nil:
		return fmt.Errorf("%w: %w", place.ErrNotMirror, errEmpty)
	case absent && !s.existing:
		if err := s.create(); err != nil {
			return err
		}
		file, err = s.locate()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !s.existing:
		return errMoved
	case err != nil:
		return err
	}
	os.SameFile(file, file) // on Windows the first comparison reads which file it is
	conn, err := sqlitedb.Open(s.path, false, s.patience())
	if err == nil {
		conn.EndWith(s.ends)
		err = s.prepare(conn)
	}
	// What was opened is the file at the path only if that is the same still.
	if now, statErr := os.Stat(s.asked); statErr != nil || !os.SameFile(file, now) {
		if conn != nil {
			conn.Abandon()
		}
		s.conn = nil
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
	if err := checkMirror(conn); err != nil {
		return err
	}
	if !s.existing {
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
	s.conn, s.dataVersion = conn, 0
	s.forget()
	h, err := s.readHeader()
	if err != nil {
		s.conn = nil
		return err
	}
	s.adopt(h)
	s.inherits, s.lost = false, false
	if h.erasePending {
		_ = s.finishErase() // otherwise the next open does
	}
	if s.installationID == "" || s.installationID == h.installation {
		return nil
	}
	err = conn.Immediate(func() error { return conn.Run(schema.ReplaceInstallation, s.installationID) })
	if err != nil {
		s.conn = nil
		return fmt.Errorf("set installation id: %w", err)
	}
	s.identity.installation, s.last.installation = s.installationID, s.installationID
	return nil
}

// newMirror returns the row of a fresh mirror. What the person decided holds
// on, as far as it is known. Where it is not, nothing is sent before somebody
// decides: what was read from a damaged file may be older than the decision. The installation is the same after its file was
// set aside as damaged, and another one after somebody deleted it.
func (s *DB) newMirror() []any {
	installation := uuid.NewString()
	if s.inherits && s.last.installation != "" {
		installation = s.last.installation
	}
	h := s.last
	h.decide(s.decision.Read(s.path, s.asked))
	if s.lost {
		h = s.afterLoss(h)
	}
	return []any{uuid.NewString(), installation, s.now().UnixNano(), int64(h.mode), h.modeSince, h.requireConsent, h.erasures}
}

// checkMirror refuses what is somebody else's. It looks once, at one state of
// the file: another process may be making the mirror.
func checkMirror(c *sqlitedb.Conn) error {
	var id, objects int64
	err := c.QueryRow(`SELECT application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id`).Scan(&id, &objects)
	if err != nil || id == schema.ApplicationID {
		return err
	}
	if id != 0 || objects != 0 {
		return fmt.Errorf("%w: it is another application's database", place.ErrNotMirror)
	}
	return nil
}

// setUp chooses a write-ahead log where the file system allows one. Without
// it, a commit that is not synchronised could damage the file.
func (s *DB) setUp(c *sqlitedb.Conn, path string) error {
	mode, err := c.JournalMode()
	if err == nil && mode != "wal" && s.mayHaveLog(path) {
		mode, err = c.WriteAhead(s.patience())
	}
	if err != nil {
		return fmt.Errorf("set journal mode: %w", err)
	}
	return c.Relax(mode)
}

// openReadOnly opens a file without changing it. Another process may be putting
// one in its place.
func (s *DB) openReadOnly() error {
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
		if (damaged(err) || errors.Is(err, place.ErrNotMirror)) && s.makeWay() || sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) && s.makeWayForUnreadable() {
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
	if s.conn != nil && os.SameFile(file, s.file) && !s.conn.Immutable {
		return nil
	}
	if s.conn != nil {
		_ = s.leaveReader(s.conn, s.file) // read-only, it leaves the files of its successor alone
		s.conn = nil
	}
	return s.openReadOnly()
}

func (s *DB) inspect(conn *sqlitedb.Conn) error {
	if err := checkMirror(conn); err != nil {
		return err
	}
	version, err := schema.VersionOf(conn)
	if err != nil {
		return err
	}
	if version > schema.Version {
		return fmt.Errorf("%w: schema %d, this program knows %d", schema.ErrNewer, version, schema.Version)
	}
	if version == 0 {
		return fmt.Errorf("%w: %w", place.ErrNotMirror, errEmpty)
	}
	s.conn = conn
	s.forget()
	h, err := s.readHeader()
	if err != nil {
		s.conn = nil
		return err
	}
	s.adopt(h)
	return nil
}
