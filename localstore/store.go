package localstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/importer"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/recovery"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Store is an open mirror. [Open] makes it. All methods may be called concurrently,
// and on a nil Store, which a failed Open returns: methods that return an error
// then return [ErrNotOpen], except for Close, which has nothing to do.
type Store struct {
	db       *mirrordb.DB
	book     *totals.Book
	ledger   *ledger.Ledger
	importer *importer.Importer
	recorder *recording.Recorder
	recovery *recovery.Recovery
	outbox   *outbox.Outbox
	reads    *snapshot.Reader
	keep     atomic.Pointer[func(otelusage.Kept) func()]
	lazily   bool
	wakes    bool // the file is to be opened for the first time
}

// newStore builds the rooms of a Store upon its file, which is not open yet.
func newStore(c config, path string) *Store {
	db := mirrordb.New(path, c.file)
	b := totals.New(db, c.limits)
	l := ledger.New(db, b)
	s := &Store{
		db: db, book: b, ledger: l,
		importer: importer.New(db, b, l, c.importFrom),
		recorder: recording.New(db, b),
		lazily:   c.lazily && !c.file.ReadOnly && !c.file.Existing,
	}
	s.outbox = outbox.New(db, b, s.importer, c.random)
	s.reads = snapshot.New(db, l)
	s.recovery = recovery.New(db, s.recorder)
	s.recorder.After(s.recovery.Continue)
	l.ConvertWith(s.importer.ConvertImported)
	db.Use(mirrordb.Hooks{
		Begin: l.Register, Waiting: l.HasDeclarations,
		Withhold: s.outbox.WithholdPending,
		Opened:   s.opened,
		Forgot:   func() { b.ForgetTotals(); s.recorder.Forget(); l.Forget() },
		Changed:  func() { b.ForgetTotals(); s.recorder.Changed() },
		Replaced: func() { l.DeclareAnew() },
	})
	return s
}

// Open opens the mirror at path. If there is none, it makes one that only this user
// can read and write. A damaged mirror is set aside, a fresh one takes its place,
// and the error handler is called. A file that is no mirror is left as it is:
// [ErrNotMirror].
//
// Links are followed: the file that they lead to is made, set aside and erased. A
// link to the null device asks to record nothing: [ErrOptedOut]. An empty file
// becomes the mirror in place. The mirror of another user, or one that every user
// can write or replace, is refused: [ErrUntrusted]. Files and directories that root
// makes belong to the owner of the nearest directory that existed before.
//
// Where the database of the Python library lies at the path, the
// mirror is NAME.mirror.db beside it, and takes over its totals once; see
// [ImportFrom].
func Open(path string, opts ...Option) (*Store, error) {
	return OpenContext(context.Background(), path, opts...)
}

// OpenContext is [Open] with a context that ends its queries and its waits for
// other processes. The Store does not keep the context.
func OpenContext(ctx context.Context, path string, opts ...Option) (*Store, error) {
	c := newConfig(opts)
	if c.file.InstallationID != "" {
		if err := schema.CheckInstallationID(c.file.InstallationID); err != nil {
			return nil, err
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	c.file.Now = instant.Clock(c.file.Now)
	s := newStore(c, path)
	s.db.Lock()
	defer s.db.Unlock()
	if s.lazily && s.sleep() {
		return s, nil
	}
	err = s.db.Until(ctx, func() error {
		if c.file.ReadOnly {
			return s.db.OpenReadOnly()
		}
		err := s.db.Open()
		if err == nil {
			s.importer.Import()
			s.recovery.Run()
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

// Path returns the absolute path of the mirror. It differs from the one given to
// [Open] if that is a link, or if the Python library's database lies there.
func (s *Store) Path() string {
	if s.missing() {
		return ""
	}
	s.db.Lock()
	defer s.db.Unlock()
	return s.db.Path()
}

// missing reports a Store that [Open] did not make: nil, as a failed Open
// leaves it, or the zero value.
func (s *Store) missing() bool { return s == nil || s.db == nil }

// SetBusyTimeout changes what [WithBusyTimeout] set, from the next transaction on.
// An application's start should not wait as long as its recordings may.
func (s *Store) SetBusyTimeout(d time.Duration) {
	if s.missing() {
		return
	}
	s.db.SetBusyTimeout(d)
}

// Close writes declarations that are not in the file yet and closes it. Shut
// the provider down first: its last recording goes through the Store.
func (s *Store) Close() error {
	if s.missing() {
		return nil
	}
	s.db.Lock()
	defer s.db.Unlock()
	if s.db.IsClosed() {
		return nil
	}
	var err error
	if s.ledger.HasDeclarations() && !s.recorder.HasLeft() {
		err = s.db.WriteWaiting()
	}
	err = errors.Join(err, s.leaveCache(s.db.Close))
	if err != nil {
		return fmt.Errorf("close mirror: %w", err)
	}
	return nil
}

// Sync makes what was recorded survive a power failure: a synchronized commit
// includes those before it. The context does not cut it short.
func (s *Store) Sync(context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	s.db.Lock()
	defer s.db.Unlock()
	return mirrordb.Wrap("sync mirror", s.db.Update(s.db.Context(), mirrordb.Durable, func(tx *mirrordb.Tx) error {
		return tx.Run(`UPDATE mirror SET recorded_day = recorded_day`)
	}))
}

// IsReadOnly reports whether the Store was opened with [ReadOnly].
func (s *Store) IsReadOnly() bool { return s.missing() || s.db.IsReadOnly() }

var (
	_ otelusage.Ledger = (*Store)(nil)
	_ otelusage.Keeper = (*Store)(nil)
)

// Declare implements [otelusage.Ledger]. New trackables reach the file with the
// next recording, submission or query of this Store, or with Close.
func (s *Store) Declare(d otelusage.Declaration) (otelusage.Lifetime, error) {
	if s.missing() {
		return otelusage.Lifetime{}, ErrNotOpen
	}
	return s.ledger.Declare(d)
}

// KeepWith sets who keeps what trackables count, for an exporter that has a journal;
// nil for nobody.
func (s *Store) KeepWith(keep func(otelusage.Kept) (changed func())) {
	switch {
	case s.missing():
	case keep == nil:
		s.keep.Store(nil)
	default:
		s.keep.Store(&keep)
	}
}

// Keep implements [otelusage.Keeper]: it hands on to who records. Without a journal
// nothing is kept.
func (s *Store) Keep(k otelusage.Kept) (changed func()) {
	if s.missing() {
		return nil
	}
	if keep := s.keep.Load(); keep != nil {
		return (*keep)(k)
	}
	return nil
}
