package snapshot

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// snapshotReader fills a Snapshot from one state of the file.
type snapshotReader struct {
	*Snapshot
	*sqlitedb.Conn
	query      Query
	beyond     *unrecorded.Reading
	trackables map[int64]*Trackable
	series     map[int64]*SeriesCounts
	columns    [4]any // of a day
}

func (rd *Reader) readSnapshot(tx *mirrordb.Tx, beyond *unrecorded.Reading, q Query, inFlight bool) (_ *Snapshot, err error) {
	if q.Name, err = ledger.NameNow(tx.Conn, q.Name); err != nil {
		return nil, fmt.Errorf("read former names: %w", err)
	}
	r := &snapshotReader{
		Snapshot: &Snapshot{At: time.Unix(0, tx.Now).UTC(), MirrorID: tx.Mirror, InstallationID: tx.Installation,
			CreatedAt: instant.Time(tx.CreatedAt), Consent: rd.db.ConsentOf(&tx.Header)},
		Conn: tx.Conn, query: q, beyond: beyond,
		trackables: make(map[int64]*Trackable), series: make(map[int64]*SeriesCounts),
	}
	if err := r.readTrackables(); err != nil {
		return nil, fmt.Errorf("read trackables: %w", err)
	}
	if err := r.readSeries(); err != nil {
		return nil, fmt.Errorf("read totals: %w", err)
	}
	if err := r.addUnrecorded(); err != nil {
		return nil, fmt.Errorf("read journals: %w", err)
	}
	if inFlight {
		if err := r.readInFlight(tx); err != nil {
			return nil, fmt.Errorf("read parts: %w", err)
		}
	}
	if q.Days {
		if err := r.readDays(); err != nil {
			return nil, fmt.Errorf("read days: %w", err)
		}
	}
	if q.History || q.Moves {
		if err := r.readHistory(); err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
	}
	if q.Submissions {
		if err := r.readLog(); err != nil {
			return nil, fmt.Errorf("read submissions: %w", err)
		}
	}
	return r.Snapshot, nil
}

var selectTrackables = `SELECT t.id, ` + schema.Shown("t.name") + `, ` + schema.Shown("t.kind") + `, ` + schema.Shown("t.description") + `, ` + schema.Shown("t.unit") + `,
		t.float, t.monotonic, ` + schema.Within("t.checkpoints", schema.MaxCheckpoints, schema.Unreadable) + `, t.declared_at, ` + schema.Shown("c.state") + `,
		c.state IS NOT NULL AND c.moves = 0, coalesce(c.since, 0)
	FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id WHERE ?1 = '' OR ` + named + ` = ?1`

// named is a trackable's name to compare with: of one that is too long to be
// asked for it is empty, without regard to case as the column is.
var named = schema.Loaded("t.name", schema.Unreadable) + ` COLLATE NOCASE`

// readTrackables, like the other readings for people, cuts texts in SQL.
func (r *snapshotReader) readTrackables() error {
	return r.Each(selectTrackables,
		func(rows *sql.Rows) error {
			var id, declaredAt, changedAt int64
			var kind, checkpoints string
			t := &Trackable{Hits: make(map[string]int64)}
			err := rows.Scan(&id, &t.Name, &kind, &t.Description, &t.Unit, &t.Float, &t.Monotonic, &checkpoints, &declaredAt,
				&t.State, &t.Default, &changedAt)
			if err != nil {
				return err
			}
			var ok bool
			if t.Kind, ok = otelusage.ParseKind(kind); !ok {
				return nil // of a later version
			}
			if checkpoints != "" {
				if err := json.Unmarshal([]byte(checkpoints), &t.Checkpoints); err != nil {
					return fmt.Errorf("read checkpoints of %q: %w: %w", t.Name, series.ErrUnreadable, err)
				}
			}
			t.DeclaredAt, t.ChangedAt = instant.Time(declaredAt), instant.Time(changedAt)
			r.trackables[id], r.Trackables = t, append(r.Trackables, t)
			return nil
		}, r.query.Name)
}

var selectSnapshotSeries = `SELECT s.id, m.trackable_id, ` + schema.Shown("m.role") + `, ` + schema.Shown("m.scope_name") + `, ` + schema.Shown("m.name") + `, ` + schema.Shown("m.unit") + `,
		` + schema.Shown("m.description") + `, ` + schema.Shown("m.type") + `, m.monotonic, m.float, ` + schema.Loaded("m.bounds", schema.Unreadable) + `,
		` + schema.Loaded("s.attributes", schema.NoObject) + `, ` + schema.Loaded("r.attributes", schema.NoObject) + `,
		` + schema.Loaded("o.recorded", schema.Unreadable) + `, ` + schema.Loaded("o.pending", schema.Unreadable) + `, ` + schema.Loaded("o.withheld", schema.Unreadable) + `,
		` + schema.Loaded("o.accepted", schema.Unreadable) + `, ` + schema.Loaded("o.partial", schema.Unreadable) + `, ` + schema.Loaded("o.set_aside", schema.Unreadable) + `,
		coalesce(o.exports, 0), coalesce(o.updated_at, g.updated_at, 0), ` + schema.Loaded("g.value", schema.Nothing) + `
	FROM series s JOIN metrics m ON m.id = s.metric_id JOIN resources r ON r.id = s.resource_id
	LEFT JOIN totals o ON o.series_id = s.id LEFT JOIN gauges g ON g.series_id = s.id
	LEFT JOIN trackables t ON t.id = m.trackable_id
	WHERE ?1 = '' OR ` + named + ` = ?1 OR t.id IS NULL AND ` + schema.Loaded("m.name", schema.Unreadable) + ` = ?1 COLLATE NOCASE ORDER BY s.id`

func (r *snapshotReader) readSeries() error {
	return r.Each(selectSnapshotSeries,
		func(rows *sql.Rows) error {
			var id, updatedAt int64
			var trackable sql.NullInt64
			var bounds string
			var columns [6]any
			var gauge any
			x := &SeriesCounts{}
			m := &x.Metric
			m.Scope = &series.Scope{}
			err := rows.Scan(&id, &trackable, &x.Role, &m.Scope.Name, &m.Name, &m.Unit, &m.Description, &m.Type, &m.Monotonic, &m.Float, &bounds,
				&x.Attributes, &x.Resource, &columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5],
				&x.Recordings, &updatedAt, &gauge)
			if err != nil {
				return err
			}
			if m.Bounds, err = series.DecodeBounds(bounds); err != nil {
				return err
			}
			for i, v := range [...]*series.Value{&x.Recorded, &x.Pending, &x.Withheld, &x.Accepted, &x.Partial, &x.SetAside} {
				if *v, err = m.ParseValue(columns[i]); err != nil {
					return err
				}
			}
			x.Gauge, x.InFlight, x.UpdatedAt = totals.NumberValue(gauge), m.Zero(), instant.Time(updatedAt)
			x.Unrecorded = x.InFlight.Add(r.beyond.Of(id))
			r.series[id] = x
			if !trackable.Valid {
				r.Others = append(r.Others, x)
				return nil
			}
			if t := r.trackables[trackable.Int64]; t != nil {
				return t.count(x)
			}
			return nil
		}, r.query.Name)
}

func (r *snapshotReader) readInFlight(tx *mirrordb.Tx) error {
	flying, _, err := batch.InFlight(tx)
	if err != nil {
		return err
	}
	for id := range flying {
		x := r.series[id]
		if x == nil {
			continue // not asked for, or the balance reports it
		}
		if x.InFlight, err = flying.Sum(id, &x.Metric); err != nil {
			return err
		}
	}
	return nil
}

// chosen returns the series that a query with a name is about as a JSON list,
// and nil where it is about all.
func (r *snapshotReader) chosen() any {
	if r.query.Name == "" {
		return nil
	}
	return r.listed(func(*SeriesCounts) bool { return true })
}

// withHistory returns the series whose history is asked for, as chosen does.
func (r *snapshotReader) withHistory() any {
	if r.query.History {
		return r.chosen()
	}
	return r.listed(func(x *SeriesCounts) bool { return x.Metric.Type == series.TypeGauge && x.Role != series.RoleNone })
}

func (r *snapshotReader) listed(chosen func(*SeriesCounts) bool) any {
	ids := make([]int64, 0, len(r.series))
	for id, x := range r.series {
		if chosen(x) {
			ids = append(ids, id)
		}
	}
	list, err := json.Marshal(ids)
	if err != nil { // whole numbers always encode
		return nil
	}
	return string(list)
}

var selectLog = `SELECT id, ` + schema.Shown("forwarder") + `, coalesce(batch_id, 0), coalesce(part_id, 0), first_at, last_at, times, ` + schema.Shown("outcome") + `, status,
	points, rejected, ` + schema.Shown("reason") + ` FROM submission_log ORDER BY id`

func (r *snapshotReader) readLog() error {
	return r.Each(selectLog,
		func(rows *sql.Rows) error {
			var e LogEntry
			var first, last int64
			err := rows.Scan(&e.ID, &e.Forwarder, &e.Batch, &e.Part, &first, &last, &e.Times, &e.Outcome, &e.Status,
				&e.Points, &e.Rejected, &e.Reason)
			e.First, e.Last = instant.Time(first), instant.Time(last)
			r.Submissions = append(r.Submissions, e)
			return err
		})
}
