package unrecorded

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// Fate is what becomes of what a journal holds beyond the mirror.
type Fate uint8

// The fates.
const (
	Waits   Fate = iota // it is to be recorded, if it is anything
	Dropped             // it is not to be recorded
	Lost                // nobody can tell what is to be recorded
)

func (f Fate) String() string {
	switch f {
	case Dropped:
		return "dropped"
	case Lost:
		return "lost"
	}
	return "waits"
}

// Rest is what a journal holds beyond the mirror.
type Rest struct {
	Fate        Fate
	Held        int64                   // the recording beyond which it is
	Exact       bool                    // which is the mirror's very number
	Counted     journalfile.Observation // under which it was counted
	Differences []journalfile.Difference

	// LosesAfter is when the writer last recorded, or began. A State that it moved
	// since loses to whoever moved it after that: which move was later nobody can
	// tell.
	LosesAfter int64
}

// RestOf returns what is to be recorded of a journal. Of what does not wait there
// are no differences.
func RestOf(now *mirrordb.Header, row Row, c *journalfile.Content) Rest {
	held, counted, exact, ok := c.Holding(row.Seq, row.Known)
	rest := Rest{Held: held, Exact: exact, Counted: counted, LosesAfter: max(c.Started.UnixNano(), row.RecordedAt)}
	switch {
	case !ok:
		rest.Fate = Lost
	case isDropped(now, c, counted):
		rest.Fate = Dropped
	default:
		rest.Differences = c.Differences(held)
	}
	return rest
}

// isDropped: what was counted before an erasure is erased, and while recording is
// switched off nothing is recorded. A mirror that took the place of the former knows
// nothing of that one's erasures. Then the mark of whoever decided or erased, which the
// owner did not live to see, is all that tells of one.
func isDropped(now *mirrordb.Header, c *journalfile.Content, counted journalfile.Observation) bool {
	return now.Mode == consent.ModeOff || counted.Off || now.Erasures != counted.Erasures ||
		c.Superseded && c.Mirror != now.Mirror
}

// Row is what the mirror says of a writer.
type Row struct {
	Known      bool
	Seq        int64
	RecordedAt int64
}

// selectRows scans the table: the search of its index would load an id of any
// length.
var selectRows = fmt.Sprintf(`SELECT id, seq, committed_at FROM writers NOT INDEXED
	WHERE octet_length(id) <= %d AND id IN (SELECT value FROM json_each(?1))`, journalfile.MaxID)

// RowsOf returns what the mirror says of writers.
func RowsOf(tx *mirrordb.Tx, writers ...string) (map[string]Row, error) {
	list, err := json.Marshal(writers)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Row, len(writers))
	err = tx.Each(selectRows, func(rows *sql.Rows) error {
		var id string
		row := Row{Known: true}
		err := rows.Scan(&id, &row.Seq, &row.RecordedAt)
		found[id] = row
		return err
	}, string(list))
	return found, mirrordb.Wrap("read numbers of recordings", err)
}
