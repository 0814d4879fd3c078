package localstore

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// oldMirror makes a mirror as the version of the package with schema 1 did, with
// something recorded and a batch that was sealed.
func oldMirror(t *testing.T, c *clock) (path string) {
	t.Helper()
	path = newPath(t)
	s := open(t, path, c)
	w, r := newWriter(t, s), version("1")
	recordAll(t, w, recording.Recording{Changes: []recording.Change{add(statistic(r, "n"), 3)}, Moves: []recording.Move{{Series: state(r, "mode"), State: "on", Moved: true}}, MaySend: true})
	if err := mustBegin(t, s).Release(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	execute(t, s, `DROP TABLE tombstones; DROP TABLE former_names; DROP TABLE identity; DROP TABLE occupancy_before; PRAGMA user_version = 1`)
	closeStore(t, s)
	return path
}

// TestAMirrorOfTheFirstSchema is read as it is, and brought up to date by whoever
// records.
func TestAMirrorOfTheFirstSchema(t *testing.T) {
	c := newClock()
	path := oldMirror(t, c)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		r := open(t, path, c, ReadOnly())
		defer closeStore(t, r)
		h, err := r.Examine(t.Context(), nil)
		if err != nil || !h.Sound() || h.Schema != 1 || h.Retractions != 0 || len(h.Tables) != len(schema.Tables)-len(schema.TablesSince) {
			t.Errorf("health is %+v, %v", h, err)
		}
		if p := preview(t, r, outbox.Request{Forwarder: outbox.Delta}); len(p.Parts) != 1 || p.Retractions != nil {
			t.Errorf("preview is %+v", p)
		}
		if _, err := r.Snapshot(t.Context(), snapshot.Query{Days: true, Moves: true, Submissions: true}); err != nil {
			t.Error(err)
		}
		checkBalance(t, r, "n{}", wants{recorded: 3, inFlight: 3})
		if err := r.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")); err != nil {
			t.Error(err)
		}
	}
	read()
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("reading changed it, %v", err)
	}

	s := open(t, path, c)
	expect(t, s, fmt.Sprint(schema.Version), `PRAGMA user_version`)
	h, err := s.Examine(t.Context(), nil)
	if err != nil || !h.Sound() || len(h.Tables) != len(schema.Tables) {
		t.Errorf("health is %+v, %v", h, err)
	}
	checkBalance(t, s, "n{}", wants{recorded: 3, inFlight: 3})
	erase(t, s)
	if n := graves(t, s); n != "2" {
		t.Errorf("%s tombstones of the batch that was under way and the request to delete it, want 2", n)
	}
}

// TestARunningReaderFollowsAMigration.
func TestARunningReaderFollowsAMigration(t *testing.T) {
	c := newClock()
	path := oldMirror(t, c)
	r := open(t, path, c, ReadOnly())
	preview(t, r, outbox.Request{Forwarder: outbox.Delta})
	s := open(t, path, c)
	erase(t, s)
	if p := preview(t, r, outbox.Request{Forwarder: outbox.Delta}); len(p.Retractions) != 3 || len(p.Parts) != 0 {
		t.Errorf("preview is %+v", p)
	}
}
