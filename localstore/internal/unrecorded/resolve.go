package unrecorded

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// resolver finds what journals name among the rows of the mirror. It scans tables,
// because the search of an index would load texts of any length.
type resolver struct {
	*Reading
	tx         *mirrordb.Tx
	metrics    map[totals.MetricKey]metricRow
	resources  map[string]int64
	series     map[seriesKey]int64
	trackables map[ledger.Key]int64
	fresh      map[freshKey]int64
	moved      map[int64]bool // trackables with a State
}

type metricRow struct {
	id, trackable int64
	role          string
}

type seriesKey struct {
	metric, resource int64
	attributes       string
}

// freshKey identifies a series that the mirror does not have.
type freshKey struct {
	metric               totals.MetricKey
	resource, attributes string
}

// resolve adds up by series what journals hold.
func (r *Reading) resolve(tx *mirrordb.Tx, rests []*Rest) error {
	r.byID, r.Trackables = make(map[int64]*Series), make(map[int64]otelusage.Declaration)
	x := &resolver{Reading: r, tx: tx, fresh: make(map[freshKey]int64), moved: make(map[int64]bool)}
	if err := x.read(rests); err != nil {
		return err
	}
	for _, rest := range rests {
		for _, d := range rest.Differences {
			err := x.add(d, rest.LosesAfter)
			if err != nil {
				return fmt.Errorf("find %q: %w", d.Series.Metric.Name, err)
			}
		}
	}
	return nil
}

// add adds what a journal holds of a series.
func (x *resolver) add(d journalfile.Difference, losesAfter int64) error {
	key, err := totals.KeyOf(d.Series.Metric)
	if err != nil {
		return err
	}
	metric, known := x.metrics[key]
	if !known {
		metric.trackable, metric.role = x.trackableOf(d.Series.Metric)
	}
	if d.Moves > 0 {
		return x.move(metric.trackable, d.State, losesAfter)
	}
	resource, attributes := totals.BoundedAttributes(d.Series.Resource.Attributes), totals.SeriesAttributes(d.Series.Attributes)
	id := x.series[seriesKey{metric.id, x.resources[resource], attributes}]
	if id == 0 {
		fresh := freshKey{key, resource, attributes}
		if id = x.fresh[fresh]; id == 0 {
			id = -int64(len(x.fresh)) - 1
			x.fresh[fresh] = id
		}
	}
	s := x.byID[id]
	if s == nil {
		s = &Series{ID: id, Trackable: metric.trackable, Role: metric.role, Metric: shown(d.Series.Metric),
			Attributes: attributes, Resource: resource, Value: d.Series.Metric.Zero()}
		x.byID[id], x.Series = s, append(x.Series, s)
	}
	s.Value = s.Value.Add(d.Delta)
	return nil
}

// move notes a State where it holds against the one that the mirror has.
func (x *resolver) move(trackable int64, text string, losesAfter int64) error {
	if trackable == 0 || x.moved[trackable] {
		return nil
	}
	loses, err := totals.LosesState(x.tx, trackable, losesAfter)
	if err == nil && !loses {
		x.moved[trackable] = true
		x.States = append(x.States, State{trackable, strings.ToValidUTF8(text, "\uFFFD")})
	}
	return err
}

// trackableOf returns what the mirror would say of a metric that it does not have.
// A trackable that it does not have either is made as the metric describes it.
func (x *resolver) trackableOf(m *series.Metric) (id int64, role string) {
	kind, name, role, ok := m.Trackable()
	if !ok {
		return 0, series.RoleNone
	}
	d := otelusage.Declaration{Name: cut(name), Kind: kind}
	key := ledger.KeyOf(d)
	if id = x.trackables[key]; id == 0 {
		id = -int64(len(x.Trackables)) - 1
		x.trackables[key] = id
		x.Trackables[id] = d
	}
	if d, fresh := x.Trackables[id]; fresh && role == series.RoleValue {
		d.Description, d.Unit = cut(m.Description), cut(m.Unit)
		d.Float, d.Monotonic = m.Float && kind == otelusage.KindStatistic, m.Monotonic && kind == otelusage.KindStatistic
		x.Trackables[id] = d
	}
	return id, role
}

// shown is a metric with texts for people.
func shown(m *series.Metric) *series.Metric {
	short := *m
	short.Name, short.Unit, short.Description = cut(m.Name), cut(m.Unit), cut(m.Description)
	short.Scope = &series.Scope{Name: cut(m.Scope.Name)}
	return &short
}

// cut leaves of a text what is shown of one in the mirror.
func cut(text string) string {
	n := 0
	for i := range text {
		if n++; n > schema.MaxShown {
			return text[:i]
		}
	}
	return text
}

func (x *resolver) read(rests []*Rest) error {
	names := make(map[string]bool)
	for _, rest := range rests {
		for _, d := range rest.Differences {
			names[totals.Bounded(d.Series.Metric.Name)] = true
		}
	}
	err := x.readMetrics(slices.Sorted(maps.Keys(names)))
	if err == nil {
		err = x.readSeries()
	}
	if err == nil {
		err = x.readTrackables()
	}
	return mirrordb.Wrap("find what is in journals", err)
}

var selectMetrics = `SELECT id, coalesce(trackable_id, 0), ` + schema.Shown("role") + `, ` + schema.Loaded("scope_name", schema.Unreadable) + `,
		` + schema.Loaded("scope_version", schema.Unreadable) + `, ` + schema.Loaded("scope_attributes", schema.Unreadable) + `, ` + schema.Loaded("name", schema.Unreadable) + `,
		` + schema.Loaded("unit", schema.Unreadable) + `, ` + schema.Loaded("type", schema.Unreadable) + `, monotonic, float, ` + schema.Loaded("bounds", schema.Unreadable) + `
	FROM metrics NOT INDEXED WHERE ` + schema.Loaded("name", schema.Unreadable) + ` IN (SELECT value FROM json_each(?1))`

func (x *resolver) readMetrics(names []string) error {
	x.metrics = make(map[totals.MetricKey]metricRow)
	list, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return x.tx.Each(selectMetrics, func(rows *sql.Rows) error {
		var m metricRow
		var k totals.MetricKey
		err := rows.Scan(&m.id, &m.trackable, &m.role, &k.ScopeName, &k.ScopeVersion, &k.ScopeAttributes, &k.Name,
			&k.Unit, &k.Type, &k.Monotonic, &k.Float, &k.Bounds)
		x.metrics[k] = m
		return err
	}, string(list))
}

var (
	selectResources = `SELECT id, ` + schema.Loaded("attributes", schema.Unreadable) + ` FROM resources NOT INDEXED`
	selectSeries    = `SELECT id, metric_id, resource_id, ` + schema.Loaded("attributes", schema.Unreadable) + ` FROM series NOT INDEXED
		WHERE metric_id IN (SELECT value FROM json_each(?1))`
)

func (x *resolver) readSeries() error {
	x.resources, x.series = make(map[string]int64), make(map[seriesKey]int64)
	if len(x.metrics) == 0 {
		return nil
	}
	err := x.tx.Each(selectResources, func(rows *sql.Rows) error {
		var id int64
		var attributes string
		err := rows.Scan(&id, &attributes)
		x.resources[attributes] = id
		return err
	})
	if err != nil {
		return err
	}
	ids := make([]int64, 0, len(x.metrics))
	for _, m := range x.metrics {
		ids = append(ids, m.id)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return x.tx.Each(selectSeries, func(rows *sql.Rows) error {
		var id int64
		var key seriesKey
		err := rows.Scan(&id, &key.metric, &key.resource, &key.attributes)
		x.series[key] = id
		return err
	}, string(list))
}

var (
	selectTrackables = `SELECT id, ` + schema.Loaded("name", schema.Unreadable) + `, ` + schema.Loaded("kind", schema.Unreadable) + ` FROM trackables NOT INDEXED`
	selectFormer     = `SELECT trackable_id, ` + schema.Loaded("name", schema.Unreadable) + `, ` + schema.Loaded("kind", schema.Unreadable) + ` FROM ` + schema.FormerNames + ` NOT INDEXED`
)

// readTrackables reads them by all their names: those of now hold against former
// ones, as with a recording.
func (x *resolver) readTrackables() error {
	x.trackables = make(map[ledger.Key]int64)
	queries := []string{selectTrackables}
	if x.tx.Version >= schema.TablesSince[schema.FormerNames] {
		queries = append(queries, selectFormer)
	}
	for _, query := range queries {
		err := x.tx.Each(query, func(rows *sql.Rows) error {
			var id int64
			var kind string
			var d otelusage.Declaration
			err := rows.Scan(&id, &d.Name, &kind)
			of, ok := otelusage.ParseKind(kind)
			if d.Kind = of; ok && x.trackables[ledger.KeyOf(d)] == 0 {
				x.trackables[ledger.KeyOf(d)] = id
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
