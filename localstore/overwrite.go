package localstore

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// erasePause is how long Erase waits between tries.
const erasePause = 20 * time.Millisecond

// finishErase removes what erased content may still be in: pages that were free
// before, the log, and files that were set aside. Everything is deleted by then:
// any failure leaves the rest to the next try.
func (s *DB) finishErase() error {
	s.conn.waitAtMost(erasePause)
	defer s.conn.waitAtMost(s.patience())
	steps := []func() error{s.conn.dropFreePages, s.conn.mergeLog, s.removeAside, func() error {
		return s.conn.immediate(func() error { return s.conn.run(`UPDATE mirror SET erase_pending = 0`) })
	}}
	for _, step := range steps {
		if err := step(); errors.Is(err, errLogInUse) || hasCode(err, codeBusy) {
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
