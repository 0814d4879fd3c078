package python

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// mirrorSuffix takes the place of ".db" where the Python library's master has the
// path that a mirror is asked for.
const mirrorSuffix = ".mirror.db"

// MirrorPath returns where the mirror is if the database of the Python library is what
// lies at its path, or is damaged there, or what is left of it: the configuration
// of an application that comes from the library names it, and it is kept. The
// mirror stays beside it when the database is deleted later.
func MirrorPath(asked string) (beside string, ok bool) {
	r := FilesOf(asked)
	if asked != r.Master || strings.HasSuffix(asked, mirrorSuffix) {
		return "", false
	}
	beside = besideOf(asked)
	if _, err := os.Stat(beside); err != nil && !isDatabase(r.Master) && !isDatabase(r.Part) && !r.begun() {
		return "", false
	}
	return beside, true
}

func besideOf(asked string) string { return strings.TrimSuffix(asked, ".db") + mirrorSuffix }

// HasJournal reports whether the database of the library lies at a path with a
// journal: SQLite would roll back into it what a killed program left there.
func HasJournal(path, asked string) bool {
	if !exists(path + place.JournalSuffix) {
		return false
	}
	return isDatabase(path) || FilesOf(asked).begun() && !isMirror(path)
}

// MayHide reports whether a file that this user may not read may be the library's:
// counting goes on beside it, and it is imported once it can be read. existing asks
// for a mirror there. What nothing shows to be the library's may be a mirror, and
// decisions that were made beside it would not hold for it.
func MayHide(path, asked string, existing bool) bool {
	return place.Denied(path, false) != nil && (!existing || exists(besideOf(asked))) && place.WriteDenied(filepath.Dir(asked)) == nil
}
