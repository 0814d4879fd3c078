package batch

import (
	"database/sql"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Open returns the batch that is sealed and not settled, 0 for none: no other is sealed
// before it is settled, so that only the last one can be.
func Open(tx *mirrordb.Tx) (int64, error) {
	return tx.Find(`SELECT id FROM batches WHERE id = (SELECT max(id) FROM batches) AND settled_at IS NULL`)
}

// NextParts are the parts of a batch that are left, in the order in which they
// are sent: pieces of a split one first, the smallest of them, and those refused
// before last.
const NextParts = `SELECT id FROM parts WHERE batch_id = ?1 AND state = 'sealed'
	ORDER BY refused, parent_id IS NULL, CASE WHEN parent_id IS NULL THEN 0 ELSE points END, id`

// PartRow is a part as its row says.
type PartRow struct {
	ID, Batch, Resource, Points, Refused int64
	Parent                               sql.NullInt64
	State, Payload                       string
}

// ReadPart returns the row of a part.
func ReadPart(tx *mirrordb.Tx, id int64) (p PartRow, err error) {
	err = tx.Each(`SELECT id, batch_id, parent_id, resource_id, points, refused, state, coalesce(payload, '') FROM parts WHERE id = ?1`,
		func(rows *sql.Rows) error {
			return rows.Scan(&p.ID, &p.Batch, &p.Parent, &p.Resource, &p.Points, &p.Refused, &p.State, &p.Payload)
		}, id)
	return p, mirrordb.Wrap("read part", err)
}

// ReadRetractions returns all that tombstones are yet to send, in order.
func ReadRetractions(tx *mirrordb.Tx) (parts []*series.Part, err error) {
	if !hasTombstones(&tx.Header) {
		return nil, nil
	}
	long, err := tx.Find(`SELECT count(*) FROM tombstones WHERE octet_length(resend) > ?1 OR octet_length(retraction) > ?1`, schema.MaxPayload)
	if err == nil && long != 0 {
		err = fmt.Errorf("tombstone: %w", schema.ErrTooLong)
	}
	if err != nil {
		return nil, err
	}
	err = tx.Each(`SELECT resend, retraction FROM tombstones ORDER BY id`, func(rows *sql.Rows) error {
		var steps [2]sql.NullString
		if err := rows.Scan(&steps[0], &steps[1]); err != nil {
			return err
		}
		for _, step := range steps {
			if !step.Valid {
				continue
			}
			part, err := PartOf(step.String, 0, 0)
			if err != nil {
				return err
			}
			parts = append(parts, part)
		}
		return nil
	})
	return parts, mirrordb.Wrap("read tombstones", err)
}
