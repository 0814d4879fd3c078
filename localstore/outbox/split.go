package outbox

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
)

// A destination that answers 400 or 413 may find a request too large or a point in
// it bad, or it may be the wrong destination. Splitting tells which: a part is
// halved, the smallest piece is tried first, and so on down to single points. Once
// a piece is accepted, the rest follows, and a point that is still refused is set
// aside. While nothing is accepted, two single points are tried; then the pieces
// are joined again and the submission backs off. Each attempt tries other points,
// so that bad points do not hide good ones.

const (
	// refusalsOfOne is how often a single point is tried that the
	// destination does not take.
	refusalsOfOne = 10

	// probes is how many single points of a part are tried before the
	// destination, rather than the points, is at fault.
	probes = 2
)

// splitPart replaces a part by two halves of it.
func (out *Outbox) splitPart(tx *mirrordb.Tx, sub *Submission, row batch.PartRow, o Outcome) error {
	p, err := batch.Decode(row.Payload)
	if err != nil {
		return err
	}
	if !row.Parent.Valid {
		p.Rotate(row.Refused)
		o.Verdict = split
		if err := logOutcome(tx, sub.request.Forwarder, row.Batch, row.ID, row.Points, o); err != nil {
			return err
		}
	}
	first, second := p.Halves()
	for _, half := range []*batch.Payload{first, second} {
		if err := batch.InsertPart(tx, row.Batch, row.ID, row.Resource, half); err != nil {
			return err
		}
	}
	return mirrordb.Wrap("split part", tx.Run(`UPDATE parts SET state = ?2 WHERE id = ?1`, row.ID, string(split)))
}

// refuseOne counts a refusal of a single point. The rest of the batch is still
// sent.
func (out *Outbox) refuseOne(tx *mirrordb.Tx, sub *Submission, row batch.PartRow, o Outcome) error {
	root, err := tx.Find(partsAbove+`SELECT id FROM above WHERE parent_id IS NULL`, row.ID)
	if err != nil {
		return mirrordb.Wrap("find whole part", err)
	}
	whole := root == row.ID
	good, err := settledBelow(tx, root)
	if err != nil {
		return err
	}
	if row.Refused+1 >= refusalsOfOne && (whole || good) {
		return out.setPartAside(tx, sub, row, o)
	}
	if err := tx.Run(`UPDATE parts SET refused = refused + 1 WHERE id = ?1`, row.ID); err != nil {
		return mirrordb.Wrap("count refusal", err)
	}
	sub.refusal = &o
	if whole || good {
		return nil
	}
	if sub.blamed[root]++; sub.blamed[root] < probes {
		return nil
	}
	return out.join(tx, sub, root)
}

// join undoes the splitting of a part of which nothing was accepted.
func (out *Outbox) join(tx *mirrordb.Tx, sub *Submission, root int64) error {
	err := tx.Run(partsBelow+`DELETE FROM parts WHERE id IN (SELECT id FROM below)`, root)
	if err == nil {
		err = tx.Run(`UPDATE parts SET state = 'sealed', refused = refused + 1 WHERE id = ?1`, root)
	}
	sub.tried[root] = true
	return mirrordb.Wrap("join parts", err)
}

const (
	// Pieces have the batch of their whole, whose parts are found by it.
	partsBelow = `WITH RECURSIVE of (batch_id) AS (SELECT batch_id FROM parts WHERE id = ?1), below (id) AS (
	SELECT id FROM parts WHERE parent_id = ?1 AND batch_id = (SELECT batch_id FROM of) UNION ALL
	SELECT p.id FROM below JOIN parts p ON p.parent_id = below.id AND p.batch_id = (SELECT batch_id FROM of)) `
	partsAbove = `WITH RECURSIVE above (id, parent_id) AS (
	SELECT id, parent_id FROM parts WHERE id = ?1 UNION ALL SELECT p.id, p.parent_id FROM parts p JOIN above ON p.id = above.parent_id) `
)

// settledBelow reports whether anything of a split part was settled already.
func settledBelow(tx *mirrordb.Tx, id int64) (bool, error) {
	n, err := tx.Find(partsBelow+`SELECT count(*) FROM parts WHERE id IN (SELECT id FROM below) AND settled_at IS NOT NULL`, id)
	return n > 0, mirrordb.Wrap("compare parts", err)
}

// endAttempt ends an attempt that leaves parts of the batch unsettled. If single
// points were refused, the submission backs off; otherwise the next attempt
// continues.
func (out *Outbox) endAttempt(tx *mirrordb.Tx, sub *Submission) error {
	if sub.retracts {
		return totals.ReleaseLease(tx)
	}
	left, err := tx.Find(`SELECT coalesce(sum(points), 0) FROM parts WHERE batch_id = ?1 AND state = 'sealed'`, sub.batch)
	if err != nil || left == 0 {
		return err
	}
	if sub.refusal == nil {
		return totals.ReleaseLease(tx)
	}
	for root := range sub.blamed {
		good, err := settledBelow(tx, root)
		if err != nil {
			return err
		}
		if !good && !sub.tried[root] {
			if err := out.join(tx, sub, root); err != nil {
				return err
			}
		}
	}
	sub.failed = fmt.Errorf("the destination refused points: %s", sub.refusal.Reason)
	return out.fail(tx, sub, 0, left, *sub.refusal)
}
