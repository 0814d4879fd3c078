package localstore

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// DB is the mirror's file.
type DB struct {
	fileOptions
	hooks hooks
	asked string // the path that Open was given, absolute
	path  string // of the file itself, which it may be a link to; guarded by mu

	mu         sync.Mutex // guards what follows, and the one write connection
	conn       *sqlitedb.Conn
	ends       context.Context // of the reading under way, nil for none
	file       os.FileInfo     // what conn writes to
	left       *sqlitedb.Conn  // that conn was before, to the same file
	held       held            // where an open file keeps its name
	closed     bool
	generation uint64 // of remembered rows
	epoch      int64
	identity   identity
	decision   decision.Files
	busy       atomic.Int64  // nanoseconds, see busyLimit
	hurry      time.Duration // the most that the work under way waits for others; 0: busyLimit
	last       header        // what the file said last, for the next one to take over
	noLog      bool          // the file system allows no write-ahead log
	inherits   bool          // the next one follows a file that was set aside
	lost       bool          // an earlier one was, and nothing is known of it
	recorded   bool          // something was written to file

	dataVersion int64     // of the file that was read last
	accepted    soundness // of what conn is open to

	circumstances *consent.Circumstances // what holds for this process; nil: not known

	reports []error // for the handler
}

// hooks are what other rooms do at the moments of a file's life. The caller
// holds mu.
type hooks struct {
	// begin runs in each writing transaction before its work, committed after
	// its commit.
	begin func(*transaction) (committed func(), err error)

	// waiting reports whether begin would have something to write.
	waiting func() bool

	// withhold runs in a transaction after which nothing may be sent any more.
	withhold func(*transaction) error

	// opened runs before each use of the file; fresh says that it was opened
	// just now.
	opened func(fresh bool) error

	// forgot says that rows which were remembered may be gone, changed that
	// another process wrote to the file, replaced that it is another one.
	forgot, changed, replaced func()
}

// identity is what the mirror row says for good, or until Erase.
type identity struct {
	mirror, installation string
	createdAt            int64
}

// fileOptions say how a mirror is opened.
type fileOptions struct {
	readOnly       bool          // for looking at it
	existing       bool          // for changing it on request: none is made
	busyTimeout    time.Duration // how long a transaction waits for another process's
	installationID string        // in place of the random one; "" for that
	now            func() time.Time
	onError        func(error) // nil: otel.Handle
}

// newDB returns the mirror at an absolute path, which is not open yet.
func newDB(path string, o fileOptions) *DB {
	db := &DB{fileOptions: o, asked: path, path: path, generation: 1}
	db.busy.Store(int64(o.busyTimeout))
	return db
}

// report keeps an error that has no caller, for unlock to hand over.
func (s *DB) report(err error) { s.reports = append(s.reports, err) }

func (s *DB) lock() { s.mu.Lock() }

// lockWithin is lock for a reading, which need not wait once ctx has ended.
func (s *DB) lockWithin(ctx context.Context) error {
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
		return sqlitedb.Background
	}
	return ctx
}

// unlock hands over what was reported once the Store can be used again: a
// handler may call it.
func (s *DB) unlock() {
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

// locate follows the path that was asked for to the file that it leads to, and
// makes that file's own path the Store's: what is opened, made, set aside and
// erased is the file, and never a link to it. Where nothing lies at the path the
// error is fs.ErrNotExist.
func (s *DB) locate() (os.FileInfo, error) {
	path, file, err := place.Find(s.asked)
	if path != "" {
		s.path = path
	}
	return file, err
}

// consentOf is what the Store says of consent. The caller holds s.mu.
func (s *DB) consentOf(h *header) consent.Consent {
	if s.circumstances == nil {
		return h.consent()
	}
	return s.circumstances.ApplyTo(h.consent(), h.sharedMark > 0)
}

// use sets what other rooms do, before the file is opened.
func (s *DB) use(h hooks) { s.hooks = h }

// isOpen reports whether there is a connection.
func (s *DB) isOpen() bool { return s.conn != nil }

// isClosed reports whether close was called.
func (s *DB) isClosed() bool { return s.closed }

// isReadOnly reports whether the file was opened for looking at it.
func (s *DB) isReadOnly() bool { return s.readOnly }

// waiting reports whether the next transaction has something to write of its own.
func (s *DB) waiting() bool { return s.hooks.waiting() }

// identityNow is what the file said last. The caller holds mu.
func (s *DB) identityNow() identity { return s.identity }

// lastHeader is what the file said last. The caller holds mu.
func (s *DB) lastHeader() header { return s.last }

// currentPath is the path of the file itself. The caller holds mu.
func (s *DB) currentPath() string { return s.path }

// askedPath is the path that was asked for, absolute, which may be a link.
func (s *DB) askedPath() string { return s.asked }

// generationOf tells rows that are remembered from those of another time.
func (s *DB) generationOf() uint64 { return s.generation }

// find returns where the file is now. It needs no lock.
func (s *DB) find() (path string, file os.FileInfo, err error) { return place.Find(s.asked) }

// readDecision returns what the file beside the mirror says. The caller holds mu.
func (s *DB) readDecision() decision.Decision { return s.decision.Read(s.path, s.asked) }

// writeDecision puts a decision beside the mirror. The caller holds mu.
func (s *DB) writeDecision(mode consent.Mode) error { return decision.Write(s.path, s.asked, mode) }

// setCircumstances sets what this process knows beside the mirror.
func (s *DB) setCircumstances(x consent.Circumstances) {
	s.lock()
	defer s.unlock()
	s.circumstances = &x
}

// circumstancesNow returns what setCircumstances set, else those of a viewer.
func (s *DB) circumstancesNow() consent.Circumstances {
	s.lock()
	defer s.unlock()
	if s.circumstances == nil {
		return consent.Circumstances{Viewer: true}
	}
	return *s.circumstances
}

// tryLock is lock, if nobody has it.
func (s *DB) tryLock() bool { return s.mu.TryLock() }

// unlockSilently is unlock that leaves what is reported to the next one.
func (s *DB) unlockSilently() { s.mu.Unlock() }

// close closes the file for good. The caller holds mu.
func (s *DB) close() error {
	s.closed = true
	if s.held.resting != nil {
		s.held.resting.Stop()
	}
	switch {
	case s.conn == nil:
		return nil
	case s.readOnly:
		return s.leaveReader(s.conn, s.file)
	}
	return s.conn.Close()
}
