package mirrordb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// ReplaceDamaged moves a damaged mirror out of the way and puts a fresh one in
// its place. Processes that find the damage together take turns, and the later
// ones find the file replaced.
func (s *DB) ReplaceDamaged(cause error) error {
	if err := s.refuseForeign(cause); errors.Is(err, place.ErrNotMirror) {
		return err
	}
	return sqlitedb.WithLockFile(s.path+LockSuffix, s.Patience(), func() error {
		file, err := os.Stat(s.path)
		switch {
		case err == nil:
			// SQLite finds nothing wrong with what is unreadable; that
			// this is still the file it was read from has to do.
			unreadable := errors.Is(cause, series.ErrUnreadable) && s.file != nil && os.SameFile(file, s.file) || s.notedUnreadable()
			if !unreadable && !s.isDamaged() {
				s.noticeSetAside()
				s.removeNote()
				return nil
			}
			s.salvage()
			s.lost = s.last.Mirror == ""
			aside, err := s.setAsideOnceClosed(unreadable)
			if errors.Is(err, ErrBusy) {
				return err
			} else if err != nil {
				if aside, err = s.copyAside(err); err != nil {
					return err
				}
			}
			s.inherits, s.recorded = true, false
			s.Report(fmt.Errorf("mirror is damaged and was set aside as %s: %w", aside, cause))
		case !errors.Is(err, fs.ErrNotExist):
			return err // it may be there, and sound
		}
		return s.place()
	})
}

// create puts a fresh mirror where there is no file, or an empty one.
func (s *DB) create() error {
	if err := place.MakeDirectory(filepath.Dir(s.path)); err != nil {
		return err
	}
	return sqlitedb.WithLockFile(s.path+LockSuffix, s.Patience(), func() error {
		switch file, err := s.locate(); {
		case errors.Is(err, fs.ErrNotExist):
			s.lost = s.lost || s.last.Mirror == "" && place.WasDamaged(s.path)
		case err != nil || file.Size() > 0:
			s.lost = false
			return err // another process was first
		case s.last.Mirror != "":
			s.inherits = true // ours, cut to nothing
			s.Report(errors.New("mirror was cut to nothing, a fresh one is begun"))
		}
		return s.place()
	})
}

const (
	LockSuffix  = ".lock"
	FreshSuffix = ".new"
)

// place makes a mirror under another name and renames it, complete, to its own:
// no process ever sees half of one. An empty file that nobody has open becomes
// the mirror itself. The caller holds the lock file.
func (s *DB) place() error {
	s.removeNote() // of the former one
	if blank, err := s.isBlank(); err != nil {
		return err
	} else if blank {
		return s.build(s.path)
	}
	fresh := s.path + FreshSuffix
	if file, err := os.Lstat(fresh); err == nil && !file.Mode().IsRegular() {
		return fmt.Errorf("make %s: it is %s", fresh, place.Irregular(file.Mode()))
	}
	err := s.buildWhole(fresh)
	if err != nil {
		err = s.buildWhole(fresh) // one write may fail on a sound disk
	}
	if err != nil {
		return errors.Join(err, place.RemoveAll(fresh))
	}
	// The files beside a mirror that was deleted without them: processes that
	// have it open go on with them, the fresh one must not.
	if err := place.RemoveBeside(s.path); err != nil {
		return errors.Join(err, place.RemoveAll(fresh))
	}
	if err := place.Rename(fresh, s.path); err != nil {
		return errors.Join(err, place.RemoveAll(fresh))
	}
	return nil
}

// errInLog is met where a part of a fresh mirror is in its log alone, and would
// stay behind.
var errInLog = errors.New("localstore: fresh mirror is not whole")

// buildWhole makes a mirror that can be renamed. Closing its connection merges
// the log, and says nothing of a write that fails.
func (s *DB) buildWhole(path string) error {
	if err := place.RemoveAll(path); err != nil { // of a process that died here
		return err
	}
	if err := s.build(path); err != nil {
		return err
	}
	if place.HasLog(path) {
		return s.mergeLogOf(path)
	}
	return nil
}

// mergeLogOf merges the log of a mirror that nobody has open, or says what keeps
// it from that, as a full disk does.
func (s *DB) mergeLogOf(path string) error {
	conn, err := sqlitedb.Open(path, false, s.Patience())
	if err != nil {
		return fmt.Errorf("%w: %w", errInLog, err)
	}
	if err = errors.Join(conn.MergeLog(), conn.Close()); err != nil {
		return fmt.Errorf("%w: %w", errInLog, err)
	}
	if place.HasLog(path) {
		return errInLog
	}
	return nil
}

// build makes a mirror, without a write-ahead log where that turns out not to
// work.
func (s *DB) build(path string) error {
	if err := place.Create(path); err != nil {
		return err
	}
	err := s.fill(path)
	if sqlitedb.NoSharedMemory(err) {
		if err = s.leaveLog(path); err == nil {
			err = s.fill(path)
		}
	}
	return err
}

func (s *DB) fill(path string) error {
	conn, err := sqlitedb.Open(path, false, s.Patience())
	if err != nil {
		return err
	}
	if err = s.setUp(conn, path); err == nil {
		err = schema.Migrate(conn, s.newMirror)
	}
	return errors.Join(err, conn.Close())
}

// refuseForeign tells a file that is no database, and never was one, from a
// damaged mirror: it adds ErrNotMirror to the error that reading it met.
func (s *DB) refuseForeign(err error) error {
	if !sqlitedb.Unsound(err) {
		return err
	}
	file, statErr := os.Stat(s.path)
	known := statErr == nil && s.file != nil && os.SameFile(file, s.file)
	if ours, readErr := wasMirror(s.path, known); ours || readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%w: %w", place.ErrNotMirror, err)
}

func IsDamage(err error) bool {
	return sqlitedb.Unsound(err) || errors.Is(err, schema.ErrNoMirror) || errors.Is(err, series.ErrUnreadable) || sqlitedb.HasCode(err, sqlitedb.CodeTooBig)
}

// named adds to what was met the error that a caller can test for.
func (s *DB) named(err error) error {
	switch {
	case sqlitedb.HasCode(err, sqlitedb.CodeBusy) && !errors.Is(err, ErrBusy):
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case sqlitedb.NoSharedMemory(err):
		return fmt.Errorf("the file system has no memory for a write-ahead log to share, which the application does without when it next runs: %w", err)
	case (sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen) || !s.ReadOnly && sqlitedb.HasCode(err, sqlitedb.CodeReadOnly)) && !errors.Is(err, fs.ErrPermission):
		return s.cannotOpen(err)
	case (s.ReadOnly || s.Existing) && IsDamage(err) && !errors.Is(err, place.ErrNotMirror) && !errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// cannotOpen adds to SQLite's one code for everything that keeps a file from
// being opened, and the one for what keeps it from being written, which of it was
// met.
func (s *DB) cannotOpen(err error) error {
	if dir, openErr := os.Open(filepath.Dir(s.path)); errors.Is(openErr, syscall.EMFILE) || errors.Is(openErr, syscall.ENFILE) {
		return fmt.Errorf("%w: %w", openErr, err)
	} else if openErr == nil {
		_ = dir.Close() // nothing was written
	}
	switch reason := place.Denied(s.path, !s.ReadOnly); {
	case reason == nil:
		return err
	case errors.Is(reason, fs.ErrPermission):
		return fmt.Errorf("%w: %w", reason, err)
	default:
		return fmt.Errorf("%w: %w: %w", fs.ErrPermission, reason, err) // a read-only file system
	}
}

// isDamaged reports whether the file at the path reads as an unsound database,
// twice, each time through a connection of its own: one read may fail. A file
// that cannot be read now, because another process is making it, is not damaged.
func (s *DB) isDamaged() bool {
	if file, err := os.Stat(s.path); err == nil && file.Size() == 0 {
		return true
	}
	for range 2 {
		if !s.readsDamaged() {
			return false
		}
	}
	return true
}

func (s *DB) readsDamaged() bool {
	conn, err := sqlitedb.Open(s.path, false, s.Patience())
	if err != nil {
		return sqlitedb.Unsound(err)
	}
	var verdict string
	err = conn.QueryRow("PRAGMA integrity_check(1)").Scan(&verdict)
	empty := err == nil && schema.HasNoMirror(conn)
	_ = conn.Close() // nothing was written
	if err != nil {
		return sqlitedb.Unsound(err)
	}
	return verdict != "ok" || empty
}

// diagnose tells damage that SQLite has another name for. Where a table or a
// column of a known schema is gone, as after a repair, no statement can run. A
// file whose header forbids to write is damaged, one that may not be written is
// not.
func (s *DB) diagnose(err error) error {
	if schemaGone(err) {
		return fmt.Errorf("%w: %w", series.ErrUnreadable, err)
	}
	if s.ReadOnly || !sqlitedb.HasCode(err, sqlitedb.CodeReadOnly) {
		return err
	}
	const writeVersion, known = 18, 2 // where it stands, and the highest there is
	f, _, openErr := place.Open(s.path)
	if openErr != nil {
		return err
	}
	defer f.Close() // which drops this process's locks: nothing can be written in any case
	var b [1]byte
	if _, readErr := f.ReadAt(b[:], writeVersion); readErr == nil && b[0] > known {
		return fmt.Errorf("%w: %w", series.ErrUnreadable, err)
	}
	return err
}

// salvage reads from a damaged file what its successor takes over, unless this
// process knows it. Most damage leaves that one row legible.
func (s *DB) salvage() {
	if s.last.Mirror != "" {
		return
	}
	conn, err := sqlitedb.Open(s.path, true, s.Patience())
	if err != nil {
		return
	}
	var h Header
	if errors.Is(schema.RefuseViews(conn, schema.ErrNoMirror), schema.ErrNoMirror) {
		_ = conn.Close() // read-only
		return
	}
	_, _ = conn.Exec("PRAGMA writable_schema = 1") // lets a file that was cut off be read
	err = conn.QueryRow(`SELECT installation_id, mode, mode_since, require_consent FROM mirror`).
		Scan(&h.Installation, &h.Mode, &h.modeSince, &h.RequireConsent)
	if err == nil && schema.CheckInstallationID(h.Installation) == nil && h.Mode >= consent.ModeUnset && h.Mode <= consent.ModeOn {
		s.last = h
	}
	_ = conn.Close() // of a damaged file
}

// noticeSetAside tells, once, that the file this Store recorded into was set
// aside by somebody else: what it holds is not in the mirror any more.
func (s *DB) noticeSetAside() {
	if s.file == nil {
		return
	}
	aside := place.AsideOf(s.path, s.file)
	if aside == "" {
		return
	}
	s.inherits = true
	if s.recorded {
		s.recorded = false
		s.Report(fmt.Errorf("mirror was found damaged by another process, which set it aside as %s", aside))
	}
}

// wasMirror reports whether a file that does not read as a database shows that
// it was a mirror. Anything else may be somebody's document under a wrong path
// and is not to be moved. What a file system zeroed after a crash shows nothing:
// it was one if this process had it open, or if a log lies beside it.
func wasMirror(path string, known bool) (bool, error) {
	if place.HasBeside(path) {
		return true, nil
	}
	f, _, err := place.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, schema.MarkLimit))
	if err != nil {
		return false, err
	}
	if known && len(bytes.Trim(start, "\x00")) == 0 {
		return true, nil
	}
	return bytes.Contains(start, []byte("CREATE TABLE mirror")) || schema.HasApplicationID(start), nil
}
