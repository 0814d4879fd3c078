package localstore

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// TestADecisionReachesAnIdleJournal: a process that counts nothing for a while notes
// what is decided meanwhile. What it counts then, and dies, is what it would be.
func TestADecisionReachesAnIdleJournal(t *testing.T) {
	for _, tt := range []struct {
		name   string
		decide func(*testing.T, *Store)
		idle   int // recordings
		shared bool
	}{
		{"enabled", func(t *testing.T, s *Store) { setMode(t, s, consent.ModeOn) }, 1, true},
		{"disabled and enabled", func(t *testing.T, s *Store) {
			setMode(t, s, consent.ModeLocal)
			setMode(t, s, consent.ModeOn)
		}, 1, true},
		{"disabled", func(t *testing.T, s *Store) { setMode(t, s, consent.ModeLocal) }, 1, false},
		{"not noticed yet", func(t *testing.T, s *Store) { setMode(t, s, consent.ModeOn) }, 0, false},
		{"erased", func(t *testing.T, s *Store) {
			if err := s.Erase(t.Context()); !errors.Is(err, ErrErasePending) {
				t.Errorf("Erase beside a journal = %v, want ErrErasePending", err)
			}
		}, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := fresh(t)
			p := counting(t, open(t, s.Path(), c), true)
			tt.decide(t, s)
			for range tt.idle {
				p.mustRecord(t)
			}
			p.count(t)
			p.die(t, p.remains(t))
			recoverNow(s)
			want, shared := p.counted(), counts{}
			if tt.shared {
				shared = want
			}
			recorded, pending := recordedIn(t, s)
			if !recorded.equal(want) || !pending.equal(shared) {
				t.Errorf("recorded %v, pending %v, want %v and %v", recorded, pending, want, shared)
			}
		})
	}
}

// TestANoteOfUnknownOutcome costs the caller nothing: it is told of no recording
// that it did not make.
func TestANoteOfUnknownOutcome(t *testing.T) {
	for _, takesPlace := range []bool{true, false} {
		s, c := fresh(t)
		p := counting(t, open(t, s.Path(), c), true)
		p.count(t)
		p.mustRecord(t)
		setMode(t, s, consent.ModeOn)
		restoreCommit := failCommit(t, p.Store, takesPlace)
		restoreRead := replaceStatement(t, p.Store, `SELECT seq FROM writers WHERE id = ?1`, func(*sql.Stmt) error { return errDisk })
		if err := p.record(t.Context()); err == nil || errors.Is(err, recording.ErrUnknownOutcome) {
			t.Errorf("Observe = %v, want an error of its own", err)
		}
		if committed, err := p.w.Resolve(t.Context()); !committed || err != nil {
			t.Errorf("Resolve = %v, %v", committed, err)
		}
		p.count(t)
		if err := p.record(t.Context()); err == nil || errors.Is(err, recording.ErrUnknownOutcome) {
			t.Errorf("Record = %v, want an error that says nothing was written", err)
		}
		restoreCommit()
		restoreRead()
		p.mustRecord(t)
		p.count(t)
		p.die(t, p.remains(t))
		recoverNow(s)
		if recorded, _ := recordedIn(t, s); !recorded.equal(p.counted()) {
			t.Errorf("recorded %v, want %v", recorded, p.counted())
		}
	}
}

// TestAnErasureReachesAJournal: with the next recording of its owner, also one that
// finds nothing new, no text of the time before is left in it. What was counted
// before the erasure goes with it, and nothing else.
func TestAnErasureReachesAJournal(t *testing.T) {
	for _, idle := range []bool{true, false} {
		s, c := fresh(t)
		p := counting(t, open(t, s.Path(), c), true)
		p.enter(t, secret)
		p.mustRecord(t)
		p.cells["s"].v.State = ""
		if !idle {
			p.count(t)
		}
		if !bytes.Contains(p.remains(t), []byte(secret)) {
			t.Fatal("the journal does not hold what is to be erased")
		}
		for range 2 {
			began := time.Now()
			if err := s.Erase(t.Context()); !errors.Is(err, ErrErasePending) {
				t.Errorf("Erase = %v, want ErrErasePending", err)
			}
			if took := time.Since(began); took > erasePatience/2 {
				t.Errorf("it waited for %v", took)
			}
		}
		p.mustRecord(t)
		if n := journal.Erasing(s.Path()); n != 0 {
			t.Errorf("%d journals wait for their owners", n)
		}
		if bytes.Contains(p.remains(t), []byte(secret)) {
			t.Errorf("what is erased is in the journal still (idle: %v)", idle)
		}
		before := p.counted()
		p.count(t)
		p.die(t, p.remains(t))
		recoverNow(s)
		want := make(counts)
		for key, n := range p.counted() {
			if n -= before[key]; n != 0 {
				want[key] = n
			}
		}
		if recorded, pending := recordedIn(t, s); !recorded.equal(want) || !pending.equal(want) {
			t.Errorf("recorded %v, pending %v, want %v", recorded, pending, want)
		}
	}
}

// TestNoJournalWhileRecordingIsOff: it ends with the recording that finds that out,
// and the next one begins when recording is on again.
func TestNoJournalWhileRecordingIsOff(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.mustRecord(t)
	setMode(t, s, consent.ModeOff)
	p.count(t)
	p.mustRecord(t)
	if p.w.Journal() != nil || journalpool.List(s.Path())[0].Standing != journalpool.Empty {
		t.Error("there is a journal while recording is off")
	}
	for range 2 {
		p.mustRecord(t)
		if j, err := p.w.Keep(journal.Config{}); j != nil || err != nil {
			t.Errorf("Keep = %v, %v", j, err)
		}
	}
	setMode(t, s, consent.ModeOn)
	for range 2 {
		p.mustRecord(t) // finds nothing new
	}
	j, err := p.w.Keep(journal.Config{})
	if err != nil || j == nil {
		t.Fatalf("Keep = %v, %v", j, err)
	}
	if again, err := p.w.Keep(journal.Config{}); again != j || err != nil {
		t.Errorf("Keep again = %v, %v", again, err)
	}
	before := p.counted()
	later := &mortal{Store: p.Store, w: p.w, j: j, cells: make(map[string]*cell), of: p.of, sends: true}
	for range 2 {
		later.count(t)
		later.mustRecord(t)
	}
	later.count(t)
	later.die(t, later.remains(t))
	recoverNow(s)
	want := later.counted()
	for key, n := range before {
		want[key] += n / 2 // what was counted while it was off is not recorded
	}
	if recorded, _ := recordedIn(t, s); !recorded.equal(want) {
		t.Errorf("recorded %v, want %v", recorded, want)
	}
}

// TestAWriterThatEndsLeavesItsJournal: empty where all is recorded.
func TestAWriterThatEndsLeavesItsJournal(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		s, c := fresh(t)
		p := counting(t, open(t, s.Path(), c), true)
		p.count(t)
		if recorded {
			p.mustRecord(t)
		}
		p.w.Close()
		want := journalpool.Dead
		if recorded {
			want = journalpool.Empty
		}
		if got := journalpool.List(s.Path())[0].Standing; got != want {
			t.Errorf("the journal is %v, want %v", got, want)
		}
		if w := p.w.Journal(); w != nil {
			t.Error("a Writer that was closed has a journal")
		}
		recoverNow(s)
		if recorded, _ := recordedIn(t, s); !recorded.equal(p.counted()) {
			t.Errorf("recorded %v, want %v", recorded, p.counted())
		}
	}
}

// TestNumbersOfJournalsAreKept: what tells how much of a journal is recorded is not
// purged as long as there is the journal.
func TestNumbersOfJournalsAreKept(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	remains := dieAtCommit(t, p, 1, false) // its journal's newest bases do not hold
	p.die(t, remains)
	path := journalpool.Path(s.Path(), 0)
	if err := os.Rename(path, path+".aside"); err != nil {
		t.Fatal(err)
	}
	fill := func() {
		for range 102 {
			w, err := s.Writer(true)
			if err != nil {
				t.Fatal(err)
			}
			record(t, w, add(statistic(version("1"), "other"), 1))
			w.Close()
		}
		c.add(2 * day)
	}
	fill()
	if err := os.Rename(path+".aside", path); err != nil {
		t.Fatal(err)
	}
	s.recorder.After(nil) // which would recover it
	fill()
	expect(t, s, "103", `SELECT count(*) FROM writers`)
	recoverNow(s)
	recorded, _ := recordedIn(t, s)
	delete(recorded, "other{}")
	if want := p.counted(); !recorded.equal(want) {
		t.Errorf("recorded %v, want %v", recorded, want)
	}
}

// TestEraseReachesTheOwnJournal: of the process that erases nothing is pending. What
// it counted before is not recorded.
func TestEraseReachesTheOwnJournal(t *testing.T) {
	for _, dies := range []bool{true, false} {
		s, c := fresh(t)
		p := counting(t, open(t, s.Path(), c), true)
		p.enter(t, secret)
		p.mustRecord(t)
		p.count(t)
		if err := p.Erase(t.Context()); err != nil {
			t.Errorf("Erase = %v", err)
		}
		if bytes.Contains(p.remains(t), []byte(secret)) {
			t.Error("what is erased is in the journal still")
		}
		want := make(counts)
		if !dies {
			p.mustRecord(t)
			before := p.counted()
			p.count(t)
			for key, n := range p.counted() {
				if n -= before[key]; n != 0 {
					want[key] = n
				}
			}
		}
		p.die(t, p.remains(t))
		recoverNow(s)
		if recorded, pending := recordedIn(t, s); !recorded.equal(want) || !pending.equal(want) {
			t.Errorf("recorded %v, pending %v, want %v", recorded, pending, want)
		}
	}
}

// TestEraseReachesTheDead: their journals are overwritten, or dropped where the one
// that erases was killed before it came to that.
func TestEraseReachesTheDead(t *testing.T) {
	for _, killed := range []bool{false, true} {
		s, c := fresh(t)
		p := counting(t, open(t, s.Path(), c), true)
		p.enter(t, secret)
		remains := p.remains(t)
		p.die(t, remains)
		if err := s.Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		if killed {
			if err := os.WriteFile(journalpool.Path(s.Path(), 0), remains, 0o600); err != nil {
				t.Fatal(err)
			}
			recoverNow(s)
		}
		if bytes.Contains(bytesOf(t, s.Path()), []byte(secret)) {
			t.Error("what is erased is on the disk still")
		}
		if recorded, _ := recordedIn(t, s); len(recorded) > 0 {
			t.Errorf("recorded %v", recorded)
		}
	}
}

// TestAnErasureThatFailsErasesNothing, also in the journals of the dead.
func TestAnErasureThatFailsErasesNothing(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.die(t, p.remains(t))
	restore := replaceStatement(t, s, "DELETE FROM totals", func(*sql.Stmt) error { return errDisk })
	if err := s.Erase(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("Erase = %v", err)
	}
	restore()
	recoverNow(s)
	if recorded, _ := recordedIn(t, s); !recorded.equal(p.counted()) {
		t.Errorf("recorded %v, want %v", recorded, p.counted())
	}
}

// TestADecisionMarksJournals, so that nobody goes on with what it remembers.
func TestADecisionMarksJournals(t *testing.T) {
	for name, decide := range map[string]func(*Store) error{
		"SetMode":        func(s *Store) error { return s.Enable(t.Context()) },
		"RequireConsent": func(s *Store) error { return s.RequireConsent(t.Context()) },
	} {
		s, c := fresh(t)
		p := counting(t, open(t, s.Path(), c), true)
		if err := decide(s); err != nil {
			t.Fatal(err)
		}
		if !p.j.Refresh() {
			t.Errorf("%s does not mark journals", name)
		}
		p.mustRecord(t)
		if p.j.Refresh() {
			t.Errorf("after %s the owner leaves the mark", name)
		}
	}
}
