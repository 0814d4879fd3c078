package mirrordb

import (
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// ErrCut is met when somebody cut the files of a mirror short, or removed one,
// under a process that has them open. SQLite does not notice: it would merge
// what is not there any more into the database, and spoil it.
var ErrCut = fmt.Errorf("%w: it was cut short while it was open", series.ErrUnreadable)

// leaveIfCut sets a file that was cut aside, with what is left of it, before
// more is counted into it.
func (s *DB) leaveIfCut(file os.FileInfo) {
	if file.Size() > 0 && s.Conn.WasLeft(s.path) {
		s.release(s.Conn)
		s.Conn = nil
		return
	}
	if file.Size() > 0 && !s.Conn.LogIsCut(s.path) {
		return
	}
	s.Leave()
	if err := s.ReplaceDamaged(ErrCut); err != nil {
		s.Report(fmt.Errorf("set damaged mirror aside: %w", err))
	}
}
