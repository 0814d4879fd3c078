package localstore

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// TestReadingsEndWithTheirContext while another call keeps the Store.
func TestReadingsEndWithTheirContext(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for name, read := range map[string]func(context.Context) error{
		"snapshot": func(ctx context.Context) error { _, err := s.Snapshot(ctx, snapshot.Query{}); return err },
		"balance":  func(ctx context.Context) error { _, err := s.Balance(ctx); return err },
		"preview":  func(ctx context.Context) error { _, err := s.Preview(ctx, request(outbox.Delta)); return err },
		"sent":     func(ctx context.Context) error { _, err := s.Sent(ctx, 0); return err },
		"revision": func(ctx context.Context) error { _, err := s.Revision(ctx); return err },
		"consent":  func(ctx context.Context) error { _, err := s.Consent(ctx); return err },
		"examine":  func(ctx context.Context) error { _, err := s.Examine(ctx, nil); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		s.db.Lock()
		ended := make(chan error)
		go func() { ended <- read(ctx) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s of a store in use = %v", name, err)
		}
		s.db.Unlock()
	}
	checkBalance(t, s, "n{}", wants{recorded: 1, pending: 1})
}

// readings are all that a read-only Store does, from its opening on.
var readings = map[string]func(context.Context, *Store) error{
	"snapshot": func(ctx context.Context, s *Store) error {
		_, err := s.Snapshot(ctx, snapshot.Query{Days: true, History: true, Submissions: true})
		return err
	},
	"named": func(ctx context.Context, s *Store) error {
		_, err := s.Snapshot(ctx, snapshot.Query{Name: "n"})
		return err
	},
	"balance": func(ctx context.Context, s *Store) error { _, err := s.Balance(ctx); return err },
	"delta":   func(ctx context.Context, s *Store) error { _, err := s.Preview(ctx, request(outbox.Delta)); return err },
	"cumulative": func(ctx context.Context, s *Store) error {
		_, err := s.Preview(ctx, request(outbox.Cumulative))
		return err
	},
	"sent":     func(ctx context.Context, s *Store) error { _, err := s.Sent(ctx, 0); return err },
	"revision": func(ctx context.Context, s *Store) error { _, err := s.Revision(ctx); return err },
	"consent":  func(ctx context.Context, s *Store) error { _, err := s.Consent(ctx); return err },
	"examine":  func(ctx context.Context, s *Store) error { _, err := s.Examine(ctx, nil); return err },
}

// endless is a view in place of a table, which gives the table's rows and then
// none for ever, or nothing at all.
func endless(t *testing.T, path, table, rows string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`ALTER TABLE ` + table + ` RENAME TO former_` + table + `; CREATE VIEW ` + table + ` AS
		WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
		SELECT * FROM former_` + table + ` WHERE ` + rows + ` UNION ALL
		SELECT f.* FROM former_` + table + ` f WHERE (SELECT count(*) FROM c) > 0`)
	if err != nil {
		t.Fatal(err)
	}
}

// TestAnEndlessQueryEndsWithItsContext, whichever table a stranger made a view.
func TestAnEndlessQueryEndsWithItsContext(t *testing.T) {
	if testing.Short() {
		t.Skip("interrupts queries without an end")
	}
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	submit(t, s)
	ended := 0
	for i, table := range schema.Tables {
		path := filepath.Join(t.TempDir(), "usage.db")
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		endless(t, path, table, strconv.FormatBool(i > 0))
		for name, read := range readings {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				r, err := OpenContext(ctx, path, ReadOnly(), WithClock(c.now))
				if err == nil {
					err = errors.Join(read(ctx, r), r.Close())
				}
				done <- err
			}()
			select {
			case err := <-done: // it reads another table
				if err != nil {
					t.Errorf("%s of %s = %v", name, table, err)
				}
			case <-time.After(5 * time.Millisecond):
				cancel()
				select {
				case err := <-done:
					if errors.Is(err, context.Canceled) {
						ended++
					} else if err != nil {
						t.Errorf("%s of endless %s = %v", name, table, err)
					}
				case <-time.After(time.Minute):
					t.Fatalf("%s of endless %s does not end", name, table)
				}
			}
			cancel()
		}
	}
	if ended < len(schema.Tables) {
		t.Errorf("%d readings were ended", ended)
	}
}

// TestAReaderGoesOnAfterAnInterrupt, and is not left in a transaction.
func TestAReaderGoesOnAfterAnInterrupt(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		err := s.db.Look(ctx, func(tx *mirrordb.Tx) error {
			return tx.Each(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
				SELECT 1 UNION ALL SELECT count(*) FROM c`, func(*sql.Rows) error { return nil })
		})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("endless query = %v", err)
		}
		if _, err := s.Snapshot(t.Context(), snapshot.Query{}); err != nil {
			t.Fatal(err)
		}
	}
	checkBalance(t, s, "n{}", wants{recorded: 1, pending: 1})
}

// TestAWaitForALockEndsWithItsContext, also that of what changes the mirror.
func TestAWaitForALockEndsWithItsContext(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for locks")
	}
	s, _ := fresh(t)
	s.SetBusyTimeout(time.Hour)
	s.db.NoLog = true
	if err := s.db.Conn.Relax("delete"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Conn.Exec("PRAGMA journal_mode = DELETE"); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", s.db.Path())
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	waits := maps.Clone(readings)
	waits["open"] = func(ctx context.Context, _ *Store) error {
		_, err := OpenContext(ctx, s.db.Path(), ReadOnly(), WithBusyTimeout(time.Hour))
		return err
	}
	waits["open existing"] = func(ctx context.Context, _ *Store) error {
		_, err := OpenContext(ctx, s.db.Path(), Existing(), WithBusyTimeout(time.Hour))
		return err
	}
	waits["set mode"] = func(ctx context.Context, s *Store) error { return s.SetMode(ctx, consent.ModeOn) }
	waits["erase"] = func(ctx context.Context, s *Store) error { return s.Erase(ctx) }
	for name, wait := range waits {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if err := wait(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s of a locked mirror = %v", name, err)
		}
		cancel()
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.SetMode(ended, consent.ModeLocal); err != nil {
		t.Errorf("set mode without a wait = %v", err)
	}
}
