package totals

import (
	"database/sql"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func (b *Book) remembers(r series.Row) bool { return r.ID != 0 && r.Generation == b.db.Generation() }

func (b *Book) remember(id int64) series.Row {
	return series.Row{ID: id, Generation: b.db.Generation()}
}

func (b *Book) resourceRow(tx *mirrordb.Tx, r *series.Resource) (int64, error) {
	if b.remembers(r.Row) {
		return r.Row.ID, nil
	}
	id, err := tx.FindOrInsert(
		`SELECT id FROM resources WHERE attributes = ?1`, 1,
		`INSERT INTO resources (attributes) VALUES (?1)`,
		BoundedAttributes(r.Attributes))
	if err != nil {
		return 0, fmt.Errorf("store resource: %w", err)
	}
	r.Row = b.remember(id)
	return id, nil
}

func (b *Book) metricRow(tx *mirrordb.Tx, m *series.Metric, at int64) (int64, error) {
	if b.remembers(m.Row) {
		return m.Row.ID, nil
	}
	identity, err := KeyOf(m)
	if err != nil {
		return 0, fmt.Errorf("store metric %q: %w", m.Name, err)
	}
	key := identity.columns()
	id, err := tx.Find(
		`SELECT id FROM metrics WHERE scope_name = ?1 AND scope_version = ?2 AND scope_attributes = ?3
			AND name = ?4 AND unit = ?5 AND type = ?6 AND monotonic = ?7 AND float = ?8 AND bounds = ?9`, key...)
	if err == nil && id == 0 {
		id, err = b.newMetric(tx, m, key, at)
	}
	if err != nil {
		return 0, fmt.Errorf("store metric %q: %w", m.Name, err)
	}
	m.Row = b.remember(id)
	return id, nil
}

// MetricKey is what identifies a metric in the mirror.
type MetricKey struct {
	ScopeName, ScopeVersion, ScopeAttributes, Name, Unit, Type string
	Monotonic, Float                                           bool
	Bounds                                                     string
}

// KeyOf returns what identifies a metric.
func KeyOf(m *series.Metric) (MetricKey, error) {
	bounds, err := series.EncodeBounds(m.Bounds)
	return MetricKey{
		ScopeName: Bounded(m.Scope.Name), ScopeVersion: Bounded(m.Scope.Version), ScopeAttributes: BoundedAttributes(m.Scope.Attributes),
		Name: Bounded(m.Name), Unit: Bounded(m.Unit), Type: string(m.Type), Monotonic: m.Monotonic, Float: m.Float, Bounds: bounds,
	}, err
}

// columns are those of the table, in its order.
func (k MetricKey) columns() []any {
	return []any{k.ScopeName, k.ScopeVersion, k.ScopeAttributes, k.Name, k.Unit, k.Type, k.Monotonic, k.Float, k.Bounds}
}

func (b *Book) newMetric(tx *mirrordb.Tx, m *series.Metric, key []any, at int64) (int64, error) {
	trackable, role, err := b.trackableRow(tx, m, at)
	if err != nil {
		return 0, err
	}
	return tx.Insert(
		`INSERT INTO metrics (scope_name, scope_version, scope_attributes, name, unit, type, monotonic, float, bounds,
			scope_schema_url, description, trackable_id, role)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
		append(key, Bounded(m.Scope.SchemaURL), Bounded(m.Description), trackable, role)...)
}

// SeriesRow finds or makes the row of a series. Beyond the mirror's limit a new
// attribute set is counted in its metric's overflow series.
func (b *Book) SeriesRow(tx *mirrordb.Tx, points *series.Series, at int64) (int64, error) {
	if b.remembers(points.Row) {
		return points.Row.ID, nil
	}
	resource, err := b.resourceRow(tx, points.Resource)
	if err != nil {
		return 0, err
	}
	metric, err := b.metricRow(tx, points.Metric, at)
	if err != nil {
		return 0, err
	}
	attributes := SeriesAttributes(points.Attributes)
	id, err := tx.Find(selectSeries, metric, resource, attributes)
	if err == nil && id == 0 {
		id, err = b.newSeries(tx, points.Metric, metric, resource, attributes)
	}
	if err != nil {
		return 0, fmt.Errorf("store series of %q: %w", points.Metric.Name, err)
	}
	points.Row = b.remember(id)
	return id, nil
}

const (
	selectSeries = `SELECT id FROM series WHERE metric_id = ?1 AND resource_id = ?2 AND attributes = ?3`
	insertSeries = `INSERT INTO series (metric_id, resource_id, attributes) VALUES (?1, ?2, ?3)`
)

// OverflowAttributes is the identity of the overflow series of a metric.
const OverflowAttributes = `{"` + string(otelusage.OverflowKey) + `":true}`

// ActiveName is the metric of heartbeats.
const ActiveName = otelusage.ReservedPrefix + "active"

// newSeries makes a row within the bound. Heartbeats are outside it: they are
// few, and without their dates they would say nothing.
func (b *Book) newSeries(tx *mirrordb.Tx, m *series.Metric, metric, resource int64, attributes string) (int64, error) {
	if tx.SeriesCount < 0 {
		n, err := tx.Find(`SELECT count(*) FROM series`)
		if err != nil {
			return 0, err
		}
		tx.SeriesCount = n
	}
	if tx.SeriesCount >= b.MaxSeries && m.Name != ActiveName {
		attributes = OverflowAttributes
	}
	tx.SeriesCount++
	return tx.FindOrInsert(selectSeries, 3, insertSeries, metric, resource, attributes)
}

// ResourceText returns a resource's attributes as they are kept.
func ResourceText(tx *mirrordb.Tx, id int64) (text string, err error) {
	err = tx.Each(`SELECT attributes FROM resources WHERE id = ?1`, func(rows *sql.Rows) error { return rows.Scan(&text) }, id)
	return text, mirrordb.Wrap("read resource", err)
}

// trackableRow returns the row of the trackable that a metric belongs to, nil
// for a metric that belongs to none. One that was never declared, because its
// Tracker has no ledger, is entered as the metric describes it.
func (b *Book) trackableRow(tx *mirrordb.Tx, m *series.Metric, at int64) (any, string, error) {
	kind, name, role, ok := m.Trackable()
	if !ok {
		return nil, series.RoleNone, nil
	}
	name, description, unit := Bounded(name), Bounded(m.Description), Bounded(m.Unit)
	if role != series.RoleValue {
		description, unit = "", ""
	}
	id, err := tx.FindOrInsert(
		`SELECT id FROM trackables WHERE name = ?1 AND kind = ?2
			UNION ALL SELECT trackable_id FROM `+schema.FormerNames+` WHERE name = ?1 AND kind = ?2`, 2,
		`INSERT INTO trackables (name, kind, description, unit, float, monotonic, declared_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
		name, kind.String(), description, unit, m.Float && kind == otelusage.KindStatistic,
		m.Monotonic && kind == otelusage.KindStatistic, at)
	return id, role, err
}

// NoAttributes is the identity of a series without any.
const NoAttributes = `{}`

// ImportedResource is what imported totals are kept under: the Python library does
// not know which version counted.
func ImportedResource() attribute.Set {
	return attribute.NewSet(attribute.Bool(otelusage.ReservedPrefix+"imported", true))
}

// ImportedAttributes is its identity.
const ImportedAttributes = `{"` + otelusage.ReservedPrefix + `imported":true}`

// ImportedSeries selects the series of imported totals. Their states are this
// installation's, and are said under a version once one has taken them over.
var ImportedSeries = `SELECT s.id FROM series s JOIN resources r ON r.id = s.resource_id WHERE r.attributes = '` + ImportedAttributes + `'`
