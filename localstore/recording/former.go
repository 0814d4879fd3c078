package recording

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Each version of an application counts under a resource of its own. Series of
// versions that nobody runs any more would use up the limit on series. So once half
// of the limit is reached they are folded into one resource of former versions:
// totals, balances and days are added up, and single recordings are dropped. That
// happens with the first recording of a day, some series at a time. A process that
// still runs such a version starts new series.

const (
	// formerAfter is for how many days nobody recorded under a version.
	formerAfter = 30

	// foldAtOnce is about how many series are folded in one transaction.
	foldAtOnce = 1000
)

// fold is what is folded in one transaction.
type fold struct {
	*mirrordb.Tx
	groups map[foldKey]*foldGroup
	order  []*foldGroup
	member map[int64]*foldMember // by series
}

// foldKey is what series have in common that are added up: all but the
// resource, and the version of the scope.
type foldKey struct {
	metric     int64 // the latest of those that differ in the version alone
	attributes string
}

// foldGroup are series that become one, the first of them.
type foldGroup struct {
	metric  int64
	members []*foldMember
	total   foldTotals
	mixed   bool // a day of another than the first was met
}

type foldMember struct {
	series int64
	group  *foldGroup
	former bool
	total  foldTotals
	day    sample // the latest that was met
}

// foldTotals is a whole row of balances.
type foldTotals struct {
	values                [8]series.Value
	recordings, updatedAt int64
	counts                bool // there is one
}

// FoldFormer folds the series of resources that are no longer in use, as far as
// nothing of them waits to be sent. current is the resource of this recording.
func (rec *Recorder) FoldFormer(tx *mirrordb.Tx, current string) error {
	if rec.missing() {
		return mirrordb.ErrNotOpen
	}
	n, err := tx.Find(`SELECT count(*) FROM series`)
	if err != nil || n <= rec.book.MaxSeries/2 {
		return mirrordb.Wrap("count series", err)
	}
	if tx.Leased(tx.Now) {
		return nil // what is being sent keeps its series
	}
	idle, err := idleResources(tx, current)
	if err != nil || len(idle) == 0 {
		return mirrordb.Wrap("find former versions", err)
	}
	f := &fold{Tx: tx, groups: make(map[foldKey]*foldGroup), member: make(map[int64]*foldMember)}
	if err := f.collect(idle); errors.Is(err, series.ErrUnreadable) {
		return nil // a recording must not fail for what it does not need
	} else if err != nil {
		return fmt.Errorf("read former versions: %w", err)
	}
	if err := f.write(); err != nil {
		return fmt.Errorf("fold former versions: %w", err)
	}
	rec.Forget()
	tx.SeriesCount = -1
	return nil
}

// idleResources returns those that were not recorded under lately, the one
// that is unused for longest first. What is in flight stays where it is.
func idleResources(tx *mirrordb.Tx, current string) (idle []int64, err error) {
	series := int64(0)
	err = tx.Each(`SELECT r.id, count(*), max(max(coalesce(o.updated_at, 0), coalesce(g.updated_at, 0))) AS used
		FROM resources r JOIN series s ON s.resource_id = r.id
		LEFT JOIN totals o ON o.series_id = s.id LEFT JOIN gauges g ON g.series_id = s.id
		WHERE r.attributes NOT IN (?1, '`+totals.ImportedAttributes+`', '`+mirrordb.FormerAttributes+`')
			AND r.id NOT IN (SELECT resource_id FROM parts WHERE state = 'sealed')
		GROUP BY r.id HAVING used NOT BETWEEN ?2 AND ?3
			AND max(`+foldable+`) ORDER BY used`,
		func(rows *sql.Rows) error {
			var id, n, used int64
			err := rows.Scan(&id, &n, &used)
			if len(idle) == 0 || series+n <= foldAtOnce {
				idle, series = append(idle, id), series+n
			}
			return err
		}, current, tx.Now-formerAfter*instant.NanosecondsPerDay, tx.Now+formerAfter*instant.NanosecondsPerDay)
	return idle, err
}

// foldable says of a series s, with its totals o and gauge g, that nothing of it
// waits or is referred to. What waits for a forwarder of deltas while one of
// totals is in use may wait for ever, and is folded with the rest. Heartbeats
// expire by themselves.
const foldable = `(g.due IS NULL
	AND (o.pending IS NULL OR (SELECT accepted_at FROM forwarders WHERE kind = 'cumulative')
		> coalesce((SELECT accepted_at FROM forwarders WHERE kind = 'delta'), 0))
	AND s.id NOT IN (SELECT series_id FROM current_states)
	AND s.id NOT IN (SELECT shared_series_id FROM current_states WHERE shared_series_id IS NOT NULL)
	AND s.id NOT IN (SELECT series_id FROM occupancy UNION ALL SELECT series_id FROM ` + schema.OccupancyBefore + `)
	AND s.metric_id NOT IN (SELECT id FROM metrics WHERE name = '` + totals.ActiveName + `'))`

// collect reads the series of the resources and those that were folded before.
func (f *fold) collect(idle []int64) error {
	list, err := json.Marshal(idle)
	if err != nil {
		return err
	}
	return f.Each(`SELECT s.id, s.attributes, r.attributes = '`+mirrordb.FormerAttributes+`', m.name, m.type, m.float, m.bounds,
			(SELECT max(k.id) FROM metrics k WHERE k.name = m.name AND k.scope_name = m.scope_name
				AND k.scope_attributes = m.scope_attributes AND k.unit = m.unit AND k.type = m.type
				AND k.monotonic = m.monotonic AND k.float = m.float AND k.bounds = m.bounds),
			o.recorded, o.pending, o.withheld, o.accepted, o.partial, o.set_aside, o.uploaded, o.imported,
			coalesce(o.exports, 0), coalesce(o.updated_at, 0), o.series_id IS NOT NULL
		FROM series s JOIN metrics m ON m.id = s.metric_id JOIN resources r ON r.id = s.resource_id
		LEFT JOIN totals o ON o.series_id = s.id LEFT JOIN gauges g ON g.series_id = s.id
		WHERE r.attributes = '`+mirrordb.FormerAttributes+`' OR s.resource_id IN (SELECT value FROM json_each(?1)) AND `+foldable+`
		ORDER BY r.attributes <> '`+mirrordb.FormerAttributes+`', s.id`,
		func(rows *sql.Rows) error {
			var m series.Metric
			var key foldKey
			var bounds string
			x := &foldMember{}
			columns := make([]any, len(x.total.values))
			targets := []any{&x.series, &key.attributes, &x.former, &m.Name, &m.Type, &m.Float, &bounds, &key.metric}
			for i := range columns {
				targets = append(targets, &columns[i])
			}
			err := rows.Scan(append(targets, &x.total.recordings, &x.total.updatedAt, &x.total.counts)...)
			if err != nil {
				return err
			}
			if m.Bounds, err = series.DecodeBounds(bounds); err != nil {
				return err
			}
			for i := range columns {
				if x.total.values[i], err = m.ParseValue(columns[i]); err != nil {
					return err
				}
			}
			f.join(key, x)
			return nil
		}, string(list))
}

// join adds a series to its group. One whose whole numbers would not fit with
// the others' stays where it is.
func (f *fold) join(key foldKey, x *foldMember) {
	g := f.groups[key]
	if g == nil {
		g = &foldGroup{metric: key.metric}
		f.groups[key], f.order = g, append(f.order, g)
	}
	total, ok := g.total.plus(x.total)
	if !ok {
		return
	}
	x.group, g.total, g.members = g, total, append(g.members, x)
	f.member[x.series] = x
}

func (t foldTotals) plus(u foldTotals) (sum foldTotals, ok bool) {
	if !t.counts {
		return u, true
	}
	for i, v := range t.values {
		sum.values[i] = v.Add(u.values[i])
		if v.Kind() == series.KindInt64 && sum.values[i].Int64()-v.Int64() != u.values[i].Int64() {
			return t, false
		}
	}
	sum.recordings, sum.updatedAt = t.recordings+u.recordings, max(t.updatedAt, u.updatedAt)
	sum.counts = true
	return sum, true
}

// changes reports whether the group becomes another than it was.
func (g *foldGroup) changes() bool {
	return len(g.members) > 1 || len(g.members) == 1 && !g.members[0].former
}

var replaceTotals = totals.NewStatement(`INSERT OR REPLACE INTO totals (series_id, recorded, pending, withheld, accepted, partial,
	set_aside, uploaded, imported, exports, updated_at) VALUES `, 11, ``)

func (f *fold) write() error {
	f.order = slices.DeleteFunc(f.order, func(g *foldGroup) bool { return !g.changes() })
	if err := f.writeDays(); err != nil {
		return err
	}
	former, err := f.newFormerResource()
	if err != nil {
		return err
	}
	var counting []*foldGroup
	var gone, rewritten []int64
	for _, g := range f.order {
		keeper := g.members[0].series
		if g.total.counts {
			counting, rewritten = append(counting, g), append(rewritten, keeper)
		}
		for _, x := range g.members[1:] {
			gone = append(gone, x.series)
			if !g.total.counts {
				if err := f.mergeGauge(x.series, keeper); err != nil {
					return err
				}
			}
		}
	}
	if err := f.remove(gone, "totals", "days", "gauges", "history"); err != nil {
		return err
	}
	if err := f.remove(rewritten, "history"); err != nil {
		return err
	}
	if err := f.removeSeries(gone); err != nil {
		return err
	}
	err = replaceTotals.Run(f.Conn, len(counting), func(i int, args []any) ([]any, error) {
		t := counting[i].total
		return totals.AppendValues(append(args, counting[i].members[0].series), []any{t.recordings, t.updatedAt}, t.values[:]...)
	})
	for _, g := range f.order {
		if err == nil {
			err = f.Run(`UPDATE series SET metric_id = ?2, resource_id = ?3 WHERE id = ?1`, g.members[0].series, g.metric, former)
		}
	}
	if err == nil {
		err = f.Run(`DELETE FROM metrics WHERE NOT EXISTS (SELECT 1 FROM series WHERE metric_id = metrics.id)`)
	}
	if err == nil {
		err = f.Run(`DELETE FROM resources WHERE id NOT IN (SELECT resource_id FROM series)`)
	}
	if err == nil {
		err = totals.ReleaseLease(f.Tx) // it has run out: who comes back late with its outcome has lost it
	}
	return err
}

// newFormerResource makes the resource of former versions anew and gives it what
// was folded before.
func (f *fold) newFormerResource() (int64, error) {
	before, err := f.Find(`SELECT id FROM resources WHERE attributes = ?1`, mirrordb.FormerAttributes)
	if err == nil {
		err = f.Run(`DELETE FROM resources WHERE id = ?1`, before)
	}
	if err != nil {
		return 0, err
	}
	id, err := f.Insert(`INSERT INTO resources (attributes) VALUES (?1)`, mirrordb.FormerAttributes)
	if err == nil {
		err = f.Run(`UPDATE series SET resource_id = ?2 WHERE resource_id = ?1`, before, id)
	}
	return id, err
}

// mergeGauge gives the states that a State was in to another series, of two in one
// slot the later, and keeps the later value of an application's gauge.
func (f *fold) mergeGauge(from, to int64) error {
	err := f.Run(`DELETE FROM history WHERE series_id = ?1 AND EXISTS (SELECT 1 FROM history k
		WHERE k.slot = history.slot AND k.series_id = ?2 AND k.at >= history.at)`, from, to)
	if err == nil {
		err = f.Run(`UPDATE OR REPLACE history SET series_id = ?2 WHERE series_id = ?1`, from, to)
	}
	if err == nil {
		err = f.Run(`UPDATE OR REPLACE gauges SET series_id = ?2 WHERE series_id = ?1
			AND updated_at >= coalesce((SELECT k.updated_at FROM gauges k WHERE k.series_id = ?2), 0)`, from, to)
	}
	return err
}

func (f *fold) remove(series []int64, tables ...string) error {
	list, err := json.Marshal(series)
	for _, table := range tables {
		if err == nil {
			err = f.Run(`DELETE FROM `+table+` WHERE series_id IN (SELECT value FROM json_each(?1))`, string(list))
		}
	}
	return err
}

func (f *fold) removeSeries(series []int64) error {
	list, err := json.Marshal(series)
	if err == nil {
		err = f.Run(`DELETE FROM series WHERE id IN (SELECT value FROM json_each(?1))`, string(list))
	}
	return err
}
