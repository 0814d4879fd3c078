package localstore

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// deaths are the moments at which a process may end: each brings about one and
// returns what is left of its journal.
var deaths = []struct {
	name string
	die  func(*testing.T, *mortal) []byte
}{
	{"before its first recording", func(t *testing.T, p *mortal) []byte {
		p.count(t)
		p.enter(t, "a")
		return p.remains(t)
	}},
	{"with nothing new", func(t *testing.T, p *mortal) []byte {
		p.count(t)
		p.enter(t, "a")
		p.mustRecord(t)
		return p.remains(t)
	}},
	{"after a recording", func(t *testing.T, p *mortal) []byte {
		for i := range 3 {
			p.count(t)
			p.enter(t, fmt.Sprint("state ", i))
			p.mustRecord(t)
		}
		p.count(t)
		p.enter(t, "b")
		return p.remains(t)
	}},
	{"before its first commit", func(t *testing.T, p *mortal) []byte { return dieAtCommit(t, p, 0, false) }},
	{"after its first commit", func(t *testing.T, p *mortal) []byte { return dieAtCommit(t, p, 0, true) }},
	{"before a commit", func(t *testing.T, p *mortal) []byte { return dieAtCommit(t, p, 2, false) }},
	{"after a commit", func(t *testing.T, p *mortal) []byte { return dieAtCommit(t, p, 2, true) }},
	{"with an outcome unknown, committed", func(t *testing.T, p *mortal) []byte { return dieUnsettled(t, p, true) }},
	{"with an outcome unknown, rolled back", func(t *testing.T, p *mortal) []byte { return dieUnsettled(t, p, false) }},
	{"after a recording that failed and was repeated", func(t *testing.T, p *mortal) []byte {
		for range 2 {
			p.count(t)
			p.enter(t, "a")
			restore := failCommit(t, p.Store, false)
			if err := p.record(t.Context()); !errors.Is(err, errDisk) {
				t.Errorf("Record = %v", err)
			}
			restore()
			p.count(t)
			p.mustRecord(t)
		}
		return p.remains(t)
	}},
	{"after a recording that came to nothing", func(t *testing.T, p *mortal) []byte {
		p.count(t)
		restore := replaceStatement(t, p.Store, `SELECT recorded_day FROM mirror`, func(*sql.Stmt) error { return errDisk })
		if err := p.record(t.Context()); !errors.Is(err, errDisk) {
			t.Errorf("Record = %v", err)
		}
		restore()
		p.count(t)
		p.mustRecord(t)
		p.enter(t, "a")
		return p.remains(t)
	}},
}

// dieAtCommit ends a process at the commit of a recording, before it or after it.
func dieAtCommit(t *testing.T, p *mortal, before int, takesPlace bool) (remains []byte) {
	t.Helper()
	for range before {
		p.count(t)
		p.enter(t, "a")
		p.mustRecord(t)
	}
	p.count(t)
	p.enter(t, "b")
	restore := replaceStatement(t, p.Store, "COMMIT", func(commit *sql.Stmt) error {
		if takesPlace {
			if _, err := commit.ExecContext(sqlitedb.Background); err != nil {
				return err
			}
		}
		remains = p.remains(t)
		return errDisk
	})
	_ = p.record(t.Context())
	restore()
	return remains
}

// dieUnsettled ends a process that counts on and does not know what is recorded.
func dieUnsettled(t *testing.T, p *mortal, takesPlace bool) []byte {
	t.Helper()
	p.count(t)
	p.mustRecord(t)
	p.count(t)
	p.enter(t, "a")
	restoreCommit := failCommit(t, p.Store, takesPlace)
	restoreRead := replaceStatement(t, p.Store, `SELECT seq FROM writers WHERE id = ?1`, func(*sql.Stmt) error { return errDisk })
	_ = p.record(t.Context())
	restoreCommit()
	restoreRead()
	p.count(t)
	p.enter(t, "b")
	return p.remains(t)
}

// recoveries are the ways in which that is recovered.
var recoveries = []struct {
	name    string
	recover func(*testing.T, *Store, *clock)
}{
	{"once", func(_ *testing.T, s *Store, _ *clock) { recoverNow(s) }},
	{"at a start", func(t *testing.T, s *Store, c *clock) { closeStore(t, open(t, s.Path(), c)) }},
	{"again and again", func(_ *testing.T, s *Store, _ *clock) {
		for range 3 {
			recoverNow(s)
		}
	}},
	{"by one that dies before its commit", func(t *testing.T, s *Store, _ *clock) {
		for range 2 {
			restore := failCommit(t, s, false)
			recoverNow(s)
			restore()
		}
		recoverNow(s)
	}},
	{"by one that dies after its commit", func(t *testing.T, s *Store, _ *clock) {
		for range 2 {
			restore := failCommit(t, s, true)
			recoverNow(s)
			restore()
		}
		recoverNow(s)
	}},
	{"by several at once", func(t *testing.T, s *Store, c *clock) {
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				other, err := Open(s.Path(), WithClock(c.now))
				if err != nil {
					t.Error(err)
					return
				}
				recoverNow(other)
				closeStore(t, other)
			})
		}
		all.Wait()
		recoverNow(s) // what the others had no time for
	}},
}

// withoutErrDisk fails a test for what is reported, but for what it did to a disk.
func withoutErrDisk(t *testing.T) Option {
	return WithErrorHandler(func(err error) {
		if !errors.Is(err, errDisk) {
			t.Errorf("error handler: %v", err)
		}
	})
}

// TestNoDeathLosesACount: whenever a process ends, and however it is recovered, the
// mirror has what it counted once.
func TestNoDeathLosesACount(t *testing.T) {
	for _, death := range deaths {
		for _, recovery := range recoveries {
			t.Run(death.name+", recovered "+recovery.name, func(t *testing.T) {
				t.Parallel()
				s, c := fresh(t, withoutErrDisk(t))
				p := counting(t, open(t, s.Path(), c), true)
				remains := death.die(t, p)
				p.die(t, remains)
				recovery.recover(t, s, c)
				recorded, pending := recordedIn(t, s)
				if want := p.counted(); !recorded.equal(want) || !pending.equal(want) {
					t.Errorf("recorded %v, pending %v, want %v", recorded, pending, want)
				}
				if got, want := stateOfMirror(t, s), p.cells["s"].v.State; got != want {
					t.Errorf("the state is %q, want %q", got, want)
				}
				for _, found := range journalpool.List(s.Path()) {
					if found.Standing != journalpool.Empty {
						t.Errorf("%s is %v", found.Path, found.Standing)
					}
				}
			})
		}
	}
}
