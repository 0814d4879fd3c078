package localstore

import (
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// errCut is met when somebody cut the files of a mirror short, or removed one,
// under a process that has them open. SQLite does not notice: it would merge
// what is not there any more into the database, and spoil it.
var errCut = fmt.Errorf("%w: it was cut short while it was open", series.ErrUnreadable)

// leaveIfCut sets a file that was cut aside, with what is left of it, before
// more is counted into it.
func (s *DB) leaveIfCut(file os.FileInfo) {
	if file.Size() > 0 && s.conn.WasLeft(s.path) {
		s.release(s.conn)
		s.conn = nil
		return
	}
	if file.Size() > 0 && !s.conn.LogIsCut(s.path) {
		return
	}
	s.leave()
	if err := s.replaceDamaged(errCut); err != nil {
		s.report(fmt.Errorf("set damaged mirror aside: %w", err))
	}
}
