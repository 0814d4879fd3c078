package yearold

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// TestMake: the mirror holds what all runs counted.
func TestMake(t *testing.T) {
	const runs = 30
	path := filepath.Join(t.TempDir(), "usage.db")
	if err := Make(path, runs, time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	s, err := localstore.Open(path, localstore.ReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	snap, err := s.Snapshot(t.Context(), snapshot.Query{Submissions: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Trackables) != 8 || len(snap.Submissions) != runs {
		t.Errorf("%d trackables, %d submissions", len(snap.Trackables), len(snap.Submissions))
	}
	for _, k := range snap.Trackables {
		if k.Name == "runs" && k.Total.Int64() != runs {
			t.Errorf("%d runs", k.Total.Int64())
		}
	}
}
