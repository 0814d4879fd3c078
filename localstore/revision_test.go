package localstore

import (
	"os"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func revision(t testing.TB, s *Store) string {
	t.Helper()
	r, err := s.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRevisionChangesWithTheFileAndOnlyThen(t *testing.T) {
	s, c := fresh(t)
	viewer := open(t, s.Path(), c, ReadOnly())
	w := newWriter(t, s)
	readers := map[string]*Store{"the writer": s, "a viewer": viewer}
	for name, step := range map[string]func(){
		"recording": func() { record(t, w, add(statistic(version("1"), "quests"), 1)) },
		"consent":   func() { setMode(t, s, consent.ModeLocal) },
	} {
		before := make(map[string]string)
		for who, of := range readers {
			before[who] = revision(t, of)
			if revision(t, of) != before[who] {
				t.Errorf("%s: revision of %s changed by itself", name, who)
			}
		}
		step()
		for who, of := range readers {
			if revision(t, of) == before[who] {
				t.Errorf("%s: revision of %s did not change", name, who)
			}
		}
	}
}

func TestRevisionChangesWhenAnotherFileTakesThePlace(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "quests"), 1))
	closeStore(t, s)
	viewer := open(t, s.Path(), c, ReadOnly())
	before := revision(t, viewer)
	content, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Path()+".copy", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.Path()+".copy", s.Path()); err != nil {
		t.Skip("the file cannot be replaced while it is open:", err)
	}
	if revision(t, viewer) == before {
		t.Error("the revision of another file is the same")
	}
}

func TestMovesAreReadWithoutTheExports(t *testing.T) {
	s, _ := fresh(t)
	declare(t, s, otelusage.Declaration{Kind: otelusage.KindState, Name: "server"})
	w := newWriter(t, s)
	record(t, w, add(statistic(version("1"), "quests"), 1))
	move(t, w, state(version("1"), "server"), "Avalon")
	move(t, w, state(version("1"), "server"), "Camelot")
	snap, err := s.Snapshot(t.Context(), snapshot.Query{Moves: true})
	if err != nil {
		t.Fatal(err)
	}
	if moves := snap.Of(otelusage.KindState)[0].Moves; len(moves) != 2 || moves[1].State != "Camelot" {
		t.Errorf("moves = %v", moves)
	}
	for _, tr := range snap.Trackables {
		for _, x := range tr.Series {
			if len(x.History) > 0 {
				t.Errorf("%s has a history", tr.Name)
			}
		}
	}
}
