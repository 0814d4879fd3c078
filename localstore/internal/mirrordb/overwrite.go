package mirrordb

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// ErasePause is how long Erase waits between tries.
const ErasePause = 20 * time.Millisecond

// FinishErase removes what erased content may still be in: pages that were free
// before, the log, and files that were set aside. Everything is deleted by then:
// any failure leaves the rest to the next try.
func (db *DB) FinishErase() error {
	db.Conn.WaitAtMost(ErasePause)
	defer db.Conn.WaitAtMost(db.Patience())
	steps := []func() error{db.Conn.DropFreePages, db.Conn.MergeLog, db.removeAside, func() error {
		return db.Conn.Immediate(func() error { return db.Conn.Run(`UPDATE mirror SET erase_pending = 0`) })
	}}
	for _, step := range steps {
		if err := step(); errors.Is(err, sqlitedb.ErrLogInUse) || sqlitedb.HasCode(err, sqlitedb.CodeBusy) {
			return ErrErasePending
		} else if err != nil {
			return fmt.Errorf("%w: %w", ErrErasePending, err)
		}
	}
	return nil
}

func (db *DB) removeAside() error {
	for _, path := range place.AsideFiles(db.path) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// CleanUp is FinishErase for a file in which something of what was erased may be
// left. What another process keeps it from is done with a later look, or by the
// next open.
func (db *DB) CleanUp() {
	if pending, err := db.Conn.Find(`SELECT erase_pending FROM mirror`); err == nil && pending != 0 {
		_ = db.FinishErase()
	}
}
