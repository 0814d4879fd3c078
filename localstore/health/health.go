package health

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

// Health is the state of a mirror and its file.
type Health struct {
	At           time.Time
	Path         string
	Schema       int64
	Journal      string // SQLite's journal mode: "wal", or what the file system allows
	Consent      consent.Consent
	ErasePending bool      // see localstore.ErrErasePending
	Retractions  int64     // what erasures left to be taken back, in requests; see [outbox.Outbox.BeginRetraction]
	RecordedAt   time.Time // of the last recording that changed something; zero for never

	// Damage is what is wrong with the file: what SQLite's integrity check
	// says, what of the schema is not the mirror's, and what could not be read.
	Damage   []string
	Balances []Balance // those with Off do not hold

	// Journals are those beside the mirror in which something may wait; EmptyJournals
	// is how many there are beside these. What is wrong with one costs counts that
	// were not recorded yet, and is no fault of the mirror.
	Journals      []Journal
	EmptyJournals int

	Forwarders []Forwarder
	Tables     []Table
	Size       int64    // of the database, in bytes
	Log        int64    // of the write-ahead log
	Free       int64    // of the database: not used now
	SetAside   []string // damaged files beside it
}

// Journal is the file in which a process keeps what it counts, until it records it
// or another one does so for it.
type Journal = unrecorded.Journal

// Forwarder is what the submissions of one kind of forwarder came to.
type Forwarder struct {
	Forwarder  outbox.Forwarder
	Accepted   int64
	AcceptedAt time.Time // the last one; zero for never
	Failures   int64     // in a row
	RetryAt    time.Time // not before then, after failures
}

// Table is how many rows a table has.
type Table struct {
	Name string
	Rows int64
}

// Sound reports whether nothing is wrong.
func (h *Health) Sound() bool {
	if h == nil {
		return false
	}
	for _, b := range h.Balances {
		if b.Off != "" {
			return false
		}
	}
	return len(h.Damage) == 0
}

// Examine checks the file and says what it holds. It reads table by table, so
// that nobody who writes waits for long, and calls progress, which may be nil,
// before each. What is damaged is in the result; an error says that the file
// could not be looked at, or that the context has ended, which also ends a check.
func Examine(ctx context.Context, db *mirrordb.DB, progress func(done, of int)) (*Health, error) {
	if db == nil {
		return nil, mirrordb.ErrNotOpen
	}
	if ctx == nil {
		ctx = context.Background()
	}
	h := &Health{At: db.Now().UTC(), Path: db.Path()}
	steps := []func() error{h.basics(ctx, db), h.schema(ctx, db), h.balance(ctx, db)}
	for _, table := range schema.Tables {
		steps = append(steps, h.table(ctx, db, table))
	}
	for i, step := range steps {
		if err := ctx.Err(); err != nil {
			return nil, mirrordb.Wrap("examine mirror", err)
		}
		if progress != nil {
			progress(i, len(steps))
		}
		switch err := step(); {
		case schema.IsDamage(err):
			h.Damage = append(h.Damage, err.Error())
		case err != nil:
			return nil, mirrordb.Wrap("examine mirror", err)
		}
	}
	h.files()
	return h, nil
}

// step makes a step of what reads one state of the file.
func step(ctx context.Context, db *mirrordb.DB, f func(*mirrordb.Tx) error) func() error {
	return func() error { return db.Look(ctx, f) }
}

func (h *Health) basics(ctx context.Context, db *mirrordb.DB) func() error {
	return step(ctx, db, func(tx *mirrordb.Tx) error {
		h.Schema, h.Consent, h.ErasePending = tx.Version, db.ConsentOf(&tx.Header), tx.ErasePending
		var err error
		if h.Journal, err = tx.JournalMode(); err != nil {
			return err
		}
		pages, err := tx.Pragma("freelist_count")
		if err != nil {
			return err
		}
		size, err := tx.Pragma("page_size")
		if err != nil {
			return err
		}
		h.Free = pages * size
		recordedAt, err := tx.Find(`SELECT coalesce(max(updated_at), 0) FROM totals`)
		if err != nil {
			return err
		}
		h.RecordedAt = instant.Time(recordedAt)
		if h.Retractions, err = batch.RetractionsLeft(tx.Conn, &tx.Header); err != nil {
			return err
		}
		return tx.Each(`SELECT `+schema.Shown("kind")+`, accepted, accepted_at, failures, retry_at FROM forwarders ORDER BY 1 DESC`,
			func(rows *sql.Rows) error {
				var f Forwarder
				var acceptedAt, retryAt int64
				err := rows.Scan(&f.Forwarder, &f.Accepted, &acceptedAt, &f.Failures, &retryAt)
				f.AcceptedAt, f.RetryAt = instant.Time(acceptedAt), instant.Time(retryAt)
				h.Forwarders = append(h.Forwarders, f)
				return err
			})
	})
}

// schema compares the file's schema with this package's own.
func (h *Health) schema(ctx context.Context, db *mirrordb.DB) func() error {
	return step(ctx, db, func(tx *mirrordb.Tx) error {
		faults, err := schema.Faults(tx.Conn, tx.Version)
		h.Damage = append(h.Damage, faults...)
		return err
	})
}

func (h *Health) balance(ctx context.Context, db *mirrordb.DB) func() error {
	return func() error {
		list, beyond, err := balances(ctx, db)
		if err == nil {
			h.Balances, h.Journals, h.EmptyJournals = list, beyond.Journals, beyond.Empty
		}
		return err
	}
}

// table checks one table with its indexes and counts its rows.
func (h *Health) table(ctx context.Context, db *mirrordb.DB, name string) func() error {
	return step(ctx, db, func(tx *mirrordb.Tx) error {
		if tx.Version < schema.TablesSince[name] {
			return nil
		}
		if long, err := schema.HasLong(tx.Conn, name); err != nil {
			return err
		} else if long {
			h.Damage = append(h.Damage, fmt.Sprintf("table %s: a text is longer than %d bytes, the table was not checked any further", name, schema.MaxText))
			return nil
		}
		err := tx.Each(fmt.Sprintf("PRAGMA integrity_check('%s')", name), func(rows *sql.Rows) error {
			var verdict string
			err := rows.Scan(&verdict)
			if verdict != "ok" {
				h.Damage = append(h.Damage, fmt.Sprintf("table %s: %s", name, verdict))
			}
			return err
		})
		if err != nil {
			return err
		}
		n, err := tx.Find("SELECT count(*) FROM " + name)
		if err == nil {
			h.Tables = append(h.Tables, Table{name, n})
		}
		return err
	})
}

// files reads the sizes of the files. One that is not there has none.
func (h *Health) files() {
	for suffix, size := range map[string]*int64{"": &h.Size, "-wal": &h.Log} {
		if info, err := os.Stat(h.Path + suffix); err == nil {
			*size = info.Size()
		}
	}
	h.SetAside = place.AsideFiles(h.Path)
}
