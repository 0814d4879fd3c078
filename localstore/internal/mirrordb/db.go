package mirrordb

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// DB is the mirror's file: one connection, what the file said last, and what is
// known of its place.
type DB struct {
	Options
	hooks Hooks
	asked string // the path that Open was given, absolute
	path  string // of the file itself, which it may be a link to; guarded by mu

	mu         sync.Mutex      // guards what follows, Conn's transactions included; see Lock for the order
	Conn       *sqlitedb.Conn  // the one that writes; nil while there is none
	ends       context.Context // of the reading under way, nil for none
	file       os.FileInfo     // what Conn writes to
	left       *sqlitedb.Conn  // the connection before Conn, to the same file
	held       held            // where an open file keeps its name
	closed     bool
	generation uint64 // of remembered rows
	epoch      int64
	identity   Identity
	decision   decision.Files
	busy       atomic.Int64      // nanoseconds, see BusyLimit
	hurry      time.Duration     // the most that the work under way waits for others; 0: BusyLimit
	last       Header            // what the file said last, for the next one to take over
	NoLog      bool              // the file system allows no write-ahead log
	inherits   bool              // the next one follows a file that was set aside
	lost       bool              // an earlier one was, and nothing is known of it
	recorded   bool              // something was written to file
	cache      uint64            // what is known of a file that is not open yet; 0 for nothing
	said       decision.Decision // in it

	dataVersion int64            // of the file that was read last
	accepted    schema.Soundness // of what Conn is open to

	circumstances *consent.Circumstances // what holds for this process; nil: not known

	reports []error // for the handler
}

// Hooks are functions of the packages above that are called at the moments of a
// file's life. The caller holds mu.
type Hooks struct {
	// Begin runs in each writing transaction before its work. What it returns
	// runs after the commit, and not at all when there is none.
	Begin func(*Tx) (committed func(), err error)

	// Waiting reports whether Begin would have something to write.
	Waiting func() bool

	// Withhold runs in a transaction after which nothing may be sent any more.
	Withhold func(*Tx) error

	// Opened runs before each use of the file; fresh says that it was opened
	// just now.
	Opened func(fresh bool) error

	// Forgot says that rows which were remembered may be gone, Changed that
	// another process wrote to the file, Replaced that it is another one.
	Forgot, Changed, Replaced func()
}

// Options say how a mirror is opened.
type Options struct {
	ReadOnly       bool          // for looking at it
	Existing       bool          // for changing it on request: none is made
	BusyTimeout    time.Duration // how long a transaction waits for another process's
	InstallationID string        // in place of the random one; "" for that
	Now            func() time.Time
	OnError        func(error) // nil: otel.Handle
}

// New returns the mirror at an absolute path, which is not open yet.
func New(path string, o Options) *DB {
	db := &DB{Options: o, asked: path, path: path, generation: 1}
	db.busy.Store(int64(o.BusyTimeout))
	return db
}

// Report keeps an error that has no caller, for Unlock to hand over.
func (db *DB) Report(err error) { db.reports = append(db.reports, err) }

// Locate follows the path that was asked for to the file that it leads to, and
// makes that file's own path the mirror's: what is opened, made, set aside and
// erased is the file, and never a link to it. Where nothing lies at the path the
// error is fs.ErrNotExist.
func (db *DB) Locate() (os.FileInfo, error) {
	path, file, err := place.Find(db.asked)
	if path != "" {
		db.path = path
	}
	return file, err
}

// Use sets what other rooms do, before the file is opened.
func (db *DB) Use(h Hooks) { db.hooks = h }

// IsOpen reports whether there is a connection.
func (db *DB) IsOpen() bool { return db.Conn != nil }

// IsClosed reports whether Close was called.
func (db *DB) IsClosed() bool { return db.closed }

// IsReadOnly reports whether the file was opened for looking at it.
func (db *DB) IsReadOnly() bool { return db.ReadOnly }

// Waiting reports whether the next transaction has something to write of its own.
func (db *DB) Waiting() bool { return db.hooks.Waiting() }

// Identity is what the file said last. The caller holds mu.
func (db *DB) Identity() Identity { return db.identity }

// LastHeader is what the file said last. The caller holds mu.
func (db *DB) LastHeader() Header { return db.last }

// Path is the path of the file itself. The caller holds mu.
func (db *DB) Path() string { return db.path }

// Asked is the path that was asked for, absolute, which may be a link.
func (db *DB) Asked() string { return db.asked }

// Generation returns a number that changes when remembered rows may be gone: a row
// remembered under another one is read again.
func (db *DB) Generation() uint64 { return db.generation }

// Find returns where the file is now. It needs no lock.
func (db *DB) Find() (path string, file os.FileInfo, err error) { return place.Find(db.asked) }

// ReadDecision returns what the file beside the mirror says. The caller holds mu.
func (db *DB) ReadDecision() decision.Decision { return db.decision.Read(db.path, db.asked) }

// WriteDecision puts a decision beside the mirror. The caller holds mu.
func (db *DB) WriteDecision(mode consent.Mode) error { return decision.Write(db.path, db.asked, mode) }

// held is what is known of a file that keeps its name while it is open.
type held struct {
	waited      bool        // for others to close a damaged file
	disbelieved time.Time   // when the note was left that this file is damaged, which it is not
	resting     *time.Timer // closes the file when nobody asks any more
}
