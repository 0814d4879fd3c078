package outbox

import (
	"database/sql"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

const (
	// keepPayloads is how many accepted batches show what was sent.
	keepPayloads = 20

	// keepBatches is how many older batches stay, and keepAside how many parts that
	// were set aside.
	keepBatches = 1000
	keepAside   = 1000

	// catchUp is how many batches are looked at that ought to be trimmed already. A
	// batch that ends makes one other too old, so that nothing of an ordinary mirror
	// is found among them. To look at all would read most of the file.
	catchUp = 8
)

// trimBatches drops what is too old, now that a batch has ended.
func trimBatches(tx *mirrordb.Tx, ended int64) error {
	err := dropPayloads(tx, ended-keepPayloads)
	if err == nil {
		err = tx.Run(`DELETE FROM parts WHERE state <> 'set aside' AND batch_id > ?1 - ?2 AND batch_id <= ?1`, ended-keepBatches, catchUp)
	}
	if err == nil {
		err = tx.Run(`DELETE FROM batches WHERE id > ?1 - ?2 AND id <= ?1
			AND NOT EXISTS (SELECT 1 FROM parts WHERE batch_id = batches.id)`, ended-keepBatches, catchUp)
	}
	return mirrordb.Wrap("trim batches", err)
}

// payloadRow is a part without its payload.
type payloadRow struct {
	id, batch, resource, points, rejected, refused int64
	parent, settled                                sql.NullInt64
	state                                          string
}

// dropPayloads drops what was sent in a batch and those before it. The rows are
// written anew: one that only shrinks keeps the page that its payload filled, and the
// table would have a page per batch.
func dropPayloads(tx *mirrordb.Tx, last int64) error {
	var sent []payloadRow
	err := tx.Each(`SELECT id, batch_id, parent_id, resource_id, state, points, rejected, refused, settled_at FROM parts
		WHERE batch_id > ?1 - ?2 AND batch_id <= ?1 AND payload IS NOT NULL AND state <> 'sealed' AND state <> 'set aside'`,
		func(rows *sql.Rows) error {
			var p payloadRow
			err := rows.Scan(&p.id, &p.batch, &p.parent, &p.resource, &p.state, &p.points, &p.rejected, &p.refused, &p.settled)
			sent = append(sent, p)
			return err
		}, last, catchUp)
	for _, p := range sent {
		if err == nil {
			err = tx.Run(`DELETE FROM parts WHERE id = ?1`, p.id)
		}
		if err == nil {
			err = tx.Run(`INSERT INTO parts (id, batch_id, parent_id, resource_id, state, points, rejected, refused, settled_at)
				VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`, p.id, p.batch, p.parent, p.resource, p.state, p.points, p.rejected, p.refused, p.settled)
		}
	}
	return err
}

// trimAside drops the oldest parts that were set aside, with batches of which nothing
// else is left.
func trimAside(tx *mirrordb.Tx) error {
	n, err := tx.Affected(`DELETE FROM parts WHERE state = 'set aside'
		AND id <= (SELECT id FROM parts WHERE state = 'set aside' ORDER BY id DESC LIMIT 1 OFFSET ?1)`, keepAside)
	if err == nil && n > 0 {
		err = tx.Run(`DELETE FROM batches WHERE id <= (SELECT max(id) - ?1 FROM batches)
			AND NOT EXISTS (SELECT 1 FROM parts WHERE batch_id = batches.id)`, keepBatches)
	}
	return mirrordb.Wrap("trim parts that were set aside", err)
}
