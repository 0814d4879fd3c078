package view

import (
	"context"
	"database/sql"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// endless puts a view that gives no second row in place of a table.
func endless(t *testing.T, path, table string) {
	t.Helper()
	execute(t, path, `ALTER TABLE `+table+` RENAME TO former_`+table+`; CREATE VIEW `+table+` AS
		WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
		SELECT * FROM former_`+table+` UNION ALL SELECT f.* FROM former_`+table+` f WHERE (SELECT count(*) FROM c) > 0`)
}

// ends fails the test where something does not.
func ends(t *testing.T, what string, over <-chan struct{}) {
	t.Helper()
	select {
	case <-over:
	case <-time.After(time.Minute):
		t.Fatalf("%s does not end", what)
	}
}

// TestARequestEndsWithItsClientAndWithThePage, also on a file whose queries do
// not end by themselves.
func TestARequestEndsWithItsClientAndWithThePage(t *testing.T) {
	for _, target := range []string{"data", "preview", "usage.csv", "usage.json", "sent?batch=1"} {
		m := newMirror(t)
		h, err := New(m.Store)
		must(t, err)
		execute(t, m.Path(), `INSERT INTO parts (batch_id, resource_id, state, points, settled_at, payload)
			VALUES (1, 1, 'accepted', 0, 1, '{"resource":{},"metrics":[]}')`)
		for _, table := range []string{"trackables", "totals", "parts"} {
			endless(t, m.Path(), table)
		}
		begin := func(ctx context.Context) chan struct{} {
			over := make(chan struct{})
			go func() {
				defer close(over)
				r := httptest.NewRequestWithContext(ctx, "GET", "/"+target, nil)
				r.Host = "127.0.0.1"
				h.ServeHTTP(httptest.NewRecorder(), r)
			}()
			select {
			case <-over:
				t.Errorf("%s ends by itself", target)
			case <-time.After(20 * time.Millisecond):
			}
			return over
		}
		ctx, leave := context.WithCancel(t.Context())
		over := begin(ctx)
		leave()
		ends(t, target, over)

		over = begin(t.Context())
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			must(t, h.Close())
		}()
		ends(t, "closing the page", closed)
		ends(t, target, over)
	}
}

// TestServeEndsOnAMirrorThatDoesNotOpen, because another process keeps it locked
// or because of its content.
func TestServeEndsOnAMirrorThatDoesNotOpen(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"locked": func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			must(t, err)
			db.SetMaxOpenConns(1)
			t.Cleanup(func() { must(t, db.Close()) })
			_, err = db.Exec("BEGIN EXCLUSIVE")
			must(t, err)
		},
		"endless": func(t *testing.T, path string) {
			execute(t, path, `ALTER TABLE mirror RENAME TO former; CREATE VIEW mirror AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
				SELECT * FROM former WHERE (SELECT count(*) FROM c) > 0`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := snapshotFile(t, newMirror(t))
			spoil(t, path)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			over := make(chan struct{})
			go func() {
				defer close(over)
				err := Serve(ctx, path, "", nil, WithErrorHandler(func(error) {}))
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, localstore.ErrDamaged) {
					t.Errorf("serve = %v", err)
				}
			}()
			ends(t, "serving", over)
		})
	}
}
