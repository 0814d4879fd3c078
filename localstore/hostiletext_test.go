package localstore

import (
	"bytes"
	"io"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// TestContentThatNobodyWrites, as of a file that somebody changed by hand: long
// texts are cut while they are read, and absurd days do not break a document.
func TestContentThatNobodyWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads megabytes")
	}
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 7))
	for _, statement := range []string{
		`UPDATE metrics SET description = hex(zeroblob(4000000)), unit = hex(zeroblob(4000000))`,
		`UPDATE series SET attributes = '{"a":"' || hex(zeroblob(4000000)) || id || '"}'`,
		`INSERT OR REPLACE INTO days (series_id, day, value, count) SELECT id, 1000000000000000, 7, 0 FROM series`,
		`INSERT OR REPLACE INTO days (series_id, day, value, count) SELECT id, -1000000000000000, 7, 0 FROM series`,
	} {
		if _, err := s.db.Conn.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, s.db.Path(), c, ReadOnly())
	snap, err := r.Snapshot(t.Context(), snapshot.Query{Days: true, History: true, Submissions: true})
	if err != nil {
		t.Fatal(err)
	}
	var document bytes.Buffer
	if err := snap.WriteJSON(&document); err != nil {
		t.Fatal(err)
	}
	if document.Len() > 4_000_000 {
		t.Errorf("%d bytes of JSON", document.Len())
	}
	if err := snap.WriteReport(io.Discard); err != nil {
		t.Error(err)
	}
}
