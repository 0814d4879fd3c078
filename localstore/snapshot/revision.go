package snapshot

import (
	"context"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// Revision returns a text that is another one after every change of the file or of
// a journal beside it, by whichever process, and after another file took its place.
// It says nothing else, and only to those who ask the same Store. Asking reads one
// row and the journals, however much is recorded. Declarations that wait to be written are no change yet. It ends with ctx.
func (rd *Reader) Revision(ctx context.Context) (string, error) {
	if rd.missing() {
		return "", mirrordb.ErrNotOpen
	}
	var revision string
	err := rd.db.Look(ctx, func(tx *mirrordb.Tx) error {
		// What this connection writes itself does not change data_version.
		own, err := tx.Find(`SELECT total_changes()`)
		revision = fmt.Sprintf("%s.%d.%d.%d.%x", tx.Mirror, rd.db.Generation(), tx.DataVersion, own, journalpool.Revision(rd.db.Path()))
		return err
	})
	return revision, mirrordb.Wrap("read revision", err)
}
