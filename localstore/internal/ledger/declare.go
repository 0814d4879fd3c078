package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// takeTurn reads what declarations read, but under the mirror's lock, so that a
// damaged file is set aside. The ledger's lock must not be held.
func (l *Ledger) takeTurn() {
	l.db.Lock()
	defer l.db.Unlock()
	_ = l.db.View(l.db.Context(), func(tx *mirrordb.Tx) error { return new(recorded).read(tx.Conn) }) // the declaration meets what is left of it
}

func (l *Ledger) declare(d otelusage.Declaration) (otelusage.Lifetime, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.loadLedger(); err != nil {
		return otelusage.Lifetime{}, err
	}
	key := KeyOf(d)
	if other, both := l.declaredAs(d); both {
		return otelusage.Lifetime{}, fmt.Errorf("%w: %q is declared, too", ErrRenamed, other.Name)
	}
	if now, former := l.former[key]; former && !wasNamed(d, now) {
		return l.declareFormer(d, now)
	}
	waits := l.renames(d)
	if known, ok := l.known[key]; (!ok || changes(known, d) || len(waits) > 0) && !l.db.IsReadOnly() {
		l.known[key] = d
		l.fresh = append(l.fresh, d)
	}
	l.see(d)
	var life otelusage.Lifetime
	for _, key := range append([]Key{key}, waits...) {
		life = joinLives(life, l.lifetime(key))
	}
	life.Incomplete = l.incomplete.Load()
	return life, nil
}

// see notes a declaration of this process.
func (l *Ledger) see(d otelusage.Declaration) {
	key := KeyOf(d)
	if _, ok := l.seen[key]; ok {
		return
	}
	if l.seen == nil {
		l.seen = make(map[Key]struct{})
	}
	l.seen[key] = struct{}{}
	l.declared = append(l.declared, d)
	for _, was := range FormerKeys(d) {
		if l.claimed == nil {
			l.claimed = make(map[Key]Key)
		}
		l.claimed[was] = key
	}
}

// changes reports whether a declaration says more than what is known.
func changes(known, d otelusage.Declaration) bool {
	return known.Description != d.Description || known.Unit != d.Unit || known.Float != d.Float ||
		known.Monotonic != d.Monotonic || encodeList(known.Checkpoints) != encodeList(d.Checkpoints)
}

// Register writes what is declared and not in the file yet, with the transaction
// that begins. A transaction that a declaration itself makes, as where it finds that
// somebody decided, leaves that to the next one: the ledger is locked.
func (l *Ledger) Register(tx *mirrordb.Tx) (committed func(), err error) {
	if l.reading {
		return func() {}, nil
	}
	n, err := l.writeDeclarations(tx)
	return func() { l.wrote(n) }, err
}

// writeDeclarations writes what is new and returns how many it wrote.
func (l *Ledger) writeDeclarations(tx *mirrordb.Tx) (int, error) {
	fresh := l.Awaiting()
	for _, d := range fresh {
		err := l.convert(tx, d)
		if err == nil {
			err = freeName(tx, d)
		}
		if err == nil {
			err = tx.Run(`INSERT INTO trackables (name, kind, description, unit, float, monotonic, checkpoints, declared_at)
				SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM `+schema.FormerNames+` WHERE name = ?1 AND kind = ?2)
				ON CONFLICT (name, kind) DO UPDATE SET description = excluded.description, unit = excluded.unit,
					float = excluded.float, monotonic = excluded.monotonic, checkpoints = excluded.checkpoints`,
				d.Name, d.Kind.String(), d.Description, d.Unit, d.Float, d.Monotonic, encodeList(d.Checkpoints), tx.Now)
		}
		if err == nil {
			err = l.rename(tx, d)
		}
		if err != nil {
			return 0, fmt.Errorf("register %q: %w", d.Name, err)
		}
	}
	return len(fresh), nil
}

// Awaiting returns the declarations that are not in the file.
func (l *Ledger) Awaiting() []otelusage.Declaration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.anew.Swap(false) {
		l.fresh = slices.Clone(l.declared)
	}
	return l.fresh
}

// wrote notes a commit, which n of the waiting declarations were part of.
func (l *Ledger) wrote(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh = l.fresh[n:]
	l.written.Add(1)
}

// HasDeclarations reports whether a transaction would have some to write.
func (l *Ledger) HasDeclarations() bool { return len(l.Awaiting()) > 0 }

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

// Declare notes a trackable and returns what earlier runs recorded of it. It is
// written with the next transaction.
func (l *Ledger) Declare(d otelusage.Declaration) (otelusage.Lifetime, error) {
	if n := len(encodeList(d.Checkpoints)); n > schema.MaxCheckpoints {
		return otelusage.Lifetime{}, fmt.Errorf("declare %q: its checkpoints have %d bytes as JSON, at most %d are kept", totals.Bounded(d.Name), n, schema.MaxCheckpoints)
	}
	d.Name, d.Description, d.Unit = totals.Bounded(d.Name), totals.Bounded(d.Description), totals.Bounded(d.Unit)
	life, err := l.declare(d)
	if schema.IsDamage(err) || sqlitedb.HasCode(err, sqlitedb.CodeIO, sqlitedb.CodeCannotOpen) {
		l.takeTurn()
		life, err = l.declare(d)
	}
	if l.db.TryLock() { // otherwise whoever has it hands over what was reported
		l.db.Unlock()
	}
	if err != nil {
		return otelusage.Lifetime{}, fmt.Errorf("declare %q: %w", d.Name, err)
	}
	return life, nil
}
