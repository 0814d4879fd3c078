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

// FinishErase removes everything that may still hold erased content: free pages,
// the log, and files that were set aside. The rows are deleted by then, so that
// what fails is left to the next attempt.
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

// CleanUp is FinishErase for a file that may still hold erased content. If another
// process prevents it, a later call or the next Open does it.
func (db *DB) CleanUp() {
	if pending, err := db.Conn.Find(`SELECT erase_pending FROM mirror`); err == nil && pending != 0 {
		_ = db.FinishErase()
	}
}
