package localstore

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// summary is one state of the file in memory, as the exports show it. Sums are
// made here and not by SQL, whose sum() gives up where whole numbers overflow.
type summary struct {
	header
	at         int64
	trackables []*tracked
	others     []*countedSeries // of metrics that belong to no trackable
	log        []logged

	byID   map[int64]*tracked
	series map[int64]*countedSeries
}

// tracked is a trackable with its value over all its series.
type tracked struct {
	otelusage.Declaration
	declaredAt, changedAt int64

	total   Value // of a Statistic or Sequence
	exports int64 // that changed it
	runs    int64 // of a Timer
	seconds float64
	state   sql.NullString // not valid for none
	changes int64
	hits    map[string]int64 // by checkpoint

	series []*countedSeries
	states []sample // the history of a State
}

// countedSeries is one series with what became of its counts.
type countedSeries struct {
	metric               Metric
	scope, role          string
	attributes, resource string
	balance              [6]Value // in the order of totals.values
	inFlight             Value
	gauge                any
	exports, updatedAt   int64
	days, history        []sample
}

func (c *countedSeries) recorded() Value { return c.balance[0] }

// summarize reads the file as it is at one moment; more reads what only one
// export shows, from the same state. The result is used without the lock: a
// slow writer must not keep the application from recording.
func (s *Store) summarize(more func(*summary) error) (*summary, error) {
	s.lock()
	defer s.unlock()
	if !s.readOnly && s.hasDeclarations() {
		// What cannot be written now, because another process writes, is shown
		// from memory.
		_ = s.briefly(func() error { return s.write(func(*transaction) error { return nil }) })
	}
	var sum *summary
	err := s.look(func(header) error {
		return s.conn.snapshot(func() (err error) {
			sum = &summary{at: s.now().UnixNano(), byID: make(map[int64]*tracked), series: make(map[int64]*countedSeries)}
			if sum.header, err = s.readHeader(); err != nil {
				return err
			}
			if err := sum.readTrackables(s.conn); err != nil {
				return fmt.Errorf("read trackables: %w", err)
			}
			if err := sum.readSeries(s.conn); err != nil {
				return fmt.Errorf("read totals: %w", err)
			}
			return more(sum)
		})
	})
	if err != nil {
		return nil, err
	}
	sum.merge(s.ledger.waiting())
	sum.sort(OrderByType)
	return sum, nil
}

func (sum *summary) readTrackables(c *connection) error {
	return c.each(`SELECT t.id, t.name, t.kind, t.description, t.unit, t.float, t.monotonic, t.checkpoints, t.declared_at,
			c.state, coalesce(c.since, 0)
		FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id`,
		func(rows *sql.Rows) error {
			var id int64
			var kind, checkpoints string
			t := &tracked{hits: make(map[string]int64)}
			err := rows.Scan(&id, &t.Name, &kind, &t.Description, &t.Unit, &t.Float, &t.Monotonic, &checkpoints, &t.declaredAt,
				&t.state, &t.changedAt)
			if err != nil {
				return err
			}
			var ok bool
			if t.Kind, ok = otelusage.ParseKind(kind); !ok {
				return nil // of a later version
			}
			if checkpoints != "" {
				if err := json.Unmarshal([]byte(checkpoints), &t.Checkpoints); err != nil {
					return fmt.Errorf("read checkpoints of %q: %w: %w", t.Name, errUnreadable, err)
				}
			}
			sum.byID[id], sum.trackables = t, append(sum.trackables, t)
			return nil
		})
}

func (sum *summary) readSeries(c *connection) error {
	return c.each(`SELECT s.id, m.trackable_id, m.role, m.scope_name, m.name, m.unit, m.description, m.type, m.monotonic, m.float, m.bounds,
			s.attributes, r.attributes, o.recorded, o.pending, o.withheld, o.accepted, o.partial, o.set_aside,
			coalesce(o.exports, 0), coalesce(o.updated_at, g.updated_at, 0), g.value
		FROM series s JOIN metrics m ON m.id = s.metric_id JOIN resources r ON r.id = s.resource_id
		LEFT JOIN totals o ON o.series_id = s.id LEFT JOIN gauges g ON g.series_id = s.id ORDER BY s.id`,
		func(rows *sql.Rows) error {
			var id int64
			var trackable sql.NullInt64
			var bounds string
			var columns [6]any
			x := &countedSeries{}
			m := &x.metric
			err := rows.Scan(&id, &trackable, &x.role, &x.scope, &m.Name, &m.Unit, &m.Description, &m.Type, &m.Monotonic, &m.Float, &bounds,
				&x.attributes, &x.resource, &columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5],
				&x.exports, &x.updatedAt, &x.gauge)
			if err != nil {
				return err
			}
			if m.Bounds, err = decodeBounds(bounds); err != nil {
				return err
			}
			for i := range columns {
				if x.balance[i], err = m.parseValue(columns[i]); err != nil {
					return err
				}
			}
			x.inFlight, sum.series[id] = m.zero(), x
			if !trackable.Valid {
				sum.others = append(sum.others, x)
				return nil
			}
			if t := sum.byID[trackable.Int64]; t != nil {
				return t.count(x)
			}
			return nil
		})
}

// count adds a series to its trackable.
func (t *tracked) count(x *countedSeries) error {
	if x.metric.Type == TypeGauge && t.Kind == otelusage.KindState {
		return nil // it counts nothing: the state and its history are the trackable's
	}
	t.series = append(t.series, x)
	switch x.role {
	case roleValue:
		t.add(x.recorded())
		t.exports = saturatingAdd(t.exports, x.exports)
		t.changedAt = max(t.changedAt, x.updatedAt)
	case roleChanges:
		t.changes = saturatingAdd(t.changes, x.recorded().Int64())
	case roleCheckpoints:
		set, err := decodeAttributes(x.attributes)
		if err != nil {
			return err
		}
		if checkpoint, ok := set.Value(otelusage.CheckpointKey); ok {
			t.hits[checkpoint.AsString()] = saturatingAdd(t.hits[checkpoint.AsString()], x.recorded().Int64())
		}
	}
	return nil
}

// add adds the value of one series: of histograms the count and the sum alone,
// because versions may differ in their boundaries.
func (t *tracked) add(v Value) {
	switch {
	case v.kind == histogramValue:
		t.runs, t.seconds = saturatingAdd(t.runs, saturatedCount(v.hist.Count)), addFloat(t.seconds, v.hist.Sum)
	case v.kind == exponentialValue:
		t.runs, t.seconds = saturatingAdd(t.runs, saturatedCount(v.exp.Count)), addFloat(t.seconds, v.exp.Sum)
	case v.kind == t.total.kind || t.total == Value{}:
		t.total = t.total.Add(v)
	default: // the number type changed with a version
		t.total = Float64Value(addFloat(t.total.Float64(), v.Float64()))
	}
}

// average is what an export that changed the Statistic added to it.
func (t *tracked) average() float64 {
	if t.exports == 0 {
		return 0
	}
	return t.total.Float64() / float64(t.exports)
}

// averageSeconds is how long a run of the Timer took.
func (t *tracked) averageSeconds() float64 {
	if t.runs == 0 {
		return 0
	}
	return t.seconds / float64(t.runs)
}

// merge adds declarations that are not in the file.
func (sum *summary) merge(waiting []otelusage.Declaration) {
	known := make(map[ledgerKey]*tracked)
	for _, t := range sum.trackables {
		known[keyOf(t.Declaration)] = t
	}
	for _, d := range waiting {
		if t := known[keyOf(d)]; t != nil {
			name := t.Name // stays as it was declared first
			t.Declaration, t.Name = d, name
			continue
		}
		t := &tracked{Declaration: d}
		known[keyOf(d)], sum.trackables = t, append(sum.trackables, t)
	}
}

func (sum *summary) sort(order Order) {
	slices.SortFunc(sum.trackables, func(a, b *tracked) int {
		byType := strings.Compare(a.Kind.String(), b.Kind.String())
		byName := cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
		if order == OrderByName {
			return cmp.Or(byName, byType)
		}
		return cmp.Or(byType, byName)
	})
}

// of returns the trackables of one kind.
func (sum *summary) of(kind otelusage.Kind) (list []*tracked) {
	for _, t := range sum.trackables {
		if t.Kind == kind {
			list = append(list, t)
		}
	}
	return list
}
