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
func (db *DB) leaveIfCut(file os.FileInfo) {
	if file.Size() > 0 && db.Conn.WasLeft(db.path) {
		db.release(db.Conn)
		db.Conn = nil
		return
	}
	if file.Size() > 0 && !db.Conn.LogIsCut(db.path) {
		return
	}
	db.Leave()
	if err := db.ReplaceDamaged(ErrCut); err != nil {
		db.Report(fmt.Errorf("set damaged mirror aside: %w", err))
	}
}
