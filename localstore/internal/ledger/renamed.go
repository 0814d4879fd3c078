package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// A trackable that a release renames keeps what was recorded of it: its metrics,
// with their totals, days and balances, belong to the new name from the transaction
// on that registers it. On the wire they keep their names: what is pending was
// counted by a version that uses that name, a sealed batch is sent as it is, and a
// destination must not get the same count under two names. Merged totals, as for
// HQ, are sent under the new name and hold all of it.
//
// The former name stays an alias. A process of the old release that still runs, or
// is started again, counts into its metrics as before, and so into the trackable
// under its new name: nothing is counted separately or twice. Its State changes the
// one of the trackable. If the metrics of the two releases differ, a state that was
// sent is retracted under the one name and sent under the other, as between two
// versions.

// ErrRenamed is returned for the declaration of a name that another trackable of
// the same program had: an older release may still count under it. Until one of
// them gets another name, both count as one.
var ErrRenamed = errors.New("localstore: former name of another trackable")

// hasFormerNames reports whether the file has the table: a reader does not bring
// it up to date.
func hasFormerNames(c *sqlitedb.Conn) (bool, error) {
	n, err := c.Find(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1`, schema.FormerNames)
	return n > 0, err
}

// readFormerNames returns what has a name now that another had.
func readFormerNames(c *sqlitedb.Conn) (map[Key]Key, error) {
	if there, err := hasFormerNames(c); err != nil || !there {
		return nil, err
	}
	former := make(map[Key]Key)
	err := c.Each(`SELECT `+schema.Loaded("f.name", schema.Unreadable)+`, t.name, t.kind FROM former_names f JOIN trackables t ON t.id = f.trackable_id`,
		func(rows *sql.Rows) error {
			var was, is otelusage.Declaration
			var kind string
			err := rows.Scan(&was.Name, &is.Name, &kind)
			is.Kind, _ = otelusage.ParseKind(kind)
			was.Kind = is.Kind
			former[KeyOf(was)] = KeyOf(is)
			return err
		})
	return former, err
}

// NameNow returns what a trackable is called that had a name, and other names as
// they are.
func NameNow(c *sqlitedb.Conn, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if there, err := hasFormerNames(c); err != nil || !there {
		return name, err
	}
	err := c.Each(`SELECT `+schema.Shown("t.name")+` FROM former_names f JOIN trackables t ON t.id = f.trackable_id
		WHERE f.name = ?1 AND NOT EXISTS (SELECT 1 FROM trackables WHERE name = ?1) LIMIT 1`,
		func(rows *sql.Rows) error { return rows.Scan(&name) }, name)
	return name, err
}

// renames returns the former names of a declaration that the file does not have
// as such. One that became another trackable's stays that one's.
func (r *recorded) renames(d otelusage.Declaration) (waiting []Key) {
	for _, was := range FormerKeys(d) {
		if _, done := r.former[was]; !done {
			waiting = append(waiting, was)
		}
	}
	return waiting
}

func FormerKeys(d otelusage.Declaration) (keys []Key) {
	for _, name := range d.RenamedFrom {
		key := Key{strings.ToLower(name), d.Kind}
		if key != KeyOf(d) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// wasNamed reports whether a declaration takes over what has a name.
func wasNamed(d otelusage.Declaration, key Key) bool {
	return slices.Contains(FormerKeys(d), key)
}

// declaredAs returns what this process declared although it has a former name of
// a declaration, or had its name.
func (l *Ledger) declaredAs(d otelusage.Declaration) (other Key, both bool) {
	if now, claimed := l.claimed[KeyOf(d)]; claimed {
		return now, true
	}
	keys := FormerKeys(d)
	for was, now := range l.former {
		if now == KeyOf(d) {
			keys = append(keys, was)
		}
	}
	for _, key := range keys {
		if _, both := l.seen[key]; both {
			return key, true
		}
	}
	return other, false
}

// declareFormer is the declaration of an older release. Nothing of it is written.
func (l *Ledger) declareFormer(d otelusage.Declaration, now Key) (life otelusage.Lifetime, err error) {
	if _, both := l.seen[now]; both {
		return life, fmt.Errorf("%w: %q", ErrRenamed, now.Name)
	}
	l.see(d)
	return joinLives(life, l.lifetime(now)), nil
}

// joinLives adds up two lifetimes. The state of the first one applies, if there is
// one.
func joinLives(life otelusage.Lifetime, more *otelusage.Lifetime) otelusage.Lifetime {
	if more == nil {
		return life
	}
	if !life.HasState {
		life.State, life.HasState = more.State, more.HasState
	}
	life.Changes = saturate.Add(life.Changes, more.Changes)
	series := slices.Clone(life.Series)
	at := make(map[attribute.Distinct]int, len(series))
	for i, s := range series {
		at[s.Attributes.Equivalent()] = i
	}
	for _, s := range more.Series {
		i, there := at[s.Attributes.Equivalent()]
		if !there {
			series = append(series, s)
			continue
		}
		sum := &series[i]
		sum.Int, sum.Count = saturate.Add(sum.Int, s.Int), saturate.Add(sum.Count, s.Count)
		sum.Float = saturate.Float(sum.Float + s.Float)
	}
	life.Series = series
	return life
}

// freeName makes an alias a name again where its trackable is renamed back.
func freeName(tx *mirrordb.Tx, d otelusage.Declaration) error {
	for _, was := range FormerKeys(d) {
		err := tx.Run(`DELETE FROM former_names WHERE name = ?1 AND kind = ?2
			AND trackable_id = (SELECT id FROM trackables WHERE name = ?3 AND kind = ?2)`, d.Name, d.Kind.String(), was.Name)
		if err != nil {
			return err
		}
	}
	return nil
}

// rename makes the former names of a trackable aliases of it.
func (l *Ledger) rename(tx *mirrordb.Tx, d otelusage.Declaration) error {
	keys := FormerKeys(d)
	for _, was := range keys {
		err := tx.Run(`INSERT OR IGNORE INTO former_names (name, kind, trackable_id)
			SELECT ?1, kind, id FROM trackables WHERE name = ?2 AND kind = ?3`, was.Name, d.Name, d.Kind.String())
		if err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return l.ResolveNames(tx)
}

// ResolveNames gives what is registered under a former name to the trackable that
// had it: once it was renamed, and where an import brings the name again.
func (l *Ledger) ResolveNames(tx *mirrordb.Tx) error {
	type move struct{ from, to int64 }
	var moves []move
	err := tx.Each(`SELECT t.id, f.trackable_id FROM former_names f JOIN trackables t ON t.name = f.name AND t.kind = f.kind
		WHERE t.id <> f.trackable_id ORDER BY t.id`, func(rows *sql.Rows) error {
		var m move
		err := rows.Scan(&m.from, &m.to)
		moves = append(moves, m)
		return err
	})
	for _, m := range moves {
		if err == nil {
			err = moveTrackable(tx, m.from, m.to)
		}
	}
	if len(moves) > 0 {
		l.book.ForgetTotals() // they know their trackable's name
	}
	return mirrordb.Wrap("rename trackables", err)
}

// moveTrackable gives all that belongs to one trackable to another. The state
// that this one has holds, and so does the one that may be sent, unless it is
// only the initial one.
func moveTrackable(tx *mirrordb.Tx, from, to int64) error {
	for _, statement := range []string{
		`UPDATE metrics SET trackable_id = ?2 WHERE trackable_id = ?1`,
		`UPDATE former_names SET trackable_id = ?2 WHERE trackable_id = ?1`,
		`UPDATE current_states SET moves = current_states.moves + f.moves, shared = current_states.shared OR f.shared,
			state = iif(current_states.moves = 0 AND f.moves > 0, f.state, current_states.state),
			since = iif(current_states.moves = 0 AND f.moves > 0, f.since, current_states.since),
			shared_series_id = CASE WHEN current_states.shared THEN current_states.shared_series_id ELSE f.shared_series_id END,
			shared_state = iif(current_states.shared AND NOT (current_states.moves = 0 AND f.moves > 0 AND f.shared), current_states.shared_state, f.shared_state)
			FROM (SELECT * FROM current_states WHERE trackable_id = ?1) AS f WHERE current_states.trackable_id = ?2`,
		`UPDATE OR IGNORE current_states SET trackable_id = ?2 WHERE trackable_id = ?1`,
		`DELETE FROM current_states WHERE trackable_id = ?1`,
		`UPDATE trackables SET declared_at = min(declared_at, (SELECT declared_at FROM trackables WHERE id = ?1)) WHERE id = ?2`,
		`DELETE FROM trackables WHERE id = ?1`,
	} {
		if err := tx.Run(statement, from, to); err != nil {
			return err
		}
	}
	return nil
}
