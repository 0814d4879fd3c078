package localstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// call is a driver of which every statement is a function: with it a test puts
// what it likes in the place of a connection's prepared statement.
type call func() error

func (c call) Connect(context.Context) (driver.Conn, error) { return c, nil }
func (c call) Driver() driver.Driver                        { return nil }
func (c call) Prepare(string) (driver.Stmt, error)          { return c, nil }
func (c call) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (c call) Close() error                                 { return nil }
func (c call) NumInput() int                                { return -1 }
func (c call) Exec([]driver.Value) (driver.Result, error)   { return driver.RowsAffected(0), c() }
func (c call) Query([]driver.Value) (driver.Rows, error)    { return noRows{}, c() }

type noRows struct{}

func (noRows) Columns() []string         { return nil }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

// replaceStatement makes a Store run f in place of a statement, until the
// returned function is called.
func replaceStatement(t *testing.T, s *Store, query string, f func(former *sql.Stmt) error) (restore func()) {
	t.Helper()
	conn := s.db.Conn
	former, err := conn.Prepared(query)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(call(func() error { return f(former) }))
	t.Cleanup(func() { db.Close() })
	if conn.Statements[query], err = db.PrepareContext(sqlitedb.Background, query); err != nil {
		t.Fatal(err)
	}
	return func() { conn.Statements[query] = former }
}

var errDisk = errors.New("disk I/O error")

// failCommit makes the next COMMITs fail, before or after they took place.
func failCommit(t *testing.T, s *Store, takesPlace bool) (restore func()) {
	t.Helper()
	return replaceStatement(t, s, "COMMIT", func(commit *sql.Stmt) error {
		if takesPlace {
			if _, err := commit.ExecContext(sqlitedb.Background); err != nil {
				return err
			}
		}
		return errDisk
	})
}

func TestAStoreHasOneWriter(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	if _, err := s.Writer(true); !errors.Is(err, recording.ErrInUse) {
		t.Errorf("second Writer = %v, want ErrInUse", err)
	}
	newWriter(t, open(t, s.Path(), c)) // another process has its own
	w.Close()
	again := newWriter(t, s)
	w.Close() // that of the former changes nothing
	if _, err := s.Writer(true); !errors.Is(err, recording.ErrInUse) {
		t.Errorf("third Writer = %v, want ErrInUse", err)
	}
	record(t, again, add(statistic(version("1"), "n"), 1))
}

func TestACommitThatFailedIsResolvedByReadingBack(t *testing.T) {
	for _, takesPlace := range []bool{true, false} {
		for before := range int64(3) {
			s, _ := fresh(t)
			w, n := newWriter(t, s), statistic(version("1"), "n")
			for range before {
				record(t, w, add(n, 1))
			}
			restore := failCommit(t, s, takesPlace)
			err := w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 10)}, MaySend: true})
			restore()
			switch {
			case takesPlace && err != nil:
				t.Errorf("committed: Record = %v", err)
			case !takesPlace && !errors.Is(err, errDisk):
				t.Errorf("rolled back: Record = %v", err)
			}
			if err != nil {
				record(t, w, add(n, 10)) // as the exporter does
			}
			record(t, w, add(n, 100))
			checkBalance(t, s, "n{}", wants{recorded: before + 110, pending: before + 110})
		}
	}
}

func TestAnUnknownOutcomeIsResolvedLater(t *testing.T) {
	for _, takesPlace := range []bool{true, false} {
		s, _ := fresh(t)
		w, n := newWriter(t, s), statistic(version("1"), "n")
		record(t, w, add(n, 1))
		restoreCommit := failCommit(t, s, takesPlace)
		restoreRead := replaceStatement(t, s, `SELECT seq FROM writers WHERE id = ?1`, func(*sql.Stmt) error { return errDisk })
		attempted := recording.Recording{Changes: []recording.Change{add(n, 10)}, MaySend: true}
		if err := w.Record(t.Context(), attempted); !errors.Is(err, recording.ErrUnknownOutcome) || !errors.Is(err, errDisk) {
			t.Errorf("Record = %v, want ErrUnknownOutcome", err)
		}
		if committed, err := w.Resolve(t.Context()); committed || !errors.Is(err, recording.ErrUnknownOutcome) {
			t.Errorf("Resolve = %v, %v while the file cannot be read", committed, err)
		}
		if err := w.Record(t.Context(), attempted); !errors.Is(err, recording.ErrUnknownOutcome) {
			t.Errorf("Record = %v before Resolve", err)
		}
		restoreCommit()
		restoreRead()
		committed, err := w.Resolve(t.Context())
		if committed != takesPlace || err != nil {
			t.Errorf("Resolve = %v, %v, want %v", committed, err, takesPlace)
		}
		if !committed {
			recordAll(t, w, attempted)
		}
		if committed, err := w.Resolve(t.Context()); !committed || err != nil {
			t.Errorf("Resolve of nothing = %v, %v", committed, err)
		}
		checkBalance(t, s, "n{}", wants{recorded: 11, pending: 11})
	}
}

func TestAnUnknownOutcomeInALostFileIsNotCommitted(t *testing.T) {
	s, _ := fresh(t, WithErrorHandler(func(error) {}))
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	restoreCommit := failCommit(t, s, true)
	restoreRead := replaceStatement(t, s, `SELECT seq FROM writers WHERE id = ?1`, func(*sql.Stmt) error { return errDisk })
	if err := w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 10)}, MaySend: true}); !errors.Is(err, recording.ErrUnknownOutcome) {
		t.Errorf("Record = %v, want ErrUnknownOutcome", err)
	}
	restoreCommit() // for them to be closed with the connection
	restoreRead()
	damage(t, s)
	if _, err := s.Balance(sqlitedb.Background); err != nil {
		t.Error(err)
	}
	if names := damagedFiles(t, s.Path()); len(names) != 1 {
		t.Errorf("the damage was not noticed: set aside %v", names)
	}
	if committed, err := w.Resolve(t.Context()); committed || err != nil {
		t.Errorf("Resolve = %v, %v", committed, err)
	}
	record(t, w, add(n, 10))
	checkBalance(t, s, "n{}", wants{recorded: 10, pending: 10})
}

func TestAFailedRecordingLeavesNothingBehind(t *testing.T) {
	s, _ := fresh(t)
	declare(t, s, statisticDeclaration("untouched"))
	w, r := newWriter(t, s), version("1")
	n, mode := statistic(r, "n"), state(r, "mode")
	recording := recording.Recording{Changes: []recording.Change{add(n, 1)}, Moves: []recording.Move{{Series: mode, State: "on", Moved: true}}, MaySend: true}
	restore := failCommit(t, s, false)
	for range 3 {
		if err := w.Record(t.Context(), recording); err == nil {
			t.Fatal("recorded")
		}
	}
	restore()
	expect(t, s, "0", `SELECT (SELECT count(*) FROM totals) + (SELECT count(*) FROM trackables) + (SELECT count(*) FROM active)`)
	recordAll(t, w, recording)
	checkBalance(t, s, "n{}", wants{recorded: 1, pending: 1})
	expect(t, s, "3", `SELECT count(*) FROM active`)
	expect(t, s, "3", `SELECT count(*) FROM trackables`)
}

func TestTheWriterIgnoresACancelledContext(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Record(ctx, recording.Recording{Changes: []recording.Change{add(n, 1)}, MaySend: true}); err != nil {
		t.Fatal(err)
	}
	checkBalance(t, s, "n{}", wants{recorded: 1, pending: 1})
}

func TestTheNumbersOfFormerWritersAreTrimmed(t *testing.T) {
	s, c := fresh(t)
	n := statistic(version("1"), "n")
	for range 250 {
		w := newWriter(t, s)
		record(t, w, add(n, 1))
		w.Close()
		c.add(day / 2)
	}
	expect(t, s, "1", `SELECT count(*) BETWEEN 100 AND 103 FROM writers`)
}
