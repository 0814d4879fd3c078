package importer

import (
	"database/sql"
	"fmt"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// The Python library's tables do not say whether they count a Statistic, a Timer or a
// Sequence; its list does, and misses what was declared shortly before the
// program was killed. What the application declares decides in any case, as it
// does there.

// adoptKind gives what is about to be imported the kind that the application
// has declared it as already.
func adoptKind(tx *mirrordb.Tx, t *python.Trackable) error {
	if !ledger.Counts(t.Kind) {
		return nil
	}
	err := tx.Each(`SELECT kind FROM (SELECT kind FROM former_names WHERE name = ?1 UNION ALL SELECT kind FROM trackables WHERE name = ?1)
		ORDER BY kind = ?2`, func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if kind, ok := otelusage.ParseKind(name); ok && ledger.Counts(kind) {
			t.Kind = kind // the last row has its own
		}
		return nil
	}, t.Name, t.Kind.String())
	return mirrordb.Wrap("find kind", err)
}

// ConvertImported turns what was imported as another kind, and nothing has
// counted since, into the kind that is declared now.
func (im *Importer) ConvertImported(tx *mirrordb.Tx, d otelusage.Declaration) error {
	if !tx.Imported || !ledger.Counts(d.Kind) {
		return nil
	}
	names := []string{d.Name}
	for _, was := range ledger.FormerKeys(d) {
		names = append(names, was.Name)
	}
	for _, name := range names {
		ids, err := tx.List(`SELECT id FROM trackables WHERE name = ?1 AND kind <> ?2 AND id NOT IN (SELECT trackable_id FROM `+schema.FormerNames+`)`,
			name, d.Kind.String())
		for _, id := range ids {
			if err == nil {
				err = im.convertTrackable(tx, id, &python.Trackable{Name: name, Description: d.Description, Kind: d.Kind})
			}
		}
		if err != nil {
			return fmt.Errorf("convert what was imported: %w", err)
		}
	}
	return nil
}

// selectImported selects the series of a trackable that are imported alone.
var selectImported = `SELECT o.series_id FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
	WHERE m.trackable_id = ?1 AND m.role = 'value' AND s.id IN (` + totals.ImportedSeries + `)
		AND NOT EXISTS (SELECT 1 FROM series x JOIN metrics y ON y.id = x.metric_id WHERE y.trackable_id = ?1 AND x.id <> s.id)`

func (im *Importer) convertTrackable(tx *mirrordb.Tx, trackable int64, t *python.Trackable) error {
	series, err := tx.Find(selectImported, trackable)
	if err != nil {
		return err
	}
	if series == 0 { // what was never counted says nothing: two kinds would be uploaded under one name
		return tx.Run(`DELETE FROM trackables WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM metrics WHERE trackable_id = ?1)`, trackable)
	}
	if err := im.readImported(tx, t, series); err != nil {
		return err
	}
	for _, query := range [...]string{
		`DELETE FROM totals WHERE series_id = ?1`,
		`DELETE FROM days WHERE series_id = ?1`,
		`DELETE FROM history WHERE series_id = ?1`,
		`DELETE FROM metrics WHERE id = (SELECT metric_id FROM series WHERE id = ?1)`,
		`DELETE FROM series WHERE id = ?1`,
	} {
		if err := tx.Run(query, series); err != nil {
			return err
		}
	}
	if err := tx.Run(`DELETE FROM trackables WHERE id = ?1`, trackable); err != nil {
		return err
	}
	im.db.Forget()
	return im.importTrackable(tx, t)
}

// readImported reads back what was imported of a trackable.
func (im *Importer) readImported(tx *mirrordb.Tx, t *python.Trackable, series int64) error {
	all, err := im.book.LoadTotals(tx, []int64{series})
	if err != nil {
		return err
	}
	total := all[0]
	t.Count = total.Recordings
	rows := im.book.RowsFor(strings.ToLower(t.Name))
	err = tx.Each(`SELECT at, coalesce(value, 0) FROM history WHERE series_id = ?1 ORDER BY at, (slot - ?2 + ?3) % ?3`,
		func(found *sql.Rows) error {
			var c python.Row
			err := found.Scan(&c.At, &c.Total)
			t.Rows = append(t.Rows, c)
			return err
		}, series, t.Count%rows, rows)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	if len(t.Rows) == 0 {
		t.Rows = []python.Row{{}}
	}
	last := &t.Rows[len(t.Rows)-1]
	last.At, last.Total = total.UpdatedAt, total.Recorded.Float64()
	return nil
}
