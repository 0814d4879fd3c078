package localstore

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// decisions are what happens between a death and its recovery.
var decisions = []struct {
	name   string
	decide func(*Store, context.Context) error
	drops  bool // what waits is not recorded
	erases bool
}{
	{name: "nothing", decide: func(*Store, context.Context) error { return nil }},
	{name: "enable", decide: (*Store).Enable},
	{name: "disable", decide: (*Store).Disable},
	{name: "disable and enable", decide: func(s *Store, ctx context.Context) error {
		if err := s.Disable(ctx); err != nil {
			return err
		}
		return s.Enable(ctx)
	}},
	{name: "require consent", decide: (*Store).RequireConsent},
	{name: "off", decide: func(s *Store, ctx context.Context) error { return s.SetMode(ctx, consent.ModeOff) }, drops: true},
	{name: "off and on", decide: func(s *Store, ctx context.Context) error {
		if err := s.SetMode(ctx, consent.ModeOff); err != nil {
			return err
		}
		return s.Enable(ctx)
	}},
	{name: "erase", decide: (*Store).Erase, drops: true, erases: true},
	{name: "erase and enable", decide: func(s *Store, ctx context.Context) error {
		if err := s.Erase(ctx); err != nil {
			return err
		}
		return s.Enable(ctx)
	}, drops: true, erases: true},
}

// beginnings are what holds while a process counts.
var beginnings = []struct {
	name   string
	begin  func(*Store, context.Context) error
	sender bool // the process has a destination, and no veto
	shares bool
}{
	{"nothing decided", func(*Store, context.Context) error { return nil }, true, true},
	{"enabled", (*Store).Enable, true, true},
	{"local", (*Store).Disable, true, false},
	{"consent required", (*Store).RequireConsent, true, false},
	{"without a destination", (*Store).Enable, false, false},
}

// TestConsentOfTheDead: nothing that was counted without consent, or before a
// decision, becomes what may be sent, at whatever moment the process died. Nothing
// else is withheld. Each pair of what held and what was decided meets two of the
// deaths, and all of them where OTELUSAGE_KILLS asks for more.
func TestConsentOfTheDead(t *testing.T) {
	cell := 0
	for _, beginning := range beginnings {
		for _, decision := range decisions {
			for i, death := range deaths {
				if n := len(deaths); i != cell%n && i != (cell+n/2)%n && kills(0) == 0 {
					continue
				}
				t.Run(beginning.name+", death "+death.name+", "+decision.name, func(t *testing.T) {
					t.Parallel()
					s, c := fresh(t)
					if err := beginning.begin(s, t.Context()); err != nil {
						t.Fatal(err)
					}
					p := counting(t, open(t, s.Path(), c), beginning.sender)
					remains := death.die(t, p)
					p.die(t, remains)
					epoch := epochOf(t, s)
					before, shared := recordedIn(t, s)
					if len(shared) > 0 && !beginning.shares {
						t.Errorf("pending %v", shared)
					}
					if err := decision.decide(s, t.Context()); err != nil {
						t.Fatal(err)
					}
					_, shared = recordedIn(t, s)
					recoverNow(s)
					want := p.counted()
					switch {
					case decision.erases:
						want = counts{}
					case decision.drops:
						want = before
					case beginning.shares && epochOf(t, s) == epoch:
						shared = want
					}
					recorded, pending := recordedIn(t, s)
					if !recorded.equal(want) || !pending.equal(shared) {
						t.Errorf("recorded %v, pending %v, want %v and %v", recorded, pending, want, shared)
					}
					if decision.drops {
						leavesNothing(t, s)
					}
				})
			}
			cell++
		}
	}
}

func epochOf(t *testing.T, s *Store) (epoch int64) {
	t.Helper()
	s.db.Lock()
	defer s.db.Unlock()
	epoch, err := s.db.Conn.Find(`SELECT epoch FROM mirror`)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// leavesNothing checks that no text of what was counted is left in a journal.
func leavesNothing(t *testing.T, s *Store) {
	t.Helper()
	for _, found := range journalpool.List(s.Path()) {
		b, err := os.ReadFile(found.Path)
		if err != nil {
			t.Error(err)
		}
		if found.Standing != journalpool.Empty || bytes.Contains(b, []byte("game")) {
			t.Errorf("%s is %v and not overwritten", found.Path, found.Standing)
		}
	}
}
