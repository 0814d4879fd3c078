package localstore

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// TestAReadThatFailsOnceIsNoDamage: a sound file is not set aside for it, and
// the call that met it succeeds.
func TestAReadThatFailsOnceIsNoDamage(t *testing.T) {
	_, corrupt := Open(corruptFile(t), ReadOnly())
	if !sqlitedb.Unsound(corrupt) {
		t.Fatalf("error of a damaged file = %v", corrupt)
	}
	for name, cause := range map[string]error{"unreadable": series.ErrUnreadable, "no mirror": schema.ErrNoMirror, "corrupt": corrupt} {
		t.Run(name, func(t *testing.T) {
			var told reports
			s, _ := fresh(t, WithErrorHandler(told.handle))
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 7))
			calls := 0
			once := func() error {
				if calls++; calls == 1 {
					return cause
				}
				return nil
			}
			s.db.Lock()
			written := s.db.Update(s.db.Context(), mirrordb.Relaxed, func(*mirrordb.Tx) error { return once() })
			calls = 0
			read := s.db.View(s.db.Context(), func(*mirrordb.Tx) error { return once() })
			s.db.Unlock()
			if written != nil || read != nil {
				t.Errorf("write = %v, read = %v", written, read)
			}
			if names := damagedFiles(t, s.Path()); len(names) > 0 || len(told.errs) > 0 {
				t.Errorf("set aside %v, told %v", names, told.errs)
			}
			checkBalance(t, s, "n{}", wants{recorded: 7, pending: 7})
		})
	}
}

// corruptFile makes a mirror whose pages are overwritten.
func corruptFile(t *testing.T) string {
	t.Helper()
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	closeStore(t, s)
	content, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	for i := range content[100:] {
		content[100+i] = 'x'
	}
	write(t, s.Path(), content)
	return s.Path()
}

func TestATableThatIsGoneIsDamage(t *testing.T) {
	for _, spoil := range []string{`DROP TABLE writers`, `DROP TABLE totals`, `DROP TABLE submission_log`, `ALTER TABLE writers DROP COLUMN seq`} {
		t.Run(spoil, func(t *testing.T) {
			var told reports
			s, _ := fresh(t, WithErrorHandler(told.handle))
			w, n := newWriter(t, s), statistic(version("1"), "n")
			record(t, w, add(n, 1))
			execute(t, s, `PRAGMA foreign_keys = OFF`)
			for _, view := range []string{"statistics", "states", "timers", "sequences", "submissions", "series_totals"} {
				execute(t, s, `DROP VIEW IF EXISTS `+view)
			}
			execute(t, s, spoil)
			record(t, w, add(n, 2))
			record(t, w, add(n, 4))
			if _, err := s.Snapshot(t.Context(), snapshot.Query{Days: true, History: true, Submissions: true}); err != nil {
				t.Error(err)
			}
			if names := damagedFiles(t, s.Path()); len(names) != 1 || len(told.errs) != 1 {
				t.Errorf("set aside %v, told %v", names, told.errs)
			}
		})
	}
}

// TestASharedMemoryFileThatIsCutShort under a living process costs a new
// connection and no count.
func TestASharedMemoryFileThatIsCutShort(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be cut there")
	}
	var told reports
	s, _ := fresh(t, WithErrorHandler(told.handle))
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	if err := os.Truncate(s.Path()+"-shm", 0); err != nil {
		t.Fatal(err)
	}
	record(t, w, add(n, 2))
	record(t, w, add(n, 4))
	checkBalance(t, s, "n{}", wants{recorded: 7, pending: 7})
	if names := damagedFiles(t, s.Path()); len(names) > 0 || errors.Join(told.errs...) != nil {
		t.Errorf("set aside %v, told %v", names, told.errs)
	}
}

// TestALockOfOurOwn that could not be given back keeps everybody from writing,
// until its connection is closed: the mirror is tried anew through another one,
// at once and without a second wait.
func TestALockOfOurOwn(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 7))
	other := open(t, s.Path(), newClock(), WithBusyTimeout(0))
	execute(t, s, "BEGIN IMMEDIATE")
	other.db.Lock()
	busy := other.db.Update(other.db.Context(), mirrordb.Relaxed, func(*mirrordb.Tx) error { return nil })
	other.db.Unlock()
	execute(t, s, "ROLLBACK")
	if !errors.Is(busy, ErrBusy) {
		t.Fatalf("write while another one does = %v", busy)
	}
	for name, op := range map[string]func(f func() error) error{
		"write": func(f func() error) error {
			return s.db.Update(s.db.Context(), mirrordb.Relaxed, func(*mirrordb.Tx) error { return f() })
		},
		"look": func(f func() error) error { return s.db.View(s.db.Context(), func(*mirrordb.Tx) error { return f() }) },
	} {
		for _, passes := range []bool{true, false} {
			s.db.Lock()
			locked, calls := s.db.Conn, 0
			err := op(func() error {
				calls++
				waits, pragmaErr := s.db.Conn.Pragma("busy_timeout")
				if want := []int64{5000, 0}[min(calls-1, 1)]; waits != want || pragmaErr != nil {
					t.Errorf("%s: call %d waits %d ms, want %d: %v", name, calls, waits, want, pragmaErr)
				}
				if s.db.Conn != locked && passes {
					return nil
				}
				return busy
			})
			if (err == nil) != passes || calls != 2 {
				t.Errorf("%s: error %v after %d calls", name, err, calls)
			}
			s.db.Unlock()
		}
	}
	s.db.Lock()
	locked, calls := s.db.Conn, 0
	err := s.db.Again(func() error { calls++; return &sqlitedb.CommitError{Err: busy} })
	if !errors.As(err, new(*sqlitedb.CommitError)) || calls != 1 || s.db.Conn == locked { // it may be in the file
		t.Errorf("a commit: error %v after %d calls", err, calls)
	}
	s.db.Unlock()
	checkBalance(t, s, "n{}", wants{recorded: 7, pending: 7})
}
