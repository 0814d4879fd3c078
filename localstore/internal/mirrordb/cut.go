package mirrordb

import (
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// ErrCut is returned when the files of a mirror were truncated or removed while a
// process has them open. SQLite does not notice: it would merge missing content
// into the database and damage it.
var ErrCut = fmt.Errorf("%w: it was cut short while it was open", series.ErrUnreadable)

// leaveIfCut sets a truncated file aside before more is recorded into it.
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
