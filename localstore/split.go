package localstore

import "database/sql"

// splitPart replaces a part that the destination could not take by two halves
// of it. When both halves of a whole are refused as well, the size is not what
// is wrong: the whole comes back and the submission backs off.
func (s *Store) splitPart(tx *transaction, sub *Submission, row partRow, o Outcome) (bool, error) {
	if undone, err := s.joinHalves(tx, sub, row, o); undone || err != nil {
		return false, err
	}
	p, err := decodePayload(row.payload)
	if err != nil {
		return false, err
	}
	first, second := p.halves()
	for _, half := range []*payload{first, second} {
		if err := tx.insertPart(row.batch, row.id, row.resource, half); err != nil {
			return false, err
		}
	}
	if err := tx.run(`UPDATE parts SET state = ?2 WHERE id = ?1`, row.id, string(split)); err != nil {
		return false, wrap("split part", err)
	}
	return true, tx.log(sub.request.Forwarder, row.batch, row.id, row.points, o)
}

// refusePart counts a refusal of a single point, which cannot be halved. The
// rest of the batch goes on.
func (s *Store) refusePart(tx *transaction, sub *Submission, row partRow, o Outcome) (bool, error) {
	if undone, err := s.joinHalves(tx, sub, row, o); undone || err != nil {
		return false, err
	}
	if err := tx.run(`UPDATE parts SET refused = refused + 1 WHERE id = ?1`, row.id); err != nil {
		return false, wrap("count refusal", err)
	}
	return true, tx.log(sub.request.Forwarder, row.batch, row.id, row.points, o)
}

// joinHalves undoes the first split of a part when this half is the second one
// that is refused. It reports whether it did.
func (s *Store) joinHalves(tx *transaction, sub *Submission, row partRow, o Outcome) (bool, error) {
	if !row.parent.Valid {
		return false, nil
	}
	whole, err := tx.part(row.parent.Int64)
	if err != nil || whole.parent.Valid || whole.payload == "" {
		return false, err
	}
	var others, refused int64
	err = tx.each(`SELECT count(*), sum(state = 'split' OR refused > 0) FROM parts WHERE parent_id = ?1 AND id <> ?2`,
		func(rows *sql.Rows) error { return rows.Scan(&others, &refused) }, whole.id, row.id)
	if err != nil || others != refused {
		return false, wrap("compare halves", err)
	}
	if accepted, err := tx.settledBelow(whole.id); accepted || err != nil {
		return false, err
	}
	if err := tx.deleteBelow(whole.id); err != nil {
		return false, err
	}
	if err := tx.run(`UPDATE parts SET state = 'sealed' WHERE id = ?1`, whole.id); err != nil {
		return false, wrap("join halves", err)
	}
	return true, s.fail(tx, sub, whole.id, whole.points, o)
}

const partsBelow = `WITH RECURSIVE below (id) AS (
	SELECT id FROM parts WHERE parent_id = ?1 UNION ALL SELECT p.id FROM parts p JOIN below ON p.parent_id = below.id) `

// settledBelow reports whether anything of a split part was settled already.
func (tx *transaction) settledBelow(id int64) (bool, error) {
	n, err := tx.find(partsBelow+`SELECT count(*) FROM parts WHERE id IN (SELECT id FROM below) AND settled_at IS NOT NULL`, id)
	return n > 0, wrap("compare halves", err)
}

func (tx *transaction) deleteBelow(id int64) error {
	return wrap("join halves", tx.run(partsBelow+`DELETE FROM parts WHERE id IN (SELECT id FROM below)`, id))
}
