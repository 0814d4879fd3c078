package localstore

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// MetricType is how the points of a metric combine.
type MetricType string

// The types of metrics a mirror keeps.
const (
	TypeSum         MetricType = "sum"
	TypeGauge       MetricType = "gauge"
	TypeHistogram   MetricType = "histogram"
	TypeExponential MetricType = "exponential_histogram"
)

// Resource is the entity that counts, as far as the allow-list lets it be
// known. Like Scope, Metric and Series it is a handle that remembers its row:
// make it once, use it for every recording, and do not change its fields.
type Resource struct {
	Attributes attribute.Set
	row        row
}

// Scope is an instrumentation scope.
type Scope struct {
	Name, Version, SchemaURL string
	Attributes               attribute.Set
}

// kind returns the kind of trackable that the scope's instruments belong to.
func (s *Scope) kind() (otelusage.Kind, bool) {
	if s.Name != otelusage.ScopeName {
		return 0, false
	}
	v, ok := s.Attributes.Value(otelusage.KindKey)
	if !ok {
		return 0, false
	}
	return otelusage.ParseKind(v.AsString())
}

// Metric is what the wire knows of an instrument. Description is no part of
// its identity.
type Metric struct {
	Scope                   *Scope
	Name, Unit, Description string
	Type                    MetricType
	Monotonic, Float        bool
	Bounds                  []float64 // of an explicit histogram
	row                     row
}

// trackable returns what the metric says of a trackable: its kind, its name
// and the part it plays for it.
func (m *Metric) trackable() (kind otelusage.Kind, name, role string, ok bool) {
	kind, ok = m.Scope.kind()
	if !ok || strings.HasPrefix(m.Name, otelusage.ReservedPrefix) {
		return 0, "", RoleNone, false
	}
	if base, found := strings.CutSuffix(m.Name, otelusage.ChangesSuffix); found && kind == otelusage.KindState {
		return kind, base, RoleChanges, true
	}
	if base, found := strings.CutSuffix(m.Name, otelusage.CheckpointsSuffix); found && kind == otelusage.KindSequence {
		return kind, base, RoleCheckpoints, true
	}
	return kind, m.Name, RoleValue, true
}

// The parts a metric plays for its trackable, see [SeriesCounts].
const (
	RoleNone        = ""
	RoleValue       = "value"
	RoleChanges     = "changes"
	RoleCheckpoints = "checkpoints"
)

// Series is one stream of points: a metric and an attribute set of a resource.
type Series struct {
	Resource   *Resource
	Metric     *Metric
	Attributes attribute.Set
	row        row
}

// row is a remembered row id. It holds for one generation of a Store: opening
// another file or erasing this one starts the next.
type row struct {
	id         int64
	generation uint64
}

func (s *Store) known(r row) bool { return r.id != 0 && r.generation == s.generation }

func (s *Store) remember(id int64) row { return row{id: id, generation: s.generation} }

func (s *Store) resourceRow(tx *transaction, r *Resource) (int64, error) {
	if s.known(r.row) {
		return r.row.id, nil
	}
	id, err := tx.findOrInsert(
		`SELECT id FROM resources WHERE attributes = ?1`, 1,
		`INSERT INTO resources (attributes) VALUES (?1)`,
		boundedAttributes(r.Attributes))
	if err != nil {
		return 0, fmt.Errorf("store resource: %w", err)
	}
	r.row = s.remember(id)
	return id, nil
}

func (s *Store) metricRow(tx *transaction, m *Metric, at int64) (int64, error) {
	if s.known(m.row) {
		return m.row.id, nil
	}
	bounds, err := encodeBounds(m.Bounds)
	if err != nil {
		return 0, fmt.Errorf("store metric %q: %w", m.Name, err)
	}
	key := []any{bounded(m.Scope.Name), bounded(m.Scope.Version), boundedAttributes(m.Scope.Attributes),
		bounded(m.Name), bounded(m.Unit), string(m.Type), m.Monotonic, m.Float, bounds}
	id, err := tx.find(
		`SELECT id FROM metrics WHERE scope_name = ?1 AND scope_version = ?2 AND scope_attributes = ?3
			AND name = ?4 AND unit = ?5 AND type = ?6 AND monotonic = ?7 AND float = ?8 AND bounds = ?9`, key...)
	if err == nil && id == 0 {
		id, err = s.newMetric(tx, m, key, at)
	}
	if err != nil {
		return 0, fmt.Errorf("store metric %q: %w", m.Name, err)
	}
	m.row = s.remember(id)
	return id, nil
}

func (s *Store) newMetric(tx *transaction, m *Metric, key []any, at int64) (int64, error) {
	trackable, role, err := s.trackableRow(tx, m, at)
	if err != nil {
		return 0, err
	}
	return tx.insert(
		`INSERT INTO metrics (scope_name, scope_version, scope_attributes, name, unit, type, monotonic, float, bounds,
			scope_schema_url, description, trackable_id, role)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
		append(key, bounded(m.Scope.SchemaURL), bounded(m.Description), trackable, role)...)
}

func encodeBounds(bounds []float64) (string, error) {
	if bounds == nil {
		return "", nil
	}
	text, err := json.Marshal(bounds)
	return string(text), err
}

func decodeBounds(text string) (bounds []float64, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &bounds); err != nil {
		return nil, fmt.Errorf("read boundaries: %w: %w", errUnreadable, err)
	}
	return bounds, nil
}

// seriesRow finds or makes the row of a series. Beyond the mirror's bound a new
// attribute set joins its metric's overflow series.
func (s *Store) seriesRow(tx *transaction, series *Series, at int64) (int64, error) {
	if s.known(series.row) {
		return series.row.id, nil
	}
	resource, err := s.resourceRow(tx, series.Resource)
	if err != nil {
		return 0, err
	}
	metric, err := s.metricRow(tx, series.Metric, at)
	if err != nil {
		return 0, err
	}
	attributes := seriesAttributes(series.Attributes)
	id, err := tx.find(selectSeries, metric, resource, attributes)
	if err == nil && id == 0 {
		id, err = s.newSeries(tx, series.Metric, metric, resource, attributes)
	}
	if err != nil {
		return 0, fmt.Errorf("store series of %q: %w", series.Metric.Name, err)
	}
	series.row = s.remember(id)
	return id, nil
}

const (
	selectSeries = `SELECT id FROM series WHERE metric_id = ?1 AND resource_id = ?2 AND attributes = ?3`
	insertSeries = `INSERT INTO series (metric_id, resource_id, attributes) VALUES (?1, ?2, ?3)`
)

var overflowAttributes = encodeAttributes(attribute.NewSet(otelusage.OverflowKey.Bool(true)))

// newSeries makes a row within the bound. Heartbeats are outside it: they are
// few, and without their dates they would say nothing.
func (s *Store) newSeries(tx *transaction, m *Metric, metric, resource int64, attributes string) (int64, error) {
	if tx.seriesCount < 0 {
		n, err := tx.find(`SELECT count(*) FROM series`)
		if err != nil {
			return 0, err
		}
		tx.seriesCount = n
	}
	if tx.seriesCount >= s.maxSeries && m.Name != activeName {
		attributes = overflowAttributes
	}
	tx.seriesCount++
	return tx.findOrInsert(selectSeries, 3, insertSeries, metric, resource, attributes)
}
