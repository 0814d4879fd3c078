package snapshot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// SentPart is what one request carried and what became of it.
type SentPart struct {
	*series.Part
	Outcome   outbox.Verdict
	SettledAt time.Time
	Rejected  int64 // points, with Partial
}

var selectSent = `SELECT id, batch_id, ` + schema.Shown("state") + `, settled_at, rejected, ` + schema.Within("payload", schema.MaxPayload, schema.Nothing) + ` FROM parts
	WHERE settled_at IS NOT NULL AND payload IS NOT NULL AND (?1 = 0 OR batch_id = ?1) ORDER BY id`

// Sent returns what the batches hold that are settled, those whose payload is
// kept: the latest 20. A batch of 0 asks for all, oldest first; for any other
// whose payload is not there the error is [ErrNoPayload]. It ends with ctx.
func (rd *Reader) Sent(ctx context.Context, id int64) ([]SentPart, error) {
	if rd.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	var sent []SentPart
	err := rd.db.Look(ctx, func(tx *mirrordb.Tx) error {
		read := 0
		return tx.Each(selectSent,
			func(rows *sql.Rows) error {
				var id, of, settledAt int64
				var p SentPart
				var text sql.NullString
				err := rows.Scan(&id, &of, &p.Outcome, &settledAt, &p.Rejected, &text)
				if err != nil {
					return err
				}
				if read += len(text.String); !text.Valid || read > sqlitedb.MaxLoaded {
					return fmt.Errorf("part %d of batch %d: %w", id, of, schema.ErrTooLong)
				}
				p.SettledAt = instant.Time(settledAt)
				p.Part, err = batch.PartOf(text.String, id, of)
				sent = append(sent, p)
				return err
			}, id)
	})
	if err == nil && id != 0 && len(sent) == 0 {
		err = fmt.Errorf("batch %d: %w", id, ErrNoPayload)
	}
	return sent, mirrordb.Wrap("read what was sent", err)
}

// ErrNoPayload is returned if what was sent in a batch is not kept any more. Totals
// that were sent are never kept.
var ErrNoPayload = errors.New("localstore: what was sent is not kept")
