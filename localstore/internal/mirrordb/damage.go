package mirrordb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// ReplaceDamaged sets a damaged mirror aside and puts a fresh one in its place.
// Processes that find the damage together take turns, and the later ones find the
// file replaced.
func (db *DB) ReplaceDamaged(cause error) error {
	if err := db.refuseForeign(cause); errors.Is(err, place.ErrNotMirror) {
		return err
	}
	return sqlitedb.WithLockFile(db.path+LockSuffix, db.Patience(), func() error {
		file, err := os.Stat(db.path)
		switch {
		case err == nil:
			// SQLite finds nothing wrong with what is unreadable; that
			// this is still the file it was read from has to do.
			unreadable := errors.Is(cause, series.ErrUnreadable) && db.file != nil && os.SameFile(file, db.file) || db.notedUnreadable()
			if !unreadable && !schema.IsDamaged(db.path, db.Patience()) {
				db.noticeSetAside()
				db.removeNote()
				return nil
			}
			db.salvage()
			db.lost = db.last.Mirror == ""
			aside, err := db.setAsideOnceClosed(unreadable)
			if errors.Is(err, ErrBusy) {
				return err
			} else if err != nil {
				if aside, err = db.copyAside(err); err != nil {
					return err
				}
			}
			db.inherits, db.recorded = true, false
			db.Report(fmt.Errorf("mirror is damaged and was set aside as %s: %w", aside, cause))
		case !errors.Is(err, fs.ErrNotExist):
			return err // it may be there, and sound
		}
		return db.place()
	})
}

// salvage reads from a damaged file the row that its successor takes over, unless
// this process knows it. Most damage leaves that row readable.
func (db *DB) salvage() {
	if db.last.Mirror != "" {
		return
	}
	conn, err := sqlitedb.Open(db.path, true, db.Patience())
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
		Scan(&h.Installation, &h.Mode, &h.ModeSince, &h.RequireConsent)
	if err == nil && schema.CheckInstallationID(h.Installation) == nil && h.Mode >= consent.ModeUnset && h.Mode <= consent.ModeOn {
		db.last = h
	}
	_ = conn.Close() // of a damaged file
}

// noticeSetAside reports, once, that another process set aside the file that this
// one recorded into: what it holds is not in the mirror any more.
func (db *DB) noticeSetAside() {
	if db.file == nil {
		return
	}
	aside := place.AsideOf(db.path, db.file)
	if aside == "" {
		return
	}
	db.inherits = true
	if db.recorded {
		db.recorded = false
		db.Report(fmt.Errorf("mirror was found damaged by another process, which set it aside as %s", aside))
	}
}

// heed sets aside a mirror that another process found damaged, before it is opened
// again.
func (db *DB) heed() error {
	if db.Existing {
		return fmt.Errorf("%w: %w", ErrDamaged, errNoted)
	}
	return db.ReplaceDamaged(errNoted)
}
