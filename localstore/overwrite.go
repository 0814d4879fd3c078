package localstore

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// erasePause is how long Erase waits between tries.
const erasePause = 20 * time.Millisecond

// finishErase removes what erased content may still be in: pages that were free
// before, the log, and files that were set aside. Everything is deleted by then:
// any failure leaves the rest to the next try.
func (s *DB) finishErase() error {
	s.conn.WaitAtMost(erasePause)
	defer s.conn.WaitAtMost(s.patience())
	steps := []func() error{s.conn.DropFreePages, s.conn.MergeLog, s.removeAside, func() error {
		return s.conn.Immediate(func() error { return s.conn.Run(`UPDATE mirror SET erase_pending = 0`) })
	}}
	for _, step := range steps {
		if err := step(); errors.Is(err, sqlitedb.ErrLogInUse) || sqlitedb.HasCode(err, sqlitedb.CodeBusy) {
			return errErasePending
		} else if err != nil {
			return fmt.Errorf("%w: %w", errErasePending, err)
		}
	}
	return nil
}

func (s *DB) removeAside() error {
	for _, path := range place.AsideFiles(s.path) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// cleanUp is finishErase for a file in which something of what was erased may be
// left. What another process keeps it from is done with a later look, or by the
// next open.
func (s *DB) cleanUp() {
	if pending, err := s.conn.Find(`SELECT erase_pending FROM mirror`); err == nil && pending != 0 {
		_ = s.finishErase()
	}
}
