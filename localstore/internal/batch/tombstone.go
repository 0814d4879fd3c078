package batch

import (
	"database/sql"
	"encoding/json"
	"strconv"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// A batch that is under way while everything is erased may or may not arrive. If it
// does, the destination would count the erased installation in a state for ever. So
// a tombstone is kept until the destination has taken the states back: the old ids,
// and the names and values of those states.
//
// It is sent in two steps. The first sends the states of the batch once more,
// unchanged: whatever became of the first request, a receiver that identifies a
// point by its stream and interval then holds them once. The second, with the next
// interval, sends the negated sum of everything that this stream sent. A request
// that arrives later still is older than that, and dropped. The first step is left
// out if the process that made the request has seen that it was accepted. A
// tombstone waits until that process has said so or its lease has ended.

func hasTombstones(h *mirrordb.Header) bool {
	return h.Version >= schema.TablesSince[schema.Tombstones]
}

// RetractionsLeft counts the requests that tombstones are yet to make.
func RetractionsLeft(c *sqlitedb.Conn, h *mirrordb.Header) (int64, error) {
	if !hasTombstones(h) {
		return 0, nil
	}
	return c.Find(`SELECT count(resend) + count(retraction) FROM tombstones`)
}

// KeepTombstones bounds how many wait, whatever erasures follow each other
// without a destination.
const KeepTombstones = 64

// Tombstone is one before it is written.
type Tombstone struct{ Resend, Retraction *Payload }

// told is what a destination knows, or may know, of one state.
type told struct {
	resource int64
	point    Point
	n        int64
}

// Withdraw returns what takes back the states this installation is said to be in,
// before everything is erased: tombstones for those that a batch under way names,
// and for the others payloads that are sent once and not kept. States that cannot
// be read are not taken back: they must not prevent erasing.
func Withdraw(tx *mirrordb.Tx) (kept []Tombstone, once []*Payload, err error) {
	if !tx.MaySend() {
		return nil, nil, nil
	}
	tx.Limit(sqlitedb.MaxLoaded)
	defer tx.Limit(sqlitedb.Unlimited)
	b, err := NewBuilder(tx)
	if err == nil {
		err = schema.RefuseViews(tx.Conn, series.ErrUnreadable)
	}
	if err == nil {
		kept, once, err = b.withdraw()
	}
	if err != nil && (!sqlitedb.Failed(err) || sqlitedb.HasCode(err, sqlitedb.CodeTooBig)) {
		return nil, nil, nil
	}
	return kept, once, err
}

// withdraw takes back under the present ids what was accepted under them, and under
// fresh ones what was accepted without them: who deletes everything with the
// present ids still has states that add up.
func (b *Builder) withdraw() (kept []Tombstone, once []*Payload, err error) {
	present, former := presentOccupancy, formerOccupancy
	if b.Identity.Unlinkable {
		present, former = nothing, allOccupancy
	}
	own, err := b.toldStates(present)
	if err != nil {
		return nil, nil, err
	}
	others, err := b.toldStates(former)
	if err != nil {
		return nil, nil, err
	}
	if kept, err = b.tombstones(own, others); err != nil {
		return nil, nil, err
	}
	start, end := NextInterval(b.tx)
	if once, err = b.opposites(own, b.Identity.IDs, start, end); err != nil {
		return nil, nil, err
	}
	start, end = hourBefore(b.tx.Now)
	more, err := b.opposites(others, FreshIDs(), start, end)
	if err != nil {
		return nil, nil, err
	}
	deletion, err := b.deletion()
	if deletion != nil {
		kept = append(kept, Tombstone{Retraction: deletion})
	}
	return kept, append(once, more...), err
}

// The states that were accepted: all, those without the present ids, and those with
// them.
const (
	allOccupancy     = `SELECT series_id, state, accepted FROM occupancy WHERE accepted <> 0 ORDER BY series_id, state`
	formerOccupancy  = `SELECT series_id, state, accepted FROM occupancy_before WHERE accepted <> 0 ORDER BY series_id, state`
	presentOccupancy = `SELECT series_id, state, sum(n) FROM (SELECT series_id, state, accepted AS n FROM occupancy
		UNION ALL SELECT series_id, state, -accepted FROM occupancy_before) GROUP BY series_id, state HAVING sum(n) <> 0 ORDER BY series_id, state`
	nothing = `SELECT series_id, state, accepted FROM occupancy WHERE 0`
)

// toldOnes are states by their streams, also in order.
type toldOnes struct {
	streams map[stream]*told
	order   []*told
}

// toldStates adds up what a query selects by stream.
func (b *Builder) toldStates(query string) (toldOnes, error) {
	var all []Placed
	var counts []int64
	err := b.tx.Each(query, func(rows *sql.Rows) error {
		var p Placed
		var n int64
		err := rows.Scan(&p.Series, &p.State, &n)
		all, counts = append(all, p), append(counts, n)
		return err
	})
	ones := toldOnes{streams: make(map[stream]*told)}
	if err != nil {
		return ones, err
	}
	for i, p := range all {
		resource, w, err := b.place(p)
		if err != nil {
			return ones, err
		}
		if w == nil {
			continue
		}
		attributes := stateAttributes(p.State)
		key := streamOf(resource, w, string(attributes))
		t := ones.streams[key]
		if t == nil {
			t = &told{resource: resource, point: Point{Metric: w, Attributes: attributes}}
			ones.streams[key], ones.order = t, append(ones.order, t)
		}
		t.n += counts[i]
	}
	return ones, nil
}

// tombstones makes one for each part under way, and takes the streams that it covers
// out of what was accepted: of the states under the ids that it carries.
func (b *Builder) tombstones(own, others toldOnes) (list []Tombstone, err error) {
	err = b.tx.Each(`SELECT resource_id, payload FROM parts WHERE state = 'sealed' ORDER BY id`, func(rows *sql.Rows) error {
		var resource int64
		var text string
		if err := rows.Scan(&resource, &text); err != nil {
			return err
		}
		states, err := StatesOf(text)
		if err != nil || states == nil {
			return err
		}
		ids, err := states.Stamped()
		if err != nil {
			return err
		}
		accepted := others
		if ids == b.Identity.IDs && !b.Identity.Unlinkable {
			accepted = own
		}
		t := Tombstone{Resend: states, Retraction: &Payload{Resource: states.Resource, Start: states.End, End: max(b.tx.Now, states.End+1)}}
		if ids.Installation == "" { // unlinkable
			t.Retraction.End = states.End + hour
		}
		for _, point := range states.Points {
			n, err := point.whole()
			if err != nil {
				return err
			}
			if before := accepted.streams[streamOf(resource, point.Metric, string(point.Attributes))]; before != nil {
				n += before.n
				before.n = 0
			}
			t.Retraction.addOpposite(point, n)
		}
		list = append(list, t)
		return nil
	})
	return list, err
}

// StatesOf returns the occupancy points of a payload alone, without the series
// that they were counted for; nil where it has none.
func StatesOf(text string) (*Payload, error) {
	p, err := Decode(text)
	if err != nil {
		return nil, err
	}
	states := &Payload{Resource: p.Resource, Start: p.Start, End: p.End}
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
func (p *Point) whole() (int64, error) {
	m := series.Metric{Type: series.TypeSum}
	v, err := m.ParseJSON(p.Value)
	return v.Int64(), err
}

// addOpposite adds a point that takes n back.
func (p *Payload) addOpposite(point Point, n int64) {
	if n != 0 {
		point.Value = json.RawMessage(strconv.FormatInt(-n, 10))
		p.Points = append(p.Points, point)
	}
}

// opposites takes back what was accepted, a payload per resource.
func (b *Builder) opposites(ones toldOnes, ids IDs, start, end int64) ([]*Payload, error) {
	b.payloads, b.Order = make(map[int64]*Payload), nil
	for _, t := range ones.order {
		var p Payload
		if p.addOpposite(t.point, t.n); len(p.Points) > 0 {
			b.add(t.resource, p.Points[0])
		}
	}
	return b.stamped(ids, start, end)
}

// Bury writes the tombstones of an erasure. Those of earlier ones stay, but
// where nothing may be sent nothing is kept.
func Bury(tx *mirrordb.Tx, list []Tombstone) error {
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
			err = WriteTombstone(tx, t, lease, dueAt)
		}
	}
	if err == nil {
		err = tx.Run(`DELETE FROM tombstones WHERE id <= (SELECT max(id) - ?1 FROM tombstones)`, KeepTombstones)
	}
	return mirrordb.Wrap("write tombstones", err)
}

func WriteTombstone(tx *mirrordb.Tx, t Tombstone, lease any, dueAt int64) error {
	resend, err := t.Resend.Column()
	if err != nil {
		return err
	}
	retraction, err := t.Retraction.Column()
	if err != nil {
		return err
	}
	return tx.Run(`INSERT INTO tombstones (resend, retraction, lease, due_at) VALUES (?1, ?2, ?3, ?4)`, resend, retraction, lease, dueAt)
}

// Column is the payload as a tombstone keeps it, NULL for nothing.
func (p *Payload) Column() (any, error) {
	if p == nil || len(p.Points) == 0 {
		return nil, nil
	}
	return p.Encode()
}

// Only returns the payload with the points of the streams of another.
func (p *Payload) Only(of *Payload) *Payload {
	streams := make(map[stream]bool)
	for _, point := range of.Points {
		streams[streamOf(0, point.Metric, string(point.Attributes))] = true
	}
	half := *p
	half.Points = nil
	for _, point := range p.Points {
		if streams[streamOf(0, point.Metric, string(point.Attributes))] {
			half.Points = append(half.Points, point)
		}
	}
	return &half
}
