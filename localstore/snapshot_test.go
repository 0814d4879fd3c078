package localstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func takeSnapshot(t testing.TB, s *Store, q snapshot.Query) *snapshot.Snapshot {
	t.Helper()
	snap, err := s.Snapshot(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func TestSnapshotOfEverythingIsTheExport(t *testing.T) {
	s := played(t)
	var b bytes.Buffer
	if err := takeSnapshot(t, s, snapshot.Query{Days: true, History: true, Submissions: true}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), export(t, s, "json"); got != want {
		t.Errorf("snapshot reads\n%s\nexport reads\n%s", got, want)
	}
}

// TestSnapshotReadsWhatIsAskedFor: the rest is empty, not absent.
func TestSnapshotReadsWhatIsAskedFor(t *testing.T) {
	s := played(t)
	for name, test := range map[string]struct {
		q                     snapshot.Query
		days, history, logged bool
	}{
		"totals":      {snapshot.Query{}, false, false, false},
		"days":        {snapshot.Query{Days: true}, true, false, false},
		"history":     {snapshot.Query{History: true}, false, true, false},
		"submissions": {snapshot.Query{Submissions: true}, false, false, true},
	} {
		snap := takeSnapshot(t, s, test.q)
		var days, history, moves int
		for _, x := range snap.Trackables {
			moves += len(x.Moves)
			for _, series := range x.Series {
				days += len(series.Days)
				history += len(series.History)
			}
		}
		if (days > 0) != test.days || (history > 0) != test.history || (moves > 0) != test.history || (len(snap.Submissions) > 0) != test.logged {
			t.Errorf("%s: %d days, %d exports, %d moves, %d submissions", name, days, history, moves, len(snap.Submissions))
		}
		var b bytes.Buffer
		if err := snap.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(b.Bytes(), &document); err != nil {
			t.Fatal(err)
		}
		if _, ok := document["submissions"].([]any); !ok || len(document["statistics"].([]any)) != 3 {
			t.Errorf("%s: %v", name, document)
		}
	}
}

func TestSnapshotOfOneName(t *testing.T) {
	s := played(t)
	all := takeSnapshot(t, s, snapshot.Query{Days: true, History: true})
	for _, x := range all.Trackables {
		one := takeSnapshot(t, s, snapshot.Query{Name: strings.ToUpper(x.Name), Days: true, History: true})
		if len(one.Trackables) != 1 || len(one.Others) != 0 {
			t.Fatalf("%s: %d trackables, %d others", x.Name, len(one.Trackables), len(one.Others))
		}
		got, _ := json.Marshal(one.Trackables[0].Series)
		want, _ := json.Marshal(x.Series)
		if string(got) != string(want) || len(one.Trackables[0].Moves) != len(x.Moves) {
			t.Errorf("%s reads\n%s\nwant\n%s", x.Name, got, want)
		}
	}
	if got := takeSnapshot(t, s, snapshot.Query{Name: "otelusage.active"}); len(got.Trackables) != 0 || len(got.Others) != len(all.Others) {
		t.Errorf("a metric of no trackable: %d trackables, %d others", len(got.Trackables), len(got.Others))
	}
	if got := takeSnapshot(t, s, snapshot.Query{Name: "'; DROP TABLE totals; --"}); len(got.Trackables)+len(got.Others) != 0 {
		t.Error("something has that name")
	}
	declare(t, s, otelusage.Declaration{Name: "waits", Kind: otelusage.KindTimer})
	if got := takeSnapshot(t, s, snapshot.Query{Name: "waits"}); len(got.Named("WAITS")) != 1 || len(got.Trackables) != 1 {
		t.Errorf("what was declared last: %v", got.Trackables)
	}
}

// TestSnapshotSince: what comes before it is left out, but for the last, which
// the rest is counted from.
func TestSnapshotSince(t *testing.T) {
	s, c := fresh(t)
	w, r := newWriter(t, s), version("1")
	often, seldom, mode := statistic(r, "often"), statistic(r, "seldom"), state(r, "mode")
	for i := range 10 {
		record(t, w, add(often, 1))
		if i == 2 || i == 9 {
			record(t, w, add(seldom, 5))
		}
		move(t, w, mode, string(rune('a'+i)))
		c.add(day)
	}
	snap := takeSnapshot(t, s, snapshot.Query{Days: true, History: true, Since: newClock().at.Add(6 * day)})
	read := func(list []snapshot.Sample) (values []int64) {
		for _, x := range list {
			values = append(values, x.Value.Int64())
		}
		return values
	}
	for name, want := range map[string]struct{ days, history []int64 }{
		"often":  {[]int64{6, 7, 8, 9}, []int64{6, 7, 8, 9, 10}},
		"seldom": {[]int64{5}, []int64{5, 10}},
	} {
		x := snap.Named(name)[0].Series[0]
		days, history := read(x.Days), read(x.History)
		if !equalInts(days, want.days) || !equalInts(history, want.history) {
			t.Errorf("%s: days %v, history %v, want %v and %v", name, days, history, want.days, want.history)
		}
	}
	if moves := snap.Named("mode")[0].Moves; len(moves) != 5 || moves[0].State != "f" {
		t.Errorf("moves are %v", moves)
	}
}

func equalInts(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestExistingNeverMakesAMirror(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "sub", "usage.db")
	empty := filepath.Join(dir, "empty.db")
	write(t, empty, nil)
	broken := played(t)
	w := broken.Path()
	closeStore(t, broken)
	content, err := os.ReadFile(w)
	if err != nil {
		t.Fatal(err)
	}
	copy(content[4096:], strings.Repeat("\xA5", len(content)))
	write(t, w, content)
	for path, want := range map[string]error{missing: fs.ErrNotExist, empty: ErrNotMirror, w: ErrDamaged} {
		s, err := Open(path, Existing())
		if err == nil { // what opening reads may be sound
			_, err = s.Snapshot(t.Context(), snapshot.Query{})
			closeStore(t, s)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if _, err := os.Stat(filepath.Dir(missing)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a directory was made")
	}
	if info, err := os.Stat(empty); err != nil || info.Size() != 0 {
		t.Error("the empty file was changed")
	}
	if after, err := os.ReadFile(w); err != nil || !bytes.Equal(after, content) {
		t.Errorf("the damaged file was changed, %v", err)
	}
	if aside, _ := filepath.Glob(w + place.DamagedInfix + "*"); len(aside) != 0 {
		t.Errorf("set aside: %v", aside)
	}
}

// TestReadOnlyFollowsItsPath: what is shown is the file that is there.
func TestReadOnlyFollowsItsPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be deleted")
	}
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "first"), 1))
	path := s.Path()
	closeStore(t, s)
	r := open(t, path, c, ReadOnly())
	if len(takeSnapshot(t, r, snapshot.Query{Name: "first"}).Trackables) != 1 {
		t.Fatal("there is nothing to follow")
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if _, err := r.Snapshot(t.Context(), snapshot.Query{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a deleted file: %v", err)
	}
	fresh := open(t, path, c)
	record(t, newWriter(t, fresh), add(statistic(version("1"), "second"), 1))
	snap := takeSnapshot(t, r, snapshot.Query{})
	if len(snap.Named("second")) != 1 || len(snap.Named("first")) != 0 || snap.MirrorID != fresh.MirrorID() {
		t.Errorf("of its successor: %v", snap.Trackables)
	}
}

func TestBusyMirrorIsErrBusy(t *testing.T) {
	s, c := fresh(t)
	other := open(t, s.Path(), c, Existing(), WithBusyTimeout(time.Millisecond))
	s.db.Lock()
	err := s.db.Update(s.db.Context(), mirrordb.Relaxed, func(*mirrordb.Tx) error {
		if _, err := other.Snapshot(t.Context(), snapshot.Query{}); err != nil {
			t.Errorf("reading waits: %v", err)
		}
		if err := other.SetMode(t.Context(), consent.ModeOff); !errors.Is(err, ErrBusy) {
			t.Errorf("writing: %v", err)
		}
		return nil
	})
	s.db.Unlock()
	if err != nil {
		t.Fatal(err)
	}
}
