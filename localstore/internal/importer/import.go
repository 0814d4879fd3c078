package importer

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// ImportInterval is how often an import that failed is tried again while the
// mirror is used. A submission tries it in any case.
const ImportInterval = time.Minute

// importIsDue reports whether an import that failed is to be tried again.
func (im *Importer) importIsDue() bool {
	return im.notImported != nil && !im.db.Now().Before(im.importAgain)
}

// Importer takes over a database of the Python library.
type Importer struct {
	db          *mirrordb.DB
	book        *totals.Book
	ledger      *ledger.Ledger
	from        string // where it was said to be; "" for beside the mirror
	originals   python.Files
	notImported error // why not, while it is to be
	importAgain time.Time
}

// New returns the importer of a mirror. from says where the database is,
// "" for beside the mirror.
func New(db *mirrordb.DB, b *totals.Book, l *ledger.Ledger, from string) *Importer {
	at := from
	if at == "" {
		at = db.Asked()
	}
	return &Importer{db: db, book: b, ledger: l, from: from, originals: python.FilesOf(at)}
}

// Pending says why the database is not imported, while it is to be.
func (im *Importer) Pending() error { return im.notImported }

// Opened tries the import when the file was just opened, and again while it
// fails. It may cost the connection.
func (im *Importer) Opened(fresh bool) error {
	if fresh || im.importIsDue() {
		im.Import()
	}
	if fresh && !im.db.IsOpen() {
		return im.notImported
	}
	return nil
}

// Waits reports whether a mirror that says so is to import something.
func (im *Importer) Waits(h *mirrordb.Header) bool {
	if h.Imported || h.Erasures > 0 {
		return false
	}
	return im.from != "" && im.originals.Distrusted() != nil || im.originals.Found(im.db.Asked())
}

// Import imports a database of the Python library, once. It is tried again while
// it fails, but not after an Erase: what it holds was to be forgotten. The caller
// holds the mirror's lock.
func (im *Importer) Import() {
	before := im.notImported
	im.notImported, im.importAgain = nil, im.db.Now().Add(ImportInterval)
	im.ledger.SetIncomplete(false)
	if last := im.db.LastHeader(); last.Imported || last.Erasures > 0 {
		return
	}
	if err := im.originals.Distrusted(); err != nil && im.from != "" { // beside the mirror it is a stranger's attempt
		im.failImport(before, err)
		return
	}
	if !im.originals.Found(im.db.Asked()) {
		return
	}
	o, err := im.originals.Read(min(sqlitedb.Brief, im.db.Patience()), im.db.Now().UnixNano(), filepath.Dir(im.db.Path()))
	if err == nil {
		err = im.db.Update(im.db.Context(), mirrordb.Durable, func(tx *mirrordb.Tx) error {
			if tx.Imported {
				return nil // by another process
			}
			return im.writeOriginals(tx, o)
		})
	}
	if err != nil {
		im.failImport(before, fmt.Errorf("%s: %w", im.originals.Master, err))
		return
	}
	for _, problem := range o.Problems {
		im.db.Report(fmt.Errorf("import %s: %w", im.originals.Master, problem))
	}
	im.ledger.Forget()
	if h, err := im.db.ReadHeader(); err == nil {
		im.db.Adopt(h)
	}
}

// failImport notes why an import failed, and reports it once.
func (im *Importer) failImport(before, err error) {
	im.notImported = fmt.Errorf("%w: %w", python.ErrOriginal, err)
	im.ledger.SetIncomplete(true)
	if before == nil || before.Error() != im.notImported.Error() {
		im.db.Report(im.notImported)
	}
}

// writeOriginals writes what the originals held. Its totals count as sent: it
// uploaded them.
func (im *Importer) writeOriginals(tx *mirrordb.Tx, o *python.Contents) error {
	for _, t := range o.Trackables {
		if err := im.importTrackable(tx, t); err != nil {
			return fmt.Errorf("import %q: %w", t.Name, err)
		}
	}
	if t := o.Submissions; t != nil {
		err := tx.Run(`INSERT INTO forwarders (kind, accepted, accepted_at) VALUES (?1, ?2, ?3)
			ON CONFLICT (kind) DO UPDATE SET accepted = accepted + excluded.accepted`,
			schema.Cumulative, saturate.Int(t.Last().Total), t.Last().At)
		if err != nil {
			return fmt.Errorf("import submissions: %w", err)
		}
	}
	if err := im.ledger.ResolveNames(tx); err != nil {
		return err
	}
	err := tx.Run(`UPDATE mirror SET imported = 1, shared_mark = shared_mark + 1`)
	if err != nil || im.db.InstallationID != "" {
		return err
	}
	user, problem := o.Identifier()
	if problem != nil {
		o.Problems = append(o.Problems, problem)
	}
	if user != "" {
		err = tx.RenewIDs(user)
	}
	return err
}

func (im *Importer) importTrackable(tx *mirrordb.Tx, t *python.Trackable) error {
	if err := adoptKind(tx, t); err != nil {
		return err
	}
	at := tx.Now
	if len(t.Rows) > 0 {
		at = t.Rows[0].At
	}
	t.Name, t.Description = totals.Bounded(t.Name), totals.Bounded(t.Description)
	err := tx.Run(`INSERT OR IGNORE INTO trackables (name, kind, description, float, declared_at) VALUES (?1, ?2, ?3, ?4, ?5)`,
		t.Name, t.Kind.String(), t.Description, t.Kind == otelusage.KindStatistic && !t.Whole(), at)
	if err != nil || len(t.Rows) == 0 {
		return err
	}
	scope := &series.Scope{Name: otelusage.ScopeName, Version: otelusage.Version,
		Attributes: attribute.NewSet(otelusage.KindKey.String(t.Kind.String()))}
	m := &series.Metric{Scope: scope, Name: t.Name, Description: t.Description, Type: series.TypeSum}
	switch t.Kind {
	case otelusage.KindState:
		m.Type = series.TypeGauge
		return im.importState(tx, t, m)
	case otelusage.KindTimer:
		m.Type, m.Float, m.Unit = series.TypeHistogram, true, "s"
	case otelusage.KindSequence:
		m.Monotonic = true
	case otelusage.KindStatistic:
		m.Float = !t.Whole()
	}
	values := make([]series.Value, len(t.Rows))
	for i, r := range t.Rows {
		values[i] = valueOf(t, m, i, r)
	}
	series, err := im.importSeries(tx, m, *attribute.EmptySet(), t.Count, t.Last().At, values[len(values)-1])
	if err != nil {
		return err
	}
	return im.importHistory(tx, t, series, values)
}

// valueOf returns what the i-th of the rows stands for.
func valueOf(t *python.Trackable, m *series.Metric, i int, r python.Row) series.Value {
	switch {
	case m.Type == series.TypeHistogram:
		runs := uint64(t.Count - int64(len(t.Rows)-1-i))
		return series.HistogramValue(&series.Histogram{Count: runs, Sum: r.Total, Buckets: []uint64{runs}})
	case m.Float:
		return series.Float64Value(r.Total)
	}
	return series.Int64Value(saturate.Int(math.Round(r.Total)))
}

func (im *Importer) importSeries(tx *mirrordb.Tx, m *series.Metric, attributes attribute.Set, recordings, at int64, total series.Value) (int64, error) {
	id, err := im.book.SeriesRow(tx, &series.Series{Resource: &series.Resource{Attributes: totals.ImportedResource()}, Metric: m, Attributes: attributes}, at)
	if err != nil {
		return 0, err
	}
	column, err := total.SQL()
	if err == nil {
		err = tx.Run(`INSERT INTO totals (series_id, recorded, accepted, imported, exports, updated_at) VALUES (?1, ?2, ?2, ?2, ?3, ?4)`,
			id, column, recordings, at)
	}
	return id, mirrordb.Wrap("write totals", err)
}

// importHistory keeps as much of a trackable's development as of any other.
func (im *Importer) importHistory(tx *mirrordb.Tx, t *python.Trackable, series int64, values []series.Value) error {
	rows := im.book.RowsFor(strings.ToLower(t.Name))
	first := max(len(values)-int(min(rows, python.OriginalRows)), 0)
	err := totals.InsertHistory().Run(tx.Conn, len(values)-first, func(i int, args []any) ([]any, error) {
		i += first
		value, count := values[i].Number()
		slot := (t.Count - int64(len(values)-i)) % rows
		return append(args, slot, series, t.Rows[i].At, value, count), nil
	})
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	today := instant.Day(tx.Now)
	var ends []int // the last row of each day that is kept
	for i, r := range t.Rows {
		day := instant.Day(r.At)
		if day < today && day >= today-totals.KeepDays && (i == len(t.Rows)-1 || instant.Day(t.Rows[i+1].At) != day) {
			ends = append(ends, i)
		}
	}
	err = totals.InsertDays().Run(tx.Conn, len(ends), func(i int, args []any) ([]any, error) {
		value, count := values[ends[i]].Number()
		return append(args, instant.Day(t.Rows[ends[i]].At), series, value, count), nil
	})
	return mirrordb.Wrap("write days", err)
}

// importState takes over the last state, which one that this program set wins
// over, and how often each was entered. Where it comes after an initial state
// was recorded it takes that one's place.
func (im *Importer) importState(tx *mirrordb.Tx, t *python.Trackable, m *series.Metric) error {
	gauge, err := im.book.SeriesRow(tx, &series.Series{Resource: &series.Resource{Attributes: totals.ImportedResource()}, Metric: m}, t.Rows[0].At)
	if err != nil {
		return err
	}
	rows := im.book.RowsFor(strings.ToLower(t.Name))
	first := max(len(t.Rows)-int(min(rows, python.OriginalRows)), 0)
	err = totals.InsertHistory().Run(tx.Conn, len(t.Rows)-first, func(i int, args []any) ([]any, error) {
		i += first
		return append(args, (t.Count-int64(len(t.Rows)-i))%rows, gauge, t.Rows[i].At, stateColumn(t.Rows[i].State), nil), nil
	})
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	last := t.Last()
	err = tx.Run(`INSERT INTO current_states (trackable_id, series_id, state, since, moves, shared, shared_series_id, shared_state)
		SELECT id, ?3, ?4, ?5, ?6, 1, ?3, ?4 FROM trackables WHERE name = ?1 AND kind = ?2
		ON CONFLICT (trackable_id) DO UPDATE SET state = ?4, since = ?5, moves = ?6, shared = 1,
			shared_series_id = iif(shared, shared_series_id, ?3), shared_state = ?4 WHERE moves = 0`, t.Name, t.Kind.String(), gauge, stateColumn(last.State), last.At, t.Count)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return im.importChanges(tx, t, m)
}

func stateColumn(state string) any {
	if state == otelusage.NoState {
		return nil
	}
	return totals.Bounded(state)
}

// importChanges counts the entries into each state. Those whose rows the
// Python library has dropped are known by number alone.
func (im *Importer) importChanges(tx *mirrordb.Tx, t *python.Trackable, gauge *series.Metric) error {
	m := &series.Metric{Scope: gauge.Scope, Name: t.Name + otelusage.ChangesSuffix, Type: series.TypeSum, Monotonic: true}
	entries, latest := make(map[string]int64), make(map[string]int64)
	var order []string
	enter := func(state string, n, at int64) {
		if entries[state] == 0 {
			order = append(order, state)
		}
		entries[state], latest[state] = entries[state]+n, at
	}
	if earlier := saturate.Int(t.Last().Total) - int64(len(t.Rows)); earlier > 0 {
		enter(otelusage.NoState, earlier, t.Rows[0].At)
	}
	for _, r := range t.Rows {
		enter(r.State, 1, r.At)
	}
	for _, state := range order {
		var attributes attribute.Set
		if state != otelusage.NoState {
			attributes = attribute.NewSet(otelusage.StateKey.String(state))
		}
		if _, err := im.importSeries(tx, m, attributes, entries[state], latest[state], series.Int64Value(entries[state])); err != nil {
			return err
		}
	}
	return nil
}
