package exporter

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
)

// TestTwoRecordingsAtTheEnd: one that was on its way when Shutdown began, and the
// last one, record what was counted once. So does the last one where the first left
// it to the journal.
func TestTwoRecordingsAtTheEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		opts   []Option
		locked bool
	}{
		"without a journal":               {nil, false},
		"with a journal":                  {[]Option{WithJournal()}, false},
		"with a journal, locked at first": {[]Option{WithJournal()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			r := setup{path: path, opts: append(tt.opts, WithCheckInterval(NeverCheck))}.start(t)
			k := declareEveryKind(t, r.tracker)
			k.count()
			r.record()
			k.count()
			r.exporter.end()
			db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
			must(t, err)
			defer db.Close()
			if tt.locked {
				tx, err := db.BeginTx(t.Context(), nil)
				must(t, err)
				must(t, r.export())
				must(t, tx.Rollback())
			} else {
				must(t, r.export())
			}
			k.count()
			must(t, r.export())
			must(t, r.exporter.Shutdown(context.Background()))
			must(t, r.store.Close())
			k.checkDeath(t, path)
		})
	}
}
