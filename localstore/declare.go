package localstore

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var _ otelusage.Ledger = (*Store)(nil)

// ledger is what a Store knows of trackables. It is read once for all the
// declarations of a start. Its lock is taken after the Store's, or without it.
type ledger struct {
	mu       sync.Mutex
	loaded   bool
	loadedAt time.Time
	commits  int64 // of this Store, when it was read
	recorded
	fresh    []otelusage.Declaration // not in the file yet
	declared []otelusage.Declaration // by this process
	seen     map[ledgerKey]struct{}  // keys of declared

	stale   atomic.Bool // what was read may not be in the file
	anew    atomic.Bool // the file is another one and knows nothing that was declared
	written atomic.Int64
}

// recorded is what the file knows of trackables.
type recorded struct {
	known     map[ledgerKey]otelusage.Declaration
	lifetimes map[ledgerKey]*otelusage.Lifetime
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
	life, err := s.declare(d)
	if damaged(err) || hasCode(err, codeIO, codeCannotOpen) {
		s.takeTurn()
		life, err = s.declare(d)
	}
	if s.mu.TryLock() { // otherwise whoever has it hands over what was reported
		s.unlock()
	}
	if err != nil {
		return otelusage.Lifetime{}, fmt.Errorf("declare %q: %w", d.Name, err)
	}
	return life, nil
}

// takeTurn reads what declarations read, in turn with all else, which sets a
// damaged file aside. The ledger's lock must not be held.
func (s *Store) takeTurn() {
	s.lock()
	defer s.unlock()
	_ = s.look(func(header) error { return new(recorded).read(s.conn) }) // the declaration meets what is left of it
}

func (s *Store) declare(d otelusage.Declaration) (otelusage.Lifetime, error) {
	l := &s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := s.loadLedger(); err != nil {
		return otelusage.Lifetime{}, err
	}
	key := keyOf(d)
	if known, ok := l.known[key]; (!ok || changes(known, d)) && !s.readOnly {
		l.known[key] = d
		l.fresh = append(l.fresh, d)
	}
	if _, ok := l.seen[key]; !ok {
		if l.seen == nil {
			l.seen = make(map[ledgerKey]struct{})
		}
		l.seen[key] = struct{}{}
		l.declared = append(l.declared, d)
	}
	if l := l.lifetimes[key]; l != nil {
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
	written := l.written.Load()
	if l.loaded && !l.stale.Load() && l.commits == written && time.Since(l.loadedAt) < ledgerAge {
		return nil
	}
	l.stale.Store(false)
	if err := s.readLedger(); err != nil {
		l.loaded = false
		return err
	}
	for _, d := range l.fresh {
		l.known[keyOf(d)] = d
	}
	l.loaded, l.loadedAt, l.commits = true, time.Now(), written
	return nil
}

// readLedger reads with the Store's connection or, while that waits for another
// process, with one of its own: an application's start must not wait for it. It
// leaves what is reported to who holds no lock.
func (s *Store) readLedger() error {
	l := &s.ledger
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		return s.look(func(header) error { return l.recorded.read(s.conn) })
	}
	c, err := connect(s.path, true, s.busyTimeout)
	if err != nil {
		return err
	}
	return errors.Join(l.recorded.read(c), c.close())
}

func (r *recorded) read(c *connection) error {
	r.known = make(map[ledgerKey]otelusage.Declaration)
	r.lifetimes = make(map[ledgerKey]*otelusage.Lifetime)
	return c.snapshot(func() error {
		keys, err := r.loadTrackables(c)
		if err != nil {
			return err
		}
		return r.loadLifetimes(c, keys)
	})
}

func (r *recorded) loadTrackables(c *connection) (map[int64]ledgerKey, error) {
	keys := make(map[int64]ledgerKey)
	err := c.each(`SELECT t.id, t.name, t.kind, t.description, t.unit, t.float, t.monotonic, t.checkpoints,
			c.trackable_id IS NOT NULL, coalesce(c.state, '')
		FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id`,
		func(rows *sql.Rows) error {
			var id int64
			var kind, checkpoints string
			var d otelusage.Declaration
			var life otelusage.Lifetime
			err := rows.Scan(&id, &d.Name, &kind, &d.Description, &d.Unit, &d.Float, &d.Monotonic, &checkpoints,
				&life.HasState, &life.State)
			if err != nil {
				return err
			}
			d.Kind, _ = otelusage.ParseKind(kind)
			if checkpoints != "" {
				if err := json.Unmarshal([]byte(checkpoints), &d.Checkpoints); err != nil {
					return fmt.Errorf("read checkpoints of %q: %w: %w", d.Name, errUnreadable, err)
				}
			}
			key := keyOf(d)
			keys[id] = key
			r.known[key], r.lifetimes[key] = d, &life
			return nil
		})
	return keys, err
}

func (r *recorded) loadLifetimes(c *connection, keys map[int64]ledgerKey) error {
	type series struct {
		trackable  int64
		attributes string
	}
	sums := make(map[series]*otelusage.SeriesLifetime)
	var order []series
	err := c.each(`SELECT m.trackable_id, m.role, s.attributes, m.name, m.type, m.float, m.bounds, o.recorded
		FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
		JOIN trackables t ON t.id = m.trackable_id
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
			if role == RoleChanges {
				life := r.lifetimes[keys[id]]
				life.Changes = saturatingAdd(life.Changes, v.Int64())
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
		life := r.lifetimes[keys[key.trackable]]
		life.Series = append(life.Series, *sum)
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
	fresh := s.ledger.waiting()
	for _, d := range fresh {
		err := tx.run(`INSERT INTO trackables (name, kind, description, unit, float, monotonic, checkpoints, declared_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
			ON CONFLICT (name, kind) DO UPDATE SET description = excluded.description, unit = excluded.unit,
				float = excluded.float, monotonic = excluded.monotonic, checkpoints = excluded.checkpoints`,
			d.Name, d.Kind.String(), d.Description, d.Unit, d.Float, d.Monotonic, encodeList(d.Checkpoints), tx.now)
		if err != nil {
			return 0, fmt.Errorf("register %q: %w", d.Name, err)
		}
	}
	return len(fresh), nil
}

// waiting returns the declarations that are not in the file.
func (l *ledger) waiting() []otelusage.Declaration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.anew.Swap(false) {
		l.fresh = slices.Clone(l.declared)
	}
	return l.fresh
}

// wrote notes a commit, which n of the waiting declarations were part of.
func (l *ledger) wrote(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh = l.fresh[n:]
	l.written.Add(1)
}

// hasDeclarations reports whether a transaction would have some to write.
func (s *Store) hasDeclarations() bool { return len(s.ledger.waiting()) > 0 }

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
		return nil, RoleNone, nil
	}
	description, unit := m.Description, m.Unit
	if role != RoleValue {
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
