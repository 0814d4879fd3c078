package localstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// SentPart is what one request carried and what became of it.
type SentPart struct {
	*Part
	Outcome   Verdict
	SettledAt time.Time
	Rejected  int64 // points, with Partial
}

// Sent returns what the batches hold that are settled, those whose payload is
// kept: the latest 20. A batch of 0 asks for all, oldest first; for any other
// whose payload is not there the error is [ErrNoPayload]. It ends with ctx.
func (s *Store) Sent(ctx context.Context, batch int64) ([]SentPart, error) {
	if s.missing() {
		return nil, ErrNotOpen
	}
	var sent []SentPart
	err := s.reading(ctx, func(header) error {
		return s.conn.each(`SELECT id, batch_id, state, settled_at, rejected, payload FROM parts
			WHERE settled_at IS NOT NULL AND payload IS NOT NULL AND (?1 = 0 OR batch_id = ?1) ORDER BY id`,
			func(rows *sql.Rows) error {
				var id, of, settledAt int64
				var p SentPart
				var text string
				err := rows.Scan(&id, &of, &p.Outcome, &settledAt, &p.Rejected, &text)
				if err != nil {
					return err
				}
				p.SettledAt = newTime(settledAt)
				p.Part, err = partOf(text, id, of)
				sent = append(sent, p)
				return err
			}, batch)
	})()
	if err == nil && batch != 0 && len(sent) == 0 {
		err = fmt.Errorf("batch %d: %w", batch, ErrNoPayload)
	}
	return sent, wrap("read what was sent", err)
}
