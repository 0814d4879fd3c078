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
func (s *DB) FinishErase() error {
	s.Conn.WaitAtMost(ErasePause)
	defer s.Conn.WaitAtMost(s.Patience())
	steps := []func() error{s.Conn.DropFreePages, s.Conn.MergeLog, s.removeAside, func() error {
		return s.Conn.Immediate(func() error { return s.Conn.Run(`UPDATE mirror SET erase_pending = 0`) })
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

func (s *DB) removeAside() error {
	for _, path := range place.AsideFiles(s.path) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// CleanUp is finishErase for a file in which something of what was erased may be
// left. What another process keeps it from is done with a later look, or by the
// next open.
func (s *DB) CleanUp() {
	if pending, err := s.Conn.Find(`SELECT erase_pending FROM mirror`); err == nil && pending != 0 {
		_ = s.FinishErase()
	}
}
