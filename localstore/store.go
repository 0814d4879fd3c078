package localstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
)

// Store is an open mirror. [Open] makes it. All methods may be called
// concurrently, and on a nil Store, as a failed Open leaves it: those that
// return an error return [ErrNotOpen] then, but for Close, which has nothing to
// do.
type Store struct {
	config
	asked string // the path that Open was given, absolute
	path  string // of the file itself, which it may be a link to; guarded by mu

	mu         sync.Mutex // guards what follows, and the one write connection
	conn       *connection
	ends       context.Context // of the reading under way, nil for none
	file       os.FileInfo     // what conn writes to
	left       *connection     // that conn was before, to the same file
	held       held            // where an open file keeps its name
	closed     bool
	writer     *Writer
	generation uint64 // of remembered rows
	epoch      int64
	identity   identity
	decision   decisionFiles
	hurry      time.Duration // the most that the work under way waits for others; 0: busyTimeout
	last       header        // what the file said last, for the next one to take over
	noLog      bool          // the file system allows no write-ahead log
	inherits   bool          // the next one follows a file that was set aside
	lost       bool          // an earlier one was, and nothing is known of it
	recorded   bool          // something was written to file

	totals      map[int64]*totals // of series recorded lately
	dataVersion int64             // of the file that totals were read from
	activeDay   int64             // whose heartbeats are recorded
	expiredDay  int64             // on which old rows were last dropped
	ledger      ledger
	waits       bool // the shutdown waits long for the submission under way

	reference   reference
	notImported error // why not, while it is to be
	importAgain time.Time

	circumstances *Circumstances // what holds for this process; nil: not known

	reports []error // for the handler
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
//
// Links are followed, and what is made, set aside and erased is the file that
// they lead to; a link to the null device asks to record nothing: [ErrOptedOut].
// An empty file becomes the mirror in place. The mirror of another user, or one
// that every user can write or replace, is refused: [ErrUntrusted].
// What root makes belongs to the owner of the directory that was there.
//
// Where the database of the reference implementation lies at the path, the
// mirror is NAME.mirror.db beside it, and takes over its totals once; see
// [ImportFrom].
func Open(path string, opts ...Option) (*Store, error) {
	return OpenContext(context.Background(), path, opts...)
}

// OpenContext is [Open], whose queries and waits for other processes end with
// ctx. The Store does not keep it.
func OpenContext(ctx context.Context, path string, opts ...Option) (*Store, error) {
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
	c.now = instant.Clock(c.now)
	s := &Store{config: c, asked: path, path: path, generation: 1, reference: referenceOf(path)}
	if c.importFrom != "" {
		s.reference = referenceOf(c.importFrom)
	}
	s.lock()
	defer s.unlock()
	err = s.until(ctx, func() error {
		if c.readOnly {
			return s.openReadOnly()
		}
		err := s.open()
		if err == nil {
			s.importReference()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open mirror %s: %w", path, err)
	}
	return s, nil
}

// DefaultPath returns the mirror's usual place for an application:
// os.UserConfigDir()/APPLICATION/usage.db. A relative one is an error.
func DefaultPath(application string) (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find mirror: %w", err)
	}
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("find mirror: the user's configuration directory %q is relative: each working directory would have a mirror of its own", dir)
	}
	if filepath.Base(application) != application || !filepath.IsLocal(application) || application == "." {
		return "", fmt.Errorf("find mirror: application name %q cannot name a directory", application)
	}
	return filepath.Join(dir, application, "usage.db"), nil
}

// Path returns the absolute path of the mirror, which is not the one that was
// given to [Open] where that is a link, or where the reference implementation's
// database lies there.
func (s *Store) Path() string {
	if s.missing() {
		return ""
	}
	s.lock()
	defer s.unlock()
	return s.path
}

// missing reports a Store that [Open] did not make: nil, as a failed Open
// leaves it, or the zero value.
func (s *Store) missing() bool { return s == nil || s.asked == "" }

// SetBusyTimeout changes what [WithBusyTimeout] set, from the next transaction
// on: an application's start must not wait as long as its recordings may.
func (s *Store) SetBusyTimeout(d time.Duration) {
	if s.missing() {
		return
	}
	s.lock()
	defer s.unlock()
	s.ledger.mu.Lock() // a declaration reads it without the Store's lock
	defer s.ledger.mu.Unlock()
	s.busyTimeout = max(d, 0)
	if s.conn != nil && !s.closed {
		s.conn.waitAtMost(s.patience())
	}
}

// Close writes declarations that are not in the file yet and closes it. Shut
// the provider down first: its last export goes through the Store.
func (s *Store) Close() error {
	if s.missing() {
		return nil
	}
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
	if s.held.resting != nil {
		s.held.resting.Stop()
	}
	switch {
	case s.conn == nil:
	case s.readOnly:
		err = errors.Join(err, s.leaveReader(s.conn, s.file))
	default:
		err = errors.Join(err, s.conn.close())
	}
	if err != nil {
		return fmt.Errorf("close mirror: %w", err)
	}
	return nil
}

// Sync makes what was recorded survive a power failure: a commit that is
// synchronised takes those before it along. No context cuts it short.
func (s *Store) Sync(context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.lock()
	defer s.unlock()
	return wrap("sync mirror", s.writeDurably(func(tx *transaction) error {
		return tx.run(`UPDATE mirror SET recorded_day = recorded_day`)
	}))
}

// report keeps an error that has no caller, for unlock to hand over.
func (s *Store) report(err error) { s.reports = append(s.reports, err) }

func (s *Store) lock() { s.mu.Lock() }

// lockWithin is lock for a reading, which need not wait once ctx has ended.
func (s *Store) lockWithin(ctx context.Context) error {
	ctx = orBackground(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.mu.TryLock() {
		return nil
	}
	locked := make(chan struct{})
	go func() {
		s.lock()
		close(locked)
	}()
	select {
	case <-locked:
		return nil
	case <-ctx.Done():
		go func() {
			<-locked
			s.unlock()
		}()
		return ctx.Err()
	}
}

// orBackground returns a context also for a caller who passed none.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return background
	}
	return ctx
}

// unlock hands over what was reported once the Store can be used again: a
// handler may call it.
func (s *Store) unlock() {
	s.restLater()
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
