package localstore

import (
	"database/sql"
	"sync"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// between lets something happen between a look at the journals and the one at the
// mirror, each time or the first time.
func between(t *testing.T, viewer *Store, times int, do func()) (restore func()) {
	t.Helper()
	lookAt(t, viewer) // connects
	return replaceStatement(t, viewer, "BEGIN", func(begin *sql.Stmt) error {
		if times--; times >= 0 {
			do()
		}
		_, err := begin.ExecContext(sqlitedb.Background)
		return err
	})
}

// TestBetweenTwoLooks: what is recorded, by the owner of a journal or by a recovery,
// while somebody looks is shown once.
func TestBetweenTwoLooks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		dead  bool
		times int
		do    func(*testing.T, *Store, *mortal)
	}{
		{"recovered", true, 1, func(_ *testing.T, s *Store, _ *mortal) { recoverNow(s) }},
		{"recovered by one that died after its commit", true, 1, func(t *testing.T, s *Store, _ *mortal) {
			restore := failCommit(t, s, true)
			recoverNow(s)
			restore()
		}},
		{"recovered by one that died before its commit", true, 1, func(t *testing.T, s *Store, _ *mortal) {
			restore := failCommit(t, s, false)
			recoverNow(s)
			restore()
		}},
		{"recovered, and its journal taken", true, 1, func(t *testing.T, s *Store, _ *mortal) {
			recoverNow(s)
			counting(t, s, true)
		}},
		{"recorded", false, 1, func(t *testing.T, _ *Store, p *mortal) { p.mustRecord(t) }},
		{"recorded, and counted on", false, 1, func(t *testing.T, _ *Store, p *mortal) {
			p.mustRecord(t)
			p.count(t)
		}},
		{"recorded again and again", false, 10, func(t *testing.T, _ *Store, p *mortal) {
			p.mustRecord(t)
			p.count(t)
			p.mustRecord(t)
		}},
		{"recorded and ended", false, 1, func(t *testing.T, _ *Store, p *mortal) {
			p.mustRecord(t)
			p.w.Close()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := fresh(t, withoutErrDisk(t))
			p := counting(t, open(t, s.Path(), c), true)
			p.count(t)
			p.mustRecord(t)
			p.count(t)
			p.enter(t, "a")
			if tt.dead {
				p.die(t, p.remains(t))
			}
			viewer := open(t, s.Path(), c, ReadOnly())
			restore := between(t, viewer, tt.times, func() { tt.do(t, s, p) })
			snap := lookAt(t, viewer)
			restore()
			if counted, _ := shown(snap); !counted.equal(p.counted()) {
				t.Errorf("counted %v, want %v", counted, p.counted())
			}
			if got := stateOf(snap); got != "a" {
				t.Errorf("the state is %q", got)
			}
		})
	}
}

// TestAnErasureBetweenTwoLooks leaves nothing to be shown.
func TestAnErasureBetweenTwoLooks(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.enter(t, secret)
	p.die(t, p.remains(t))
	viewer := open(t, s.Path(), c, ReadOnly())
	restore := between(t, viewer, 1, func() {
		if err := s.Erase(t.Context()); err != nil {
			t.Error(err)
		}
	})
	defer restore()
	if snap := lookAt(t, viewer); len(snap.Trackables) > 0 {
		t.Errorf("shown %+v", snap.Trackables[0])
	}
}

// TestLookingWhileOthersRecover: at every moment a journal is in the mirror or beside
// it, never in both or in neither.
func TestLookingWhileOthersRecover(t *testing.T) {
	s, c := fresh(t)
	want := make(counts)
	viewers := []*Store{open(t, s.Path(), c, ReadOnly()), open(t, s.Path(), c, ReadOnly())}
	helper := open(t, s.Path(), c)
	for range 10 {
		for range 3 {
			p := counting(t, open(t, s.Path(), c), true)
			p.count(t)
			p.mustRecord(t)
			p.count(t)
			p.enter(t, "a")
			p.die(t, p.remains(t))
			want = want.plus(p.counted())
		}
		var looking, recovering sync.WaitGroup
		done := make(chan struct{})
		for _, v := range viewers {
			looking.Go(func() {
				for {
					snap, err := v.Snapshot(t.Context(), Query{})
					if err != nil {
						t.Error(err)
						return
					}
					if counted, _ := shown(snap); !counted.equal(want) || stateOf(snap) != "a" {
						t.Errorf("counted %v, want %v", counted, want)
						return
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		for _, r := range []*Store{s, helper} {
			recovering.Go(func() { recoverNow(r) })
		}
		recovering.Wait()
		close(done)
		looking.Wait()
		recoverNow(s) // what was busy
	}
	for _, found := range journalpool.List(s.Path()) {
		if found.Standing != journalpool.Empty {
			t.Errorf("%s is %v", found.Path, found.Standing)
		}
	}
}
