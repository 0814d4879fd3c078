package localstore

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
)

// besideTheMirror are decisions that only the file beside the mirror says: a person
// wrote it, or the mirror could not be written.
var besideTheMirror = []struct {
	name   string
	decide func(*testing.T, *Store)
}{
	{"off by hand", func(t *testing.T, s *Store) { edit(t, s, "off") }},
	{"local by hand", func(t *testing.T, s *Store) { edit(t, s, "local") }},
	{"nonsense by hand", func(t *testing.T, s *Store) { edit(t, s, "perhaps") }},
	{"off while the mirror is locked", func(t *testing.T, s *Store) { decideLocked(t, s, consent.ModeOff) }},
	{"local while the mirror is locked", func(t *testing.T, s *Store) { decideLocked(t, s, consent.ModeLocal) }},
}

// edit writes the file by hand, at a time that differs from that of the one before
// also where a file system's clock stands still for a while.
func edit(t *testing.T, s *Store, text string) {
	t.Helper()
	decideByHand(t, s.Path(), text+"\n")
	at := time.Now().Add(time.Second)
	if err := os.Chtimes(s.Path()+decision.Suffix, at, at); err != nil {
		t.Fatal(err)
	}
}

func decideLocked(t *testing.T, s *Store, mode consent.Mode) {
	t.Helper()
	other := open(t, s.Path(), newClock())
	other.db.Lock()
	defer other.db.Unlock()
	err := other.db.Conn.Immediate(func() error {
		_, err := Decide(t.Context(), s.Path(), mode, WithBusyTimeout(time.Nanosecond))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// takenBack is what becomes of such a decision before anybody looks at the mirror.
var takenBack = []struct {
	name string
	undo func(*testing.T, *Store)
}{
	{"it stays", func(*testing.T, *Store) {}},
	{"on by hand", func(t *testing.T, s *Store) { edit(t, s, "on") }},
	{"on", func(t *testing.T, s *Store) {
		if _, err := Decide(t.Context(), s.Path(), consent.ModeOn); err != nil {
			t.Fatal(err)
		}
	}},
}

// TestADecisionBesideTheMirror: what is counted after it is not sent, whether its
// process lives or is dead by its next recording, and also where somebody allows it
// again before that.
func TestADecisionBesideTheMirror(t *testing.T) {
	for _, enabled := range []bool{true, false} {
		for _, decided := range besideTheMirror {
			for _, after := range takenBack {
				for _, dies := range []bool{true, false} {
					t.Run(fmt.Sprintf("enabled %v, %s, %s, dies %v", enabled, decided.name, after.name, dies), func(t *testing.T) {
						s, c := fresh(t)
						c.set(time.Now())
						if enabled {
							setMode(t, s, consent.ModeOn)
						}
						p := counting(t, open(t, s.Path(), c), true)
						p.count(t)
						p.mustRecord(t)
						_, shared := recordedIn(t, s)
						decided.decide(t, s)
						p.count(t)
						if dies {
							p.die(t, p.remains(t))
						}
						after.undo(t, s)
						if dies {
							recoverNow(s)
						} else if err := p.record(t.Context()); err != nil {
							t.Fatal(err)
						}
						recorded, pending := recordedIn(t, s)
						for key, n := range pending {
							if n > shared[key] {
								t.Errorf("%s: %v of %v may be sent, want at most %v", key, n, recorded[key], shared[key])
							}
						}
					})
				}
			}
		}
	}
}

// TestADecisionThatStandsIsNoNews: a program that enables at each start withholds
// nothing of what others counted.
func TestADecisionThatStandsIsNoNews(t *testing.T) {
	s, c := fresh(t)
	setMode(t, s, consent.ModeOn)
	dead, living := counting(t, open(t, s.Path(), c), true), counting(t, open(t, s.Path(), c), true)
	dead.count(t)
	dead.die(t, dead.remains(t))
	living.count(t)
	setMode(t, s, consent.ModeOn)
	recoverNow(s)
	living.mustRecord(t)
	want := living.counted().plus(dead.counted())
	if recorded, pending := recordedIn(t, s); !recorded.equal(want) || !pending.equal(want) {
		t.Errorf("recorded %v, pending %v, want %v", recorded, pending, want)
	}
}

// TestADecisionWithoutAMirrorMarksJournals, which may outlive it.
func TestADecisionWithoutAMirrorMarksJournals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	j, err := journal.Take(journal.Config{Path: path, Mirror: "m", Writer: "w"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decide(t.Context(), path, consent.ModeLocal); err != nil {
		t.Error(err)
	}
	if !j.Refresh() {
		t.Error("the journal is not marked")
	}
	if err := j.Close(true); err != nil {
		t.Error(err)
	}
}
