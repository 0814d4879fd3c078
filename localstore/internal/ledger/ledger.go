package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Ledger is what a process knows of trackables. It is read once for all the
// declarations of a start. Its lock is taken after the mirror's, or alone.
type Ledger struct {
	db      *mirrordb.DB
	book    *totals.Book
	convert func(*mirrordb.Tx, otelusage.Declaration) error // what was imported under the name

	mu       sync.Mutex
	loaded   bool
	loadedAt time.Time
	commits  int64 // of this Store, when it was read
	recorded
	fresh    []otelusage.Declaration // not in the file yet
	declared []otelusage.Declaration // by this process
	seen     map[Key]struct{}        // keys of declared
	claimed  map[Key]Key             // former names of declared

	reading    bool        // with both locks held: what is written meanwhile is no declaration
	incomplete atomic.Bool // something is to be imported yet

	stale   atomic.Bool // what was read may not be in the file
	adopted atomic.Bool // what is known is what was kept: see Adopt
	anew    atomic.Bool // the file is another one and knows nothing that was declared
	written atomic.Int64
}

// New returns the ledger of a mirror.
func New(db *mirrordb.DB, b *totals.Book) *Ledger { return &Ledger{db: db, book: b} }

// ConvertWith sets what turns what was imported under the name of a declaration
// into its kind.
func (l *Ledger) ConvertWith(f func(*mirrordb.Tx, otelusage.Declaration) error) { l.convert = f }

// Forget says that what was read may not be in the file.
func (l *Ledger) Forget() { l.stale.Store(true) }

// DeclareAnew says that the file is another one, which knows nothing that was
// declared.
func (l *Ledger) DeclareAnew() { l.anew.Store(true) }

// SetIncomplete says whether something is to be imported yet: lifetimes are not
// whole until then.
func (l *Ledger) SetIncomplete(is bool) { l.incomplete.Store(is) }

// recorded is what the file knows of trackables.
type recorded struct {
	known     map[Key]otelusage.Declaration
	lifetimes map[Key]*otelusage.Lifetime
	former    map[Key]Key                         // what has a name that another had
	imports   map[string]otelusage.SeriesLifetime // of those that are imported alone, by name
}

// Key is a trackable's identity: names compare without case.
type Key struct {
	Name string
	kind otelusage.Kind
}

func KeyOf(d otelusage.Declaration) Key {
	return Key{Name: strings.ToLower(d.Name), kind: d.Kind}
}

// ledgerAge is how old the lifetimes that a declaration returns may be, as far as
// other processes count.
const ledgerAge = time.Second

func (l *Ledger) loadLedger() error {
	written := l.written.Load()
	if l.adopted.Load() {
		return nil
	}
	if l.loaded && !l.stale.Load() && l.commits == written && time.Since(l.loadedAt) < ledgerAge {
		return nil
	}
	l.stale.Store(false)
	if err := l.readLedger(); err != nil {
		l.loaded = false
		return err
	}
	for _, d := range l.fresh {
		l.known[KeyOf(d)] = d
	}
	l.loaded, l.loadedAt, l.commits = true, time.Now(), written
	return nil
}

// readLedger reads with the mirror's connection or, while that waits for another
// process, with one of its own, so that an application's start does not wait. It
// leaves reported errors for an Unlock by a caller who holds no other lock.
func (l *Ledger) readLedger() error {
	if l.db.TryLock() {
		defer l.db.UnlockSilently()
		l.reading = true
		defer func() { l.reading = false }()
		return l.db.View(l.db.Context(), func(tx *mirrordb.Tx) error { return l.recorded.read(tx.Conn) })
	}
	path, _, err := l.db.Find()
	if err != nil {
		return err
	}
	c, err := sqlitedb.Open(path, true, l.db.BusyLimit())
	if err != nil {
		return err
	}
	return errors.Join(c.Snapshot(func() error { return l.recorded.read(c) }), c.Close())
}

// read reads one state of the file.
func (r *recorded) read(c *sqlitedb.Conn) error {
	r.known = make(map[Key]otelusage.Declaration)
	r.lifetimes = make(map[Key]*otelusage.Lifetime)
	r.imports = make(map[string]otelusage.SeriesLifetime)
	keys, err := r.loadTrackables(c)
	if err != nil {
		return err
	}
	if r.former, err = readFormerNames(c); err != nil {
		return err
	}
	return r.loadLifetimes(c, keys)
}

func (r *recorded) loadTrackables(c *sqlitedb.Conn) (map[int64]Key, error) {
	keys := make(map[int64]Key)
	err := c.Each(`SELECT t.id, t.name, t.kind, t.description, t.unit, t.float, t.monotonic, t.checkpoints,
			c.trackable_id IS NOT NULL, coalesce(c.state, '')
		FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id AND c.moves > 0`,
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
					return fmt.Errorf("read checkpoints of %q: %w: %w", d.Name, series.ErrUnreadable, err)
				}
			}
			key := KeyOf(d)
			keys[id] = key
			r.known[key], r.lifetimes[key] = d, &life
			return nil
		})
	return keys, err
}

// lifetime returns what is known of a trackable, nil for nothing, also where it
// was imported as another kind.
func (r *recorded) lifetime(key Key) *otelusage.Lifetime {
	life := r.lifetimes[key]
	if life != nil && len(life.Series) > 0 || !Counts(key.kind) {
		return life
	}
	if series, ok := r.imports[key.Name]; ok {
		return &otelusage.Lifetime{Series: []otelusage.SeriesLifetime{series}}
	}
	return life
}

// Counts reports whether a kind is one of those whose tables in an original look
// the same.
func Counts(k otelusage.Kind) bool {
	return k == otelusage.KindStatistic || k == otelusage.KindTimer || k == otelusage.KindSequence
}
