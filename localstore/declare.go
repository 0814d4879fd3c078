package localstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var _ otelusage.Ledger = (*Store)(nil)

// ledger is what a Store knows of trackables. It is read once for all the
// declarations of a start.
type ledger struct {
	loaded    bool
	loadedAt  time.Time
	commits   int64 // of this Store, when it was read
	known     map[ledgerKey]otelusage.Declaration
	lifetimes map[ledgerKey]*otelusage.Lifetime
	fresh     []otelusage.Declaration // not in the file yet
	declared  []otelusage.Declaration // by this process, for a file that takes this one's place
	seen      map[ledgerKey]struct{}  // keys of declared
}

// ledgerKey is a trackable's identity: names compare without case.
type ledgerKey struct {
	name string
	kind otelusage.Kind
}

func keyOf(d otelusage.Declaration) ledgerKey {
	return ledgerKey{name: strings.ToLower(d.Name), kind: d.Kind}
}

// ledgerAge is how long other processes' counts may go unseen by declarations.
const ledgerAge = time.Second

// Declare implements [otelusage.Ledger]. New trackables reach the file with the
// next recording, submission or query of this Store, or with Close.
func (s *Store) Declare(d otelusage.Declaration) (otelusage.Lifetime, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.loadLedger(); err != nil {
		return otelusage.Lifetime{}, fmt.Errorf("declare %q: %w", d.Name, err)
	}
	key := keyOf(d)
	if known, ok := s.ledger.known[key]; (!ok || changes(known, d)) && !s.readOnly {
		s.ledger.known[key] = d
		s.ledger.fresh = append(s.ledger.fresh, d)
	}
	if _, ok := s.ledger.seen[key]; !ok {
		if s.ledger.seen == nil {
			s.ledger.seen = make(map[ledgerKey]struct{})
		}
		s.ledger.seen[key] = struct{}{}
		s.ledger.declared = append(s.ledger.declared, d)
	}
	if l := s.ledger.lifetimes[key]; l != nil {
		return *l, nil
	}
	return otelusage.Lifetime{}, nil
}

// changes reports whether a declaration says more than what is known.
func changes(known, d otelusage.Declaration) bool {
	return known.Description != d.Description || known.Unit != d.Unit || known.Float != d.Float ||
		known.Monotonic != d.Monotonic || encodeList(known.Checkpoints) != encodeList(d.Checkpoints)
}

func (s *Store) loadLedger() error {
	l := &s.ledger
	if l.loaded && l.commits == s.commits && time.Since(l.loadedAt) < ledgerAge {
		return nil
	}
	return s.look(func(header) error {
		l.known = make(map[ledgerKey]otelusage.Declaration)
		l.lifetimes = make(map[ledgerKey]*otelusage.Lifetime)
		err := s.conn.snapshot(func() error {
			keys, err := s.loadTrackables()
			if err != nil {
				return err
			}
			return s.loadLifetimes(keys)
		})
		if err != nil {
			return err
		}
		for _, d := range l.fresh {
			l.known[keyOf(d)] = d
		}
		l.loaded, l.loadedAt, l.commits = true, time.Now(), s.commits
		return nil
	})
}

func (s *Store) loadTrackables() (map[int64]ledgerKey, error) {
	keys := make(map[int64]ledgerKey)
	err := s.conn.each(`SELECT t.id, t.name, t.kind, t.description, t.unit, t.float, t.monotonic, t.checkpoints,
			c.trackable_id IS NOT NULL, coalesce(c.state, '')
		FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id`,
		func(rows *sql.Rows) error {
			var id int64
			var kind, checkpoints string
			var d otelusage.Declaration
			var l otelusage.Lifetime
			err := rows.Scan(&id, &d.Name, &kind, &d.Description, &d.Unit, &d.Float, &d.Monotonic, &checkpoints,
				&l.HasState, &l.State)
			if err != nil {
				return err
			}
			d.Kind, _ = otelusage.ParseKind(kind)
			if checkpoints != "" {
				if err := json.Unmarshal([]byte(checkpoints), &d.Checkpoints); err != nil {
					return fmt.Errorf("read checkpoints of %q: %w", d.Name, err)
				}
			}
			key := keyOf(d)
			keys[id] = key
			s.ledger.known[key], s.ledger.lifetimes[key] = d, &l
			return nil
		})
	return keys, err
}

func (s *Store) loadLifetimes(keys map[int64]ledgerKey) error {
	type series struct {
		trackable  int64
		attributes string
	}
	sums := make(map[series]*otelusage.SeriesLifetime)
	var order []series
	err := s.conn.each(`SELECT m.trackable_id, m.role, s.attributes, m.name, m.type, m.float, m.bounds, o.recorded
		FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
		WHERE m.role IN ('value', 'changes') ORDER BY s.id`,
		func(rows *sql.Rows) error {
			var id int64
			var role, attributes, bounds string
			var m Metric
			var recorded any
			err := rows.Scan(&id, &role, &attributes, &m.Name, &m.Type, &m.Float, &bounds, &recorded)
			if err != nil {
				return err
			}
			if m.Bounds, err = decodeBounds(bounds); err != nil {
				return err
			}
			v, err := m.parseValue(recorded)
			if err != nil {
				return err
			}
			if role == roleChanges {
				l := s.ledger.lifetimes[keys[id]]
				l.Changes = saturatingAdd(l.Changes, v.Int64())
				return nil
			}
			key := series{id, attributes}
			sum := sums[key]
			if sum == nil {
				sum = &otelusage.SeriesLifetime{}
				sums[key], order = sum, append(order, key)
			}
			addLifetime(sum, v)
			return nil
		})
	if err != nil {
		return err
	}
	for _, key := range order {
		sum := sums[key]
		if sum.Attributes, err = decodeAttributes(key.attributes); err != nil {
			return err
		}
		l := s.ledger.lifetimes[keys[key.trackable]]
		l.Series = append(l.Series, *sum)
	}
	return nil
}

// addLifetime adds one stream of a trackable: versions and resources that
// counted apart are one life. Both numbers are kept, for a statistic whose
// number type changed with a version.
func addLifetime(sum *otelusage.SeriesLifetime, v Value) {
	switch v.kind {
	case wholeValue:
		sum.Int = saturatingAdd(sum.Int, v.whole)
	case realValue:
		sum.Int = saturatingAdd(sum.Int, clampInt(v.real))
	case histogramValue:
		sum.Count = saturatingAdd(sum.Count, saturatedCount(v.hist.Count))
	case exponentialValue:
		sum.Count = saturatingAdd(sum.Count, saturatedCount(v.exp.Count))
	}
	sum.Float = clampFloat(sum.Float + v.Float64())
}

// writeDeclarations writes what is new and returns how many it wrote.
func (s *Store) writeDeclarations(tx *transaction) (int, error) {
	for _, d := range s.ledger.fresh {
		err := tx.run(`INSERT INTO trackables (name, kind, description, unit, float, monotonic, checkpoints, declared_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
			ON CONFLICT (name, kind) DO UPDATE SET description = excluded.description, unit = excluded.unit,
				float = excluded.float, monotonic = excluded.monotonic, checkpoints = excluded.checkpoints`,
			d.Name, d.Kind.String(), d.Description, d.Unit, d.Float, d.Monotonic, encodeList(d.Checkpoints), tx.now)
		if err != nil {
			return 0, fmt.Errorf("register %q: %w", d.Name, err)
		}
	}
	return len(s.ledger.fresh), nil
}

// hasDeclarations reports whether a transaction would have some to write.
func (s *Store) hasDeclarations() bool { return len(s.ledger.fresh) > 0 }

func encodeList(list []string) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(list) != nil { // strings always encode
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// trackableRow returns the row of the trackable that a metric belongs to, nil
// for a metric that belongs to none. One that was never declared, because its
// Tracker has no ledger, is entered as the metric describes it.
func (s *Store) trackableRow(tx *transaction, m *Metric, at int64) (any, string, error) {
	kind, name, role, ok := m.trackable()
	if !ok {
		return nil, roleNone, nil
	}
	description, unit := m.Description, m.Unit
	if role != roleValue {
		description, unit = "", ""
	}
	id, err := tx.findOrInsert(
		`SELECT id FROM trackables WHERE name = ?1 AND kind = ?2`, 2,
		`INSERT INTO trackables (name, kind, description, unit, float, monotonic, declared_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
		name, kind.String(), description, unit, m.Float && kind == otelusage.KindStatistic,
		m.Monotonic && kind == otelusage.KindStatistic, at)
	return id, role, err
}

// noAttributes is the identity of a series without any.
var noAttributes = encodeAttributes(*attribute.EmptySet())
