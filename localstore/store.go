package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
)

// Store is an open mirror. All methods may be called concurrently.
type Store struct {
	config
	path string

	mu         sync.Mutex // guards what follows, and the one write connection
	conn       *connection
	file       os.FileInfo // what conn writes to
	closed     bool
	writer     *Writer
	generation uint64 // of remembered rows
	epoch      int64
	identity   identity
	last       header // what the file said last, for the next one to take over
	inherits   bool   // the next one follows a file that was set aside

	totals      map[int64]*totals // of series recorded lately
	dataVersion int64             // of the file that totals were read from
	activeDay   int64             // whose heartbeats are recorded
	expiredDay  int64             // on which old rows were last dropped
	ledger      ledger

	reports []error // for the handler

	readers readers
}

// identity is what the mirror row says for good, or until Erase.
type identity struct {
	mirror, installation string
	createdAt            int64
}

// Open opens the mirror at path, and makes it, readable and writable for this
// user alone, where there is none. A mirror that is damaged is set aside beside
// it and a fresh one begun; the error handler is told. A file that is no mirror
// is left alone: [ErrNotMirror].
func Open(path string, opts ...Option) (*Store, error) {
	c := newConfig(opts)
	if c.installationID != "" {
		if err := checkInstallationID(c.installationID); err != nil {
			return nil, err
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	s := &Store{config: c, path: path, generation: 1}
	s.lock()
	defer s.unlock()
	if c.readOnly {
		err = s.openReadOnly()
	} else {
		err = s.open()
	}
	if err != nil {
		return nil, fmt.Errorf("open mirror %s: %w", path, err)
	}
	return s, nil
}

// DefaultPath returns the mirror's usual place for an application:
// os.UserConfigDir()/APPLICATION/usage.db.
func DefaultPath(application string) (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find mirror: %w", err)
	}
	if filepath.Base(application) != application || !filepath.IsLocal(application) || application == "." {
		return "", fmt.Errorf("find mirror: application name %q cannot name a directory", application)
	}
	return filepath.Join(dir, application, "usage.db"), nil
}

// Path returns the absolute path of the mirror.
func (s *Store) Path() string { return s.path }

// errMoved is met when another process put a file in the place of the one that
// was being opened.
var errMoved = errors.New("localstore: mirror was replaced while it was opened")

// opens is how often a file is opened that others set aside, or make, meanwhile.
const opens = 5

// open connects, and sets a damaged file aside. While several processes do that
// one may see the journal of another's fresh file beside the old one, and meets
// an error that is gone the next time.
func (s *Store) open() error {
	until := time.Now().Add(s.busyTimeout)
	for try := 1; ; try++ {
		err := s.connect()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errMoved) && time.Now().Before(until):
		case try == opens:
			return err
		case damaged(err):
			if err := s.replaceDamaged(err); err != nil {
				return err
			}
		case hasCode(err, codeIO, codeCannotOpen):
			if _, statErr := os.Stat(s.path); statErr != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (s *Store) connect() error {
	file, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && file.Size() == 0 {
		if err := s.create(); err != nil {
			return err
		}
		file, err = os.Stat(s.path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errMoved
	case err != nil:
		return err
	case file.IsDir():
		return fmt.Errorf("%w: it is a directory", ErrNotMirror)
	}
	os.SameFile(file, file) // on Windows the first comparison reads which file it is
	conn, err := connect(s.path, false, s.busyTimeout)
	if err == nil {
		err = s.prepare(conn)
	}
	// What was opened is the file at the path only if that is the same still.
	if now, statErr := os.Stat(s.path); statErr != nil || !os.SameFile(file, now) {
		if conn != nil {
			conn.abandon()
		}
		s.conn = nil
		return errors.Join(errMoved, err)
	}
	if conn == nil {
		return err
	}
	if err != nil {
		return errors.Join(err, conn.close())
	}
	s.file = file
	return nil
}

// prepare checks what was opened, brings it up to date and adopts it.
func (s *Store) prepare(conn *connection) error {
	if err := checkMirror(conn); err != nil {
		return err
	}
	if err := conn.setUp(s.busyTimeout); err != nil {
		return err
	}
	version, err := conn.pragma("user_version")
	if err != nil {
		return err
	}
	if version != schemaVersion {
		if err := conn.migrate(s.newMirror); err != nil {
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
	if s.last.mirror != "" && s.last.mirror != h.mirror {
		s.ledger.anew.Store(true)
	}
	s.adopt(h)
	s.inherits = false
	if s.installationID == "" || s.installationID == h.installation {
		return nil
	}
	err = conn.immediate(func() error { return conn.run(replaceInstallation, s.installationID) })
	if err != nil {
		s.conn = nil
		return fmt.Errorf("set installation id: %w", err)
	}
	s.identity.installation, s.last.installation = s.installationID, s.installationID
	return nil
}

const replaceInstallation = `UPDATE mirror SET installation_id = ?1`

// newMirror returns the row of a fresh mirror. What the person decided holds
// on, as far as it is known. The installation is the same after its file was
// set aside as damaged, and another one after somebody deleted it.
func (s *Store) newMirror() []any {
	installation := uuid.NewString()
	if s.inherits && s.last.installation != "" {
		installation = s.last.installation
	}
	return []any{uuid.NewString(), installation, s.now().UnixNano(), int64(s.last.mode), s.last.modeSince, s.last.requireConsent}
}

// createFile makes an empty file that only this user can read: SQLite gives
// the files beside it the same permissions. One that is there is left alone.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// checkMirror refuses what is somebody else's. It looks once, at one state of
// the file: another process may be making the mirror.
func checkMirror(c *connection) error {
	var id, objects int64
	err := c.conn.QueryRowContext(background, `SELECT application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id`).Scan(&id, &objects)
	if err != nil || id == applicationID {
		return err
	}
	if id != 0 || objects != 0 {
		return fmt.Errorf("%w: it is another application's database", ErrNotMirror)
	}
	return nil
}

// setUp chooses a write-ahead log where the file system allows one. Without
// it, a commit that is not synchronised could damage the file.
func (c *connection) setUp(wait time.Duration) error {
	mode, err := c.writeAhead(wait)
	if err != nil {
		return fmt.Errorf("set journal mode: %w", err)
	}
	c.relaxed = "PRAGMA synchronous = NORMAL"
	if mode != "wal" {
		c.relaxed = "PRAGMA synchronous = FULL"
	}
	_, err = c.exec(c.relaxed + "; PRAGMA journal_size_limit = 4194304")
	return err
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

// InstallationID returns the id under which this installation submits.
func (s *Store) InstallationID() string {
	s.lock()
	defer s.unlock()
	return s.identity.installation
}

// MirrorID returns the id of this file, which tells its streams from those of
// another file with the same installation id.
func (s *Store) MirrorID() string {
	s.lock()
	defer s.unlock()
	return s.identity.mirror
}

// CreatedAt returns when the mirror was made.
func (s *Store) CreatedAt() time.Time {
	s.lock()
	defer s.unlock()
	return time.Unix(0, s.identity.createdAt).UTC()
}

// SetInstallationID replaces the installation id, as [WithInstallationID] does.
func (s *Store) SetInstallationID(id string) error {
	if err := checkInstallationID(id); err != nil {
		return err
	}
	s.lock()
	defer s.unlock()
	return s.setInstallationID(id)
}

func (s *Store) setInstallationID(id string) error {
	err := s.write(func(tx *transaction) error {
		return tx.run(replaceInstallation, id)
	})
	if err != nil {
		return fmt.Errorf("set installation id: %w", err)
	}
	s.identity.installation, s.last.installation = id, id
	return nil
}

func checkInstallationID(id string) error {
	if id == "" || len(id) > 255 {
		return fmt.Errorf("%w: %d bytes, want 1 to 255", ErrInvalidID, len(id))
	}
	for _, b := range []byte(id) {
		if b < ' ' || b > '~' {
			return fmt.Errorf("%w: only printable ASCII is allowed", ErrInvalidID)
		}
	}
	return nil
}

// Close writes declarations that are not in the file yet and closes it. Shut
// the provider down first: its last export goes through the Store.
func (s *Store) Close() error {
	s.lock()
	defer s.unlock()
	if s.closed {
		return nil
	}
	var err error
	if s.hasDeclarations() {
		err = s.briefly(func() error { return s.write(func(*transaction) error { return nil }) })
	}
	s.closed = true
	if s.conn != nil {
		err = errors.Join(err, s.conn.close())
	}
	err = errors.Join(err, s.readers.close())
	if err != nil {
		return fmt.Errorf("close mirror: %w", err)
	}
	return nil
}

// Sync makes what was recorded survive a power failure: a commit that is
// synchronised takes those before it along.
func (s *Store) Sync(context.Context) error {
	s.lock()
	defer s.unlock()
	return wrap("sync mirror", s.writeDurably(func(tx *transaction) error {
		return tx.run(`UPDATE mirror SET recorded_day = recorded_day`)
	}))
}

// report keeps an error that has no caller, for unlock to hand over.
func (s *Store) report(err error) { s.reports = append(s.reports, err) }

func (s *Store) lock() { s.mu.Lock() }

// unlock hands over what was reported once the Store can be used again: a
// handler may call it.
func (s *Store) unlock() {
	reports := s.reports
	s.reports = nil
	s.mu.Unlock()
	for _, err := range reports {
		if s.onError != nil {
			s.onError(err)
		} else {
			otel.Handle(err)
		}
	}
}

// readers is the pool of read-only connections, opened on first use.
type readers struct {
	once sync.Once
	db   *sql.DB
	err  error
}

func (s *Store) reader() (*sql.DB, error) {
	s.readers.once.Do(func() {
		s.readers.db, s.readers.err = sql.Open("sqlite", dataSource(s.path, true, s.busyTimeout))
		if s.readers.err == nil {
			s.readers.db.SetMaxOpenConns(4)
		}
	})
	return s.readers.db, s.readers.err
}

func (r *readers) close() error {
	r.once.Do(func() { r.err = ErrClosed })
	if r.db == nil {
		return nil
	}
	return r.db.Close()
}

func (s *Store) openReadOnly() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%w: it is a directory", ErrNotMirror)
	}
	conn, err := connect(s.path, true, s.busyTimeout)
	if err != nil {
		return err
	}
	if err := s.inspect(conn); err != nil {
		return errors.Join(s.refuseForeign(err), conn.close())
	}
	return nil
}

func (s *Store) inspect(conn *connection) error {
	if err := checkMirror(conn); err != nil {
		return err
	}
	version, err := conn.pragma("user_version")
	if err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewerSchema, version, schemaVersion)
	}
	if version == 0 {
		return fmt.Errorf("%w: the file is empty", ErrNotMirror)
	}
	s.conn = conn
	h, err := s.readHeader()
	if err != nil {
		s.conn = nil
		return err
	}
	s.adopt(h)
	return nil
}
