package localstore

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestRecoveredMoves: a State that a dead process moved loses to whoever moved it
// after that one last recorded. All entries count.
func TestRecoveredMoves(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before, after string // what another process moves it to, before the recording that is the last one and after it
		want          string
	}{
		{"nobody else", "", "", "mine"},
		{"another before", "earlier", "", "mine"},
		{"another after", "", "later", "later"},
		{"another all the time", "earlier", "later", "later"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := fresh(t)
			w := newWriter(t, s)
			p := counting(t, open(t, s.Path(), c), true)
			other := func(text string) {
				if c.add(time.Second); text != "" {
					move(t, w, state(version("1"), "s"), text)
				}
				c.add(time.Second)
			}
			p.enter(t, "first")
			other(tt.before)
			p.mustRecord(t)
			p.enter(t, "mine")
			other(tt.after)
			p.die(t, p.remains(t))
			recoverNow(s)
			if got := stateOfMirror(t, s); got != tt.want {
				t.Errorf("the state is %q, want %q", got, tt.want)
			}
			if recorded, _ := recordedIn(t, s); !recorded.equal(p.counted()) {
				t.Errorf("recorded %v, want %v", recorded, p.counted())
			}
		})
	}
}

// TestTheLastOneToBeginHasTheState of two that died.
func TestTheLastOneToBeginHasTheState(t *testing.T) {
	s, c := fresh(t)
	var dead []*mortal
	for i := range 2 {
		p := counting(t, open(t, s.Path(), c), true)
		p.enter(t, fmt.Sprint("state ", i))
		dead = append(dead, p)
		c.add(time.Second)
	}
	for _, p := range dead {
		p.die(t, p.remains(t))
	}
	recoverNow(s)
	if got := stateOfMirror(t, s); got != "state 1" {
		t.Errorf("the state is %q", got)
	}
}

// TestAStartRecovers before lifetimes are read.
func TestAStartRecovers(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.count(t)
	p.die(t, p.remains(t))
	life, err := open(t, s.Path(), c).Declare(otelusage.Declaration{Name: "n", Kind: otelusage.KindStatistic})
	if err != nil || len(life.Series) != 1 || life.Series[0].Int != 2 {
		t.Errorf("Declare = %+v, %v, want the 2 that were recovered", life, err)
	}
}

// TestRecordingRecovers once per record interval, and also one that finds nothing.
func TestRecordingRecovers(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	for i, again := range []func(){
		func() { record(t, w, add(statistic(version("1"), "other"), 1)) },
		func() {
			if err := w.Observe(t.Context(), true); err != nil {
				t.Error(err)
			}
		},
	} {
		p := counting(t, open(t, s.Path(), c), true)
		p.count(t)
		p.die(t, p.remains(t))
		again()
		if got := journalpool.List(s.Path())[0].Standing; got != journalpool.Dead {
			t.Errorf("a journal is %v a moment after they were looked for", got)
		}
		c.add(time.Minute)
		again()
		if recorded, _ := recordedIn(t, s); recorded["n{}"] != float64(i+1) {
			t.Errorf("recorded %v", recorded)
		}
	}
}

// TestViewersDoNotRecover: who only looks writes nothing, and who changes something
// on request records nothing.
func TestViewersDoNotRecover(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.die(t, p.remains(t))
	for _, o := range []Option{ReadOnly(), Existing()} {
		viewer := open(t, s.Path(), c, o)
		recoverNow(viewer)
		if got := journalpool.List(s.Path())[0].Standing; got != journalpool.Dead {
			t.Errorf("the journal is %v", got)
		}
	}
}

// TestRecoveryInAnotherMirror: what a dead process counted for a mirror that is gone
// is recorded in the one in its place, and not sent. A recovery that dies loses
// nothing of it.
func TestRecoveryInAnotherMirror(t *testing.T) {
	skipWhereOpenFilesStay(t)
	for _, takesPlace := range []bool{false, true} {
		former, c := fresh(t, withoutErrDisk(t))
		path := former.Path()
		p := counting(t, open(t, path, c), true)
		for range 2 {
			p.count(t)
			p.mustRecord(t)
		}
		p.count(t)
		p.die(t, p.remains(t))
		closeStore(t, former)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		aside := path + ".aside"
		if err := os.Rename(journalpool.Path(path, 0), aside); err != nil {
			t.Fatal(err)
		}
		s := open(t, path, c, withoutErrDisk(t))
		if err := os.Rename(aside, journalpool.Path(path, 0)); err != nil {
			t.Fatal(err)
		}
		for range 3 { // at each commit, and at none
			restore := failCommit(t, s, takesPlace)
			recoverNow(s)
			restore()
		}
		recoverNow(s)
		want := p.counted()
		for key := range want {
			want[key] /= 3 // the rest was in the former
		}
		if recorded, pending := recordedIn(t, s); !recorded.equal(want) || len(pending) > 0 {
			t.Errorf("recorded %v, pending %v, want %v and nothing", recorded, pending, want)
		}
	}
}

// TestAnErasureOutlivesItsMirror: what a process counted before an erasure that it did
// not live to see stays erased, also where the mirror that counted the erasures is
// gone.
func TestAnErasureOutlivesItsMirror(t *testing.T) {
	skipWhereOpenFilesStay(t)
	former, c := fresh(t)
	path := former.Path()
	p := counting(t, open(t, path, c), true)
	p.count(t)
	p.enter(t, secret)
	if err := former.Erase(t.Context()); !errors.Is(err, ErrErasePending) {
		t.Fatalf("Erase = %v", err)
	}
	p.die(t, p.remains(t))
	closeStore(t, former)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, c)
	recoverNow(s)
	if recorded, _ := recordedIn(t, s); len(recorded) > 0 {
		t.Errorf("recorded %v", recorded)
	}
	if bytes.Contains(bytesOf(t, path), []byte(secret)) {
		t.Error("what is erased is on the disk still")
	}
}

// TestALivingProcessMeetsAnErasureOfAMirrorThatIsGone at its next recording: what it
// counted before is not recorded in the mirror that took the place, and what it counts
// from then on is.
func TestALivingProcessMeetsAnErasureOfAMirrorThatIsGone(t *testing.T) {
	skipWhereOpenFilesStay(t)
	former, c := fresh(t)
	path := former.Path()
	p := counting(t, open(t, path, c), true)
	p.enter(t, secret)
	if err := former.Erase(t.Context()); !errors.Is(err, ErrErasePending) {
		t.Fatalf("Erase = %v", err)
	}
	closeStore(t, former)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, c)
	p.mustRecord(t)
	if recorded, _ := recordedIn(t, s); len(recorded) > 0 {
		t.Errorf("recorded %v", recorded)
	}
	p.countNumber(t)
	p.mustRecord(t)
	if recorded, _ := recordedIn(t, s); len(recorded) != 1 {
		t.Errorf("recorded %v, want what was counted since", recorded)
	}
	if bytes.Contains(bytesOf(t, path), []byte(secret)) {
		t.Error("what is erased is on the disk still")
	}
}

// TestRecoveryOfNumbersThatWerePurged: the newest recording that the journal names
// holds, also when the one who recovers is killed before its commit.
func TestRecoveryOfNumbersThatWerePurged(t *testing.T) {
	s, c := fresh(t, withoutErrDisk(t))
	p := counting(t, open(t, s.Path(), c), true)
	for range 3 {
		p.count(t)
		p.mustRecord(t)
	}
	p.count(t)
	p.die(t, p.remains(t))
	execute(t, s, `DELETE FROM writers`)
	for try := range 4 {
		n := 0
		restore := replaceCommit(t, s, func() bool { n++; return n <= try }) // dies at one after the other
		recoverNow(s)
		restore()
	}
	recoverNow(s)
	if recorded, _ := recordedIn(t, s); !recorded.equal(p.counted()) {
		t.Errorf("recorded %v, want %v", recorded, p.counted())
	}
}

// TestWhatCannotBeRecovered is reported once, and a name of the pool not lost to it.
func TestWhatCannotBeRecovered(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func([]byte)
		want   error
		stands journalpool.Standing
	}{
		{"damaged header", func(b []byte) { clear(b[:16]); clear(b[128:320]) }, journalfile.ErrDamaged, journalpool.Empty},
		{"damaged tags", func(b []byte) { b[520]++; b[584]++ }, nil, journalpool.Empty},
		{"newer format", func(b []byte) { newerJournal(b) }, journalfile.ErrNewerFormat, journalpool.Newer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var told []error
			s, c := fresh(t, WithErrorHandler(func(err error) { told = append(told, err) }))
			p := counting(t, open(t, s.Path(), c), true)
			p.count(t)
			p.mustRecord(t)
			p.count(t)
			b := p.remains(t)
			tt.spoil(b)
			p.die(t, b)
			for range 3 {
				recoverNow(s)
			}
			if err := errors.Join(told...); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("told %v, want %v", err, tt.want)
			}
			seen := make(map[string]bool)
			for _, err := range told {
				if seen[err.Error()] || !strings.HasPrefix(err.Error(), "recover journal ") {
					t.Errorf("told: %v", err)
				}
				seen[err.Error()] = true
			}
			if got := journalpool.List(s.Path())[0].Standing; got != tt.stands {
				t.Errorf("the journal is %v, want %v", got, tt.stands)
			}
			if recorded, _ := recordedIn(t, s); recorded["n{}"] != 1 {
				t.Errorf("recorded %v, want what the process recorded", recorded)
			}
		})
	}
}

// newerJournal makes a journal one of the next version.
func newerJournal(b []byte) {
	binary.LittleEndian.PutUint32(b[8:], binary.LittleEndian.Uint32(b[8:])+1)
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[:12], crc32.MakeTable(crc32.Castagnoli)))
}

// replaceCommit makes COMMITs fail without taking place, but for those of which
// passes says so.
func replaceCommit(t *testing.T, s *Store, passes func() bool) (restore func()) {
	t.Helper()
	return replaceStatement(t, s, "COMMIT", func(commit *sql.Stmt) error {
		if !passes() {
			return errDisk
		}
		_, err := commit.ExecContext(sqlitedb.Background)
		return err
	})
}

// TestRecoveryDoesNotWait for a process that writes all the time.
func TestRecoveryDoesNotWait(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.die(t, p.remains(t))
	other := open(t, s.Path(), c)
	other.db.Lock()
	err := other.db.Conn.Immediate(func() error {
		began := time.Now()
		recoverNow(s)
		if took := time.Since(began); took > DefaultBusyTimeout/2 {
			t.Errorf("it waited for %v", took)
		}
		return nil
	})
	other.db.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	recoverNow(s)
	if recorded, _ := recordedIn(t, s); !recorded.equal(p.counted()) {
		t.Errorf("recorded %v, want %v", recorded, p.counted())
	}
}

// TestManyDead are recovered some at a time.
func TestManyDead(t *testing.T) {
	s, c := fresh(t)
	dead := make([]*mortal, 70)
	want := make(counts)
	for i := range dead {
		dead[i] = counting(t, open(t, s.Path(), c), true)
		dead[i].countNumber(t)
	}
	for _, p := range dead {
		p.die(t, p.remains(t))
		want = want.plus(p.counted())
	}
	recoverNow(s)
	if recorded, _ := recordedIn(t, s); !recorded.equal(want) {
		t.Errorf("recorded %v, want %v", recorded, want)
	}
}
