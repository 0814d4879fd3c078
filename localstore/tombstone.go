package localstore

import (
	"database/sql"
	"encoding/json"
	"strconv"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Of a batch that is under way while everything is erased, nobody knows whether
// it arrives. If it does, the destination counts the erased installation in a
// state for ever. A tombstone is what is kept of it until the destination has
// taken the states back: the old ids, and the names and values of those states.
//
// It is sent in two steps. First the states of the batch once more, point for
// point: whatever became of the first request, a receiver that knows a point by
// its stream and interval then holds them once. Then, with the interval that
// follows, the opposite of all that this stream came to. A request that is still
// on its way is older than that, and dropped. The first step is left out once
// the process that made the request has seen that it was accepted; until its
// lease has ended, or it has said what it knows, a tombstone waits for it.

func hasTombstones(h *mirrordb.Header) bool {
	return h.Version >= schema.TablesSince[schema.Tombstones]
}

// retractionsLeft counts the requests that tombstones are yet to make.
func retractionsLeft(c *sqlitedb.Conn, h *mirrordb.Header) (int64, error) {
	if !hasTombstones(h) {
		return 0, nil
	}
	return c.Find(`SELECT count(resend) + count(retraction) FROM tombstones`)
}

// keepTombstones bounds how many wait, whatever erasures follow each other
// without a destination.
const keepTombstones = 64

// tombstone is one before it is written.
type tombstone struct{ resend, retraction *payload }

// told is what a destination knows, or may know, of one state.
type told struct {
	resource int64
	point    payloadPoint
	n        int64
}

// withdraw returns what takes back the states this installation is said to be
// in, before everything is erased: tombstones for those that a batch under way
// names, and for the others payloads that are sent once and not kept. Of what
// cannot be read nothing is taken back: it must not keep anybody from erasing.
func withdraw(tx *mirrordb.Tx) (kept []tombstone, once []*payload, err error) {
	if !tx.MaySend() {
		return nil, nil, nil
	}
	tx.Limit(sqlitedb.MaxLoaded)
	defer tx.Limit(sqlitedb.Unlimited)
	b := newBatchBuilder(tx)
	var streams map[stream]*told
	var order []*told
	err = schema.RefuseViews(tx.Conn, series.ErrUnreadable)
	if err == nil {
		streams, order, err = b.toldStates()
	}
	if err == nil {
		kept, err = tombstonesOf(tx, streams)
	}
	if err == nil {
		once, err = b.opposites(order)
	}
	if err != nil && (!sqlitedb.Failed(err) || sqlitedb.HasCode(err, sqlitedb.CodeTooBig)) {
		return nil, nil, nil
	}
	return kept, once, err
}

// toldStates adds up the accepted states by stream.
func (b *batchBuilder) toldStates() (map[stream]*told, []*told, error) {
	var all []placed
	var counts []int64
	err := b.tx.Each(`SELECT series_id, state, accepted FROM occupancy WHERE accepted <> 0 ORDER BY series_id, state`,
		func(rows *sql.Rows) error {
			var p placed
			var n int64
			err := rows.Scan(&p.series, &p.state, &n)
			all, counts = append(all, p), append(counts, n)
			return err
		})
	if err != nil {
		return nil, nil, err
	}
	streams := make(map[stream]*told)
	var order []*told
	for i, p := range all {
		resource, w, err := b.place(p)
		if err != nil {
			return nil, nil, err
		}
		if w == nil {
			continue
		}
		attributes := stateAttributes(p.state)
		key := streamOf(resource, w, string(attributes))
		t := streams[key]
		if t == nil {
			t = &told{resource: resource, point: payloadPoint{metric: w, Attributes: attributes}}
			streams[key], order = t, append(order, t)
		}
		t.n += counts[i]
	}
	return streams, order, nil
}

// tombstonesOf makes a tombstone for each part under way, and takes the streams that
// it covers out of what was accepted.
func tombstonesOf(tx *mirrordb.Tx, streams map[stream]*told) (list []tombstone, err error) {
	err = tx.Each(`SELECT resource_id, payload FROM parts WHERE state = 'sealed' ORDER BY id`, func(rows *sql.Rows) error {
		var resource int64
		var text string
		if err := rows.Scan(&resource, &text); err != nil {
			return err
		}
		states, err := statesOf(text)
		if err != nil || states == nil {
			return err
		}
		t := tombstone{resend: states, retraction: &payload{Resource: states.Resource}}
		t.retraction.Start, t.retraction.End = nextInterval(tx)
		for _, point := range states.Points {
			n, err := point.whole()
			if err != nil {
				return err
			}
			if before := streams[streamOf(resource, point.metric, string(point.Attributes))]; before != nil {
				n += before.n
				before.n = 0
			}
			t.retraction.addOpposite(point, n)
		}
		list = append(list, t)
		return nil
	})
	return list, err
}

// statesOf returns the occupancy points of a payload alone, without the series
// that they were counted for; nil where it has none.
func statesOf(text string) (*payload, error) {
	p, err := decodePayload(text)
	if err != nil {
		return nil, err
	}
	states := &payload{Resource: p.Resource, Start: p.Start, End: p.End}
	for _, point := range p.Points {
		if point.Occupancy != 0 {
			point.Occupancy = 0
			states.Points = append(states.Points, point)
		}
	}
	if len(states.Points) == 0 {
		return nil, nil
	}
	return states, nil
}

// whole is the point's number.
func (p *payloadPoint) whole() (int64, error) {
	m := series.Metric{Type: series.TypeSum}
	v, err := m.ParseJSON(p.Value)
	return v.Int64(), err
}

// addOpposite adds a point that takes n back.
func (p *payload) addOpposite(point payloadPoint, n int64) {
	if n != 0 {
		point.Value = json.RawMessage(strconv.FormatInt(-n, 10))
		p.Points = append(p.Points, point)
	}
}

// opposites takes back what was accepted, a payload per resource.
func (b *batchBuilder) opposites(order []*told) ([]*payload, error) {
	start, end := nextInterval(b.tx)
	for _, t := range order {
		var p payload
		if p.addOpposite(t.point, t.n); len(p.Points) > 0 {
			b.add(t.resource, p.Points[0])
		}
	}
	list := make([]*payload, 0, len(b.order))
	for _, resource := range b.order {
		p, err := b.payload(resource, start, end)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// bury writes the tombstones of an erasure. Those of earlier ones stay, but
// where nothing may be sent nothing is kept.
func bury(tx *mirrordb.Tx, list []tombstone) error {
	if !tx.MaySend() {
		return mirrordb.Wrap("empty tombstones", tx.Run(`DELETE FROM tombstones`))
	}
	var err error
	var lease any
	dueAt := int64(0)
	if tx.Leased(tx.Now) {
		lease, dueAt = tx.LeaseToken.String, tx.LeaseUntil
		// One of an earlier erasure may be what is being sent.
		err = tx.Run(`UPDATE tombstones SET lease = ?1, due_at = max(due_at, ?2) WHERE lease IS NULL`, lease, dueAt)
	}
	for _, t := range list {
		if err == nil {
			err = writeTombstone(tx, t, lease, dueAt)
		}
	}
	if err == nil {
		err = tx.Run(`DELETE FROM tombstones WHERE id <= (SELECT max(id) - ?1 FROM tombstones)`, keepTombstones)
	}
	return mirrordb.Wrap("write tombstones", err)
}

func writeTombstone(tx *mirrordb.Tx, t tombstone, lease any, dueAt int64) error {
	resend, err := t.resend.column()
	if err != nil {
		return err
	}
	retraction, err := t.retraction.column()
	if err != nil {
		return err
	}
	return tx.Run(`INSERT INTO tombstones (resend, retraction, lease, due_at) VALUES (?1, ?2, ?3, ?4)`, resend, retraction, lease, dueAt)
}

// column is the payload as a tombstone keeps it, NULL for nothing.
func (p *payload) column() (any, error) {
	if p == nil || len(p.Points) == 0 {
		return nil, nil
	}
	return p.encode()
}
