package batch

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Sealing is how a batch is sealed.
type Sealing struct {
	Unlinkable bool          // under an id of its own, see [FreshIDs]
	Rotation   time.Duration // how old ids may be before they are changed, 0 for ever
}

// Seal turns what is pending into a batch of parts, one per resource, and
// returns the batch, 0 when nothing is due. left says that some of it has to
// wait for the next batch, see stream. No other batch is open, so that ids that are
// too old are changed here.
func Seal(tx *mirrordb.Tx, s Sealing) (batch int64, left bool, err error) {
	b, err := NewBuilder(tx)
	if err != nil {
		return 0, false, err
	}
	b.Identity.Unlinkable = s.Unlinkable
	if err := b.Collect(); err != nil || len(b.payloads) == 0 {
		return 0, false, err
	}
	if err := b.rotate(s.Rotation); err != nil {
		return 0, false, err
	}
	start, end := b.Identity.interval(tx)
	batch, err = tx.Insert(`INSERT INTO batches (start_at, end_at, sealed_at, epoch, mark) VALUES (?1, ?2, ?3, ?4, ?5)`,
		start, end, tx.Now, tx.Epoch, tx.SharedMark)
	if err != nil {
		return 0, false, fmt.Errorf("write batch: %w", err)
	}
	ids := b.Identity.ids()
	for _, resource := range b.Order {
		if err := b.writePart(batch, resource, ids, start, end); err != nil {
			return 0, false, err
		}
	}
	if err := b.take(); err != nil {
		return 0, false, err
	}
	b.Identity.Sealed = b.Identity.Sealed || !b.Identity.Unlinkable
	if err := b.Identity.keep(tx); err != nil || b.Identity.Unlinkable {
		return batch, b.left, err
	}
	if err := tx.Run(`UPDATE mirror SET sealed_until = ?1`, end); err != nil {
		return 0, false, fmt.Errorf("move interval: %w", err)
	}
	return batch, b.left, nil
}

// rotate changes ids that are too old. Ids of the future were made by a clock that
// was wrong.
func (b *Builder) rotate(after time.Duration) error {
	age := b.tx.Now - b.Identity.Since
	if after <= 0 || b.Identity.Unlinkable || age >= 0 && age < int64(after) {
		return nil
	}
	if err := b.tx.RenewIDs(uuid.NewString()); err != nil {
		return err
	}
	var err error
	b.Identity, err = IdentityOf(b.tx)
	return err
}

// Builder collects the points of each resource.
type Builder struct {
	Identity Identity

	tx       *mirrordb.Tx
	payloads map[int64]*Payload // by resource
	Order    []int64
	metrics  map[int64]*Metric
	streams  map[stream]bool // that have a point
	left     bool            // a stream has more than that

	takenPending, takenGauges []int64 // series
}

// NewBuilder also reads under which ids the installation sends.
func NewBuilder(tx *mirrordb.Tx) (*Builder, error) {
	identity, err := IdentityOf(tx)
	return &Builder{tx: tx, Identity: identity, payloads: make(map[int64]*Payload), metrics: make(map[int64]*Metric),
		streams: make(map[stream]bool)}, err
}

// Collect reads all that a batch sealed now holds; there are no payloads when
// nothing is due. It changes nothing.
func (b *Builder) Collect() error {
	if err := b.addPending(); err != nil {
		return err
	}
	if err := b.addOccupancy(); err != nil {
		return err
	}
	if len(b.payloads) == 0 {
		return nil
	}
	if err := b.addGauges(); err != nil {
		return err
	}
	return b.level()
}

// take removes from pending what the batch was collected from.
func (b *Builder) take() error {
	for query, series := range map[string][]int64{
		`UPDATE totals SET pending = NULL WHERE series_id IN (SELECT value FROM json_each(?1))`: b.takenPending,
		`UPDATE gauges SET due = NULL WHERE series_id IN (SELECT value FROM json_each(?1))`:     b.takenGauges,
	} {
		if len(series) == 0 {
			continue
		}
		list, err := json.Marshal(series)
		if err == nil {
			err = b.tx.Run(query, string(list))
		}
		if err != nil {
			return fmt.Errorf("empty pending: %w", err)
		}
	}
	return nil
}

const wireColumns = `s.resource_id, m.id, m.scope_name, m.scope_version, m.scope_schema_url, m.scope_attributes,
	m.name, m.unit, m.description, m.type, m.monotonic, m.float, m.bounds`

// scanWire reads wireColumns followed by the given columns.
func (b *Builder) scanWire(rows *sql.Rows, more ...any) (resource int64, metric *Metric, err error) {
	var id int64
	var w Metric
	var scopeAttributes, bounds string
	err = rows.Scan(append([]any{&resource, &id, &w.ScopeName, &w.ScopeVersion, &w.ScopeSchemaURL, &scopeAttributes,
		&w.Name, &w.Unit, &w.Description, &w.Type, &w.Monotonic, &w.Float, &bounds}, more...)...)
	if err != nil {
		return 0, nil, err
	}
	if metric = b.metrics[id]; metric == nil {
		w.ScopeAttributes = json.RawMessage(scopeAttributes)
		if w.Bounds, err = series.DecodeBounds(bounds); err != nil {
			return 0, nil, err
		}
		metric = &w
		b.metrics[id] = metric
	}
	return resource, metric, nil
}

func (b *Builder) add(resource int64, p Point) {
	if b.payloads[resource] == nil {
		b.payloads[resource] = &Payload{}
		b.Order = append(b.Order, resource)
	}
	b.payloads[resource].Points = append(b.payloads[resource].Points, p)
}

// addPending adds what waits, of each stream one series.
func (b *Builder) addPending() error {
	type waiting struct {
		resource int64
		point    Point
	}
	streams := make(map[stream][]waiting)
	var order []stream
	err := b.tx.Each(`SELECT `+wireColumns+`, s.id, s.attributes, o.pending
		FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
		WHERE o.pending IS NOT NULL ORDER BY s.resource_id, m.id, s.id`,
		func(rows *sql.Rows) error {
			var series int64
			var attributes string
			var pending any
			resource, w, err := b.scanWire(rows, &series, &attributes, &pending)
			if err != nil {
				return err
			}
			value, err := pendingJSON(w, pending)
			if err != nil {
				return err
			}
			key := streamOf(resource, w, attributes)
			if len(streams[key]) == 0 {
				order = append(order, key)
			}
			streams[key] = append(streams[key], waiting{resource,
				Point{Metric: w, Series: series, Attributes: json.RawMessage(attributes), Value: value}})
			return nil
		})
	if err != nil {
		return fmt.Errorf("read pending: %w", err)
	}
	sealed, err := b.tx.Find(`SELECT coalesce(max(id), 0) FROM batches`)
	if err != nil {
		return fmt.Errorf("count batches: %w", err)
	}
	for _, key := range order {
		list := streams[key]
		turn := list[sealed%int64(len(list))]
		b.streams[key] = true
		b.left = b.left || len(list) > 1
		b.takenPending = append(b.takenPending, turn.point.Series)
		b.add(turn.resource, turn.point)
	}
	return nil
}

func pendingJSON(w *Metric, column any) (json.RawMessage, error) {
	m := series.Metric{Name: w.Name, Type: w.Type, Float: w.Float, Bounds: w.Bounds}
	v, err := m.ParseValue(column)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// addGauges adds the gauges of resources that have something else to send: a
// gauge alone makes nothing due.
func (b *Builder) addGauges() error {
	if err := b.addStates(func(resource int64) bool { return b.payloads[resource] != nil }); err != nil {
		return err
	}
	err := b.tx.Each(`SELECT `+wireColumns+`, s.id, s.attributes, g.due
		FROM gauges g JOIN series s ON s.id = g.series_id JOIN metrics m ON m.id = s.metric_id
		WHERE g.due IS NOT NULL ORDER BY g.updated_at DESC, s.id DESC`,
		func(rows *sql.Rows) error {
			var series int64
			var attributes string
			var due any
			resource, w, err := b.scanWire(rows, &series, &attributes, &due)
			if err != nil || b.payloads[resource] == nil {
				return err
			}
			b.takenGauges = append(b.takenGauges, series)
			key := streamOf(resource, w, attributes)
			if b.streams[key] {
				return nil // a later value of it is sent
			}
			b.streams[key] = true
			value, err := pendingJSON(w, due)
			if err == nil {
				b.add(resource, Point{Metric: w, Attributes: json.RawMessage(attributes), Value: value})
			}
			return err
		})
	return mirrordb.Wrap("read gauges", err)
}

func (b *Builder) writePart(batch, resource int64, ids IDs, start, end int64) error {
	p, err := b.payload(resource, ids, start, end)
	if err != nil {
		return err
	}
	return InsertPart(b.tx, batch, nil, resource, p)
}

// stamped returns what was collected, a payload per resource.
func (b *Builder) stamped(ids IDs, start, end int64) ([]*Payload, error) {
	list := make([]*Payload, 0, len(b.Order))
	for _, resource := range b.Order {
		p, err := b.payload(resource, ids, start, end)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// payload returns what was collected for a resource, complete.
func (b *Builder) payload(resource int64, ids IDs, start, end int64) (*Payload, error) {
	text, err := totals.ResourceText(b.tx, resource)
	if err != nil {
		return nil, err
	}
	p := b.payloads[resource]
	p.Start, p.End = start, end
	return p, p.stamp(ids, text)
}

func InsertPart(tx *mirrordb.Tx, batch int64, parent any, resource int64, p *Payload) error {
	text, err := p.Encode()
	if err == nil {
		err = tx.Run(`INSERT INTO parts (batch_id, parent_id, resource_id, points, payload) VALUES (?1, ?2, ?3, ?4, ?5)`,
			batch, parent, resource, len(p.Points), text)
	}
	if err != nil {
		return fmt.Errorf("write part: %w", err)
	}
	return nil
}
