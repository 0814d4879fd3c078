package localstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func renamed(name string, kind otelusage.Kind, former ...string) otelusage.Declaration {
	return otelusage.Declaration{Name: name, Kind: kind, RenamedFrom: former}
}

// snapshotOf returns the trackables by name, all of one kind.
func snapshotOf(t *testing.T, s *Store) map[string]*snapshot.Trackable {
	t.Helper()
	shown := make(map[string]*snapshot.Trackable)
	for _, x := range takeSnapshot(t, s, snapshot.Query{Days: true, History: true}).Trackables {
		shown[x.Name] = x
	}
	return shown
}

// checkShown checks which names a mirror shows, and how they add up.
func checkShown(t *testing.T, s *Store, want map[string]string) {
	t.Helper()
	shown := snapshotOf(t, s)
	for name, value := range want {
		x := shown[name]
		if x == nil {
			t.Errorf("%s is not shown", name)
			continue
		}
		got := fmt.Sprint(x.Total)
		if x.Total == (series.Value{}) {
			got = "0"
		}
		switch x.Kind {
		case otelusage.KindState:
			got = fmt.Sprintf("%s, %d changes", x.State, x.Changes)
		case otelusage.KindTimer:
			got = fmt.Sprintf("%d runs, %g s", x.Runs, x.Seconds)
		case otelusage.KindSequence:
			got += fmt.Sprintf(", %d at A", x.Hits["A"])
		}
		if got != value {
			t.Errorf("%s is shown as %s, want %s", name, got, value)
		}
	}
	if len(shown) != len(want) {
		t.Errorf("%d trackables are shown, want %d: %v", len(shown), len(want), shown)
	}
}

func hits(r *series.Resource, name, checkpoint string) *series.Series {
	m := &series.Metric{Scope: scope(otelusage.KindSequence), Name: name + otelusage.CheckpointsSuffix, Type: series.TypeSum, Monotonic: true}
	return &series.Series{Resource: r, Metric: m, Attributes: attribute.NewSet(otelusage.CheckpointKey.String(checkpoint))}
}

var renamedKinds = []otelusage.Kind{otelusage.KindStatistic, otelusage.KindState, otelusage.KindTimer, otelusage.KindSequence}

// recordUnder counts one of everything under names with a prefix.
func recordUnder(t *testing.T, w *recording.Writer, r *series.Resource, prefix, mode string) {
	t.Helper()
	recordAll(t, w, recording.Recording{
		Changes: []recording.Change{
			add(statistic(r, prefix+"n"), 1),
			add(statistic(r, prefix+"n", attribute.String("via", "web")), 10),
			{Series: timer(r, prefix+"t", timerBounds), Delta: observe(timerBounds, 5, 50)},
			add(sequence(r, prefix+"q"), 1),
			add(hits(r, prefix+"q", "A"), 2),
			add(stateChanges(r, prefix+"m", mode), 1),
		},
		Moves:   []recording.Move{{Series: state(r, prefix+"m"), State: mode, Moved: true}},
		MaySend: true,
	})
}

// TestRenamedTrackablesGoOn: all kinds, their days and funnel, from the start that
// declares them on; once; and what was sent or waits stays what it is.
func TestRenamedTrackablesGoOn(t *testing.T) {
	c, path := newClock(), newPath(t)
	s := open(t, path, c)
	w := newWriter(t, s)
	recordUnder(t, w, version("1"), "old_", "hard")
	submit(t, s)
	c.add(day)
	recordUnder(t, w, version("1"), "old_", "easy")
	closeStore(t, s)

	s = open(t, path, c)
	w = newWriter(t, s)
	names := map[otelusage.Kind]string{otelusage.KindStatistic: "n", otelusage.KindState: "m", otelusage.KindTimer: "t", otelusage.KindSequence: "q"}
	lives := make(map[otelusage.Kind]otelusage.Lifetime)
	for _, kind := range renamedKinds {
		lives[kind] = declare(t, s, renamed("new_"+names[kind], kind, "Old_"+names[kind]))
	}
	checkLife(t, lives[otelusage.KindStatistic], map[string]otelusage.SeriesLifetime{"{}": {Int: 2, Float: 2}, `{"via":"web"}`: {Int: 20, Float: 20}})
	checkLife(t, lives[otelusage.KindTimer], map[string]otelusage.SeriesLifetime{"{}": {Count: 4, Float: 110}})
	checkLife(t, lives[otelusage.KindSequence], map[string]otelusage.SeriesLifetime{"{}": {Int: 2, Float: 2}})
	if l := lives[otelusage.KindState]; !l.HasState || l.State != "easy" || l.Changes != 2 {
		t.Errorf("lifetime of the state = %+v", l)
	}
	c.add(day)
	recordUnder(t, w, version("2"), "new_", "hard")
	want := map[string]string{"new_n": "33", "new_m": "hard, 3 changes", "new_t": "6 runs, 165 s", "new_q": "3, 6 at A"}
	checkShown(t, s, want)
	expect(t, s, "33", `SELECT value FROM statistics WHERE name = 'new_n'`)
	expect(t, s, "hard", `SELECT state FROM states WHERE name = 'new_m'`)
	days := 0
	for _, x := range snapshotOf(t, s)["new_n"].Series {
		days += len(x.Days)
	}
	if days == 0 {
		t.Error("the days before are not shown")
	}
	if snap, err := s.Snapshot(t.Context(), snapshot.Query{Name: "OLD_n"}); err != nil || len(snap.Trackables) != 1 || snap.Trackables[0].Name != "new_n" || len(snap.Trackables[0].Series) != 4 {
		t.Errorf("asked for by the former name: %+v, %v", snap, err)
	}
	if moves := snapshotOf(t, s)["new_m"].Moves; len(moves) != 3 || moves[0].State != "hard" || moves[1].State != "easy" {
		t.Errorf("the state's history is %v", moves)
	}
	checkBalance(t, s, "old_n{}", wants{recorded: 2, accepted: 1, pending: 1})
	sent := submit(t, s)
	got := make(map[string]series.Value)
	for _, p := range sent {
		for key, v := range points(p) {
			got[serviceVersion(p)+" "+key] = v
		}
	}
	for key, want := range map[string]int64{
		"1 old_n{}": 1, "2 new_n{}": 1, "1 old_m.occupancy{\"state\":\"hard\"}": -1, "2 new_m.occupancy{\"state\":\"hard\"}": 1,
		"1 old_q{}": 1, "2 new_q{}": 1,
	} {
		if got[key].Int64() != want {
			t.Errorf("%s: sent %v, want %d", key, got[key], want)
		}
	}
	closeStore(t, s)

	s = open(t, path, c)
	for _, kind := range renamedKinds {
		declare(t, s, renamed("new_"+names[kind], kind, "old_"+names[kind]))
	}
	if s.ledger.HasDeclarations() {
		t.Error("the second start has something to write")
	}
	checkShown(t, s, want)
}

// TestAnOldReleaseGoesOnUnderTheFormerName: it counts into the trackable, what it
// counts is sent once, and merged totals do not fall.
func TestAnOldReleaseGoesOnUnderTheFormerName(t *testing.T) {
	c, path := newClock(), newPath(t)
	old := open(t, path, c)
	oldWriter, oldVersion := newWriter(t, old), version("1")
	declare(t, old, statisticDeclaration("old_s"))
	n := statistic(oldVersion, "old_s")
	record(t, oldWriter, add(n, 5))

	s := open(t, path, c)
	w := newWriter(t, s)
	declare(t, s, renamed("n", otelusage.KindStatistic, "old_s"))
	record(t, w, add(statistic(version("2"), "n"), 1))
	record(t, oldWriter, add(n, 10))
	checkShown(t, s, map[string]string{"n": "16"})

	// Started again, it restores the lifetime, and registers nothing.
	closeStore(t, old)
	old = open(t, path, c)
	oldWriter = newWriter(t, old)
	checkLife(t, declare(t, old, statisticDeclaration("old_s")), map[string]otelusage.SeriesLifetime{"{}": {Int: 16, Float: 16}})
	if old.ledger.HasDeclarations() {
		t.Error("the old release has something to write")
	}
	record(t, oldWriter, add(statistic(oldVersion, "old_s", attribute.String("via", "web")), 100))
	for _, store := range []*Store{old, s} {
		record(t, oldWriter, add(statistic(oldVersion, "old_s"), 1))
		parts := attemptWith(t, store, mergedRequest(oldVersion), always(accepted))
		got := points(parts[0])
		if _, there := got["old_s{}"]; there || got["n{}"].Int64() < 117 {
			t.Errorf("merged totals are %v", got)
		}
	}
	submit(t, s)
	checkBalance(t, s, "old_s{}", wants{recorded: 17, accepted: 17})
	checkBalance(t, s, "n{}", wants{recorded: 1, accepted: 1})
	checkShown(t, s, map[string]string{"n": "118"})
}

// TestADeclarationThatWaitsWhileItIsRenamed registers nothing of its own, and
// what follows it counts into the trackable.
func TestADeclarationThatWaitsWhileItIsRenamed(t *testing.T) {
	c, path := newClock(), newPath(t)
	old := open(t, path, c)
	oldWriter := newWriter(t, old)
	for _, kind := range renamedKinds {
		declare(t, old, otelusage.Declaration{Name: "old_" + kind.String(), Kind: kind})
	}
	s := open(t, path, c)
	w := newWriter(t, s)
	for _, kind := range renamedKinds {
		declare(t, s, renamed("new_"+kind.String(), kind, "old_"+kind.String()))
	}
	record(t, w, add(statistic(version("2"), "new_statistic"), 1))
	r := version("1")
	recordAll(t, oldWriter, recording.Recording{
		Changes: []recording.Change{add(statistic(r, "old_statistic"), 10), add(sequence(r, "old_sequence"), 1), add(hits(r, "old_sequence", "A"), 1),
			{Series: timer(r, "old_timer", timerBounds), Delta: observe(timerBounds, 5)}, add(stateChanges(r, "old_state", "on"), 1)},
		Moves: []recording.Move{{Series: state(r, "old_state"), State: "on", Moved: true}}, MaySend: true})
	checkShown(t, s, map[string]string{"new_statistic": "11", "new_state": "on, 1 changes", "new_timer": "1 runs, 5 s", "new_sequence": "1, 1 at A"})
}

// TestRenamings of all sorts, each from what is in the file.
func TestRenamings(t *testing.T) {
	const kind = otelusage.KindStatistic
	for _, tt := range []struct {
		name     string
		recorded map[string]int64
		releases [][]otelusage.Declaration // one start each
		want     map[string]string
	}{
		{"onto a name with a history of its own", map[string]int64{"a": 1, "b": 10},
			[][]otelusage.Declaration{{renamed("b", kind, "a")}}, map[string]string{"b": "11"}},
		{"twice", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("b", kind, "a")}, {renamed("c", kind, "b")}}, map[string]string{"c": "1"}},
		{"twice, both names given", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("b", kind, "a")}, {renamed("c", kind, "a", "b")}}, map[string]string{"c": "1"}},
		{"twice, a release skipped", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("c", kind, "a", "b")}}, map[string]string{"c": "1"}},
		{"two that become one", map[string]int64{"a": 1, "b": 10},
			[][]otelusage.Declaration{{renamed("c", kind, "a", "b")}}, map[string]string{"c": "11"}},
		{"back", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("b", kind, "a")}, {renamed("a", kind, "b")}}, map[string]string{"a": "1"}},
		{"and the old release again", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("b", kind, "a")}, {statisticDeclaration("a")}}, map[string]string{"b": "1"}},
		{"from what became another trackable", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("b", kind, "a")}, {renamed("c", kind, "a")}}, map[string]string{"b": "1", "c": "0"}},
		{"in case alone", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("A", kind, "a")}}, map[string]string{"a": "1"}},
		{"from nothing", nil, [][]otelusage.Declaration{{renamed("b", kind, "a")}}, map[string]string{"b": "0"}},
		{"from another kind", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{renamed("b", otelusage.KindSequence, "a")}}, map[string]string{"a": "1", "b": "0, 0 at A"}},
		{"to another number type and unit", map[string]int64{"a": 1},
			[][]otelusage.Declaration{{{Name: "b", Kind: kind, Float: true, Unit: "km", RenamedFrom: []string{"a"}}}}, map[string]string{"b": "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, path := newClock(), newPath(t)
			s := open(t, path, c)
			w := newWriter(t, s)
			for name, n := range tt.recorded {
				declare(t, s, statisticDeclaration(name))
				record(t, w, add(statistic(version("1"), name), n))
			}
			closeStore(t, s)
			for range 2 {
				for _, release := range tt.releases {
					s = open(t, path, c)
					for _, d := range release {
						declare(t, s, d)
					}
					s.db.Lock()
					err := s.db.WriteWaiting()
					s.db.Unlock()
					if err != nil {
						t.Fatal(err)
					}
					balanced(t, s)
					closeStore(t, s)
				}
				if tt.name == "back" || tt.name == "twice" {
					break // users do not go back and forth between releases
				}
			}
			checkShown(t, open(t, path, c, ReadOnly()), tt.want)
		})
	}
}

// TestStatesThatBecomeOne: the one that the new name is in holds, and the
// destination is told of one alone.
func TestStatesThatBecomeOne(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	move(t, w, state(version("1"), "a"), "on")
	move(t, w, state(version("1"), "b"), "off")
	submit(t, s)
	c.add(day)
	declare(t, s, renamed("b", otelusage.KindState, "a"))
	checkShown(t, s, map[string]string{"b": "off, 0 changes"})
	p := submit(t, s)
	if len(p) != 1 {
		t.Fatalf("%d parts", len(p))
	}
	got := points(p[0])
	if v := got[`a.occupancy{"state":"on"}`]; v.Int64() != -1 {
		t.Errorf("sent %v", got)
	}
	if v, there := got[`b.occupancy{"state":"off"}`]; there {
		t.Errorf("b is sent again: %v", v)
	}
}

// TestASealedBatchKeepsTheFormerName, and is sent again as it was.
func TestASealedBatchKeepsTheFormerName(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	record(t, w, add(statistic(version("1"), "old"), 3))
	var first string
	attemptWith(t, s, request(outbox.Delta), func(p *series.Part) outbox.Outcome {
		first = wire(p)
		return outbox.Outcome{Verdict: outbox.Transient}
	})
	declare(t, s, renamed("new", otelusage.KindStatistic, "old"))
	record(t, w, add(statistic(version("2"), "new"), 4))
	checkShown(t, s, map[string]string{"new": "7"})
	c.add(day)
	if sent := submit(t, s); len(sent) != 1 || wire(sent[0]) != first {
		t.Errorf("sent again as\n%v\nwant\n%s", sent, first)
	}
	checkBalance(t, s, "old{}", wants{recorded: 3, accepted: 3})
}

// TestErasureForgetsFormerNames too; who still runs declares them again.
func TestErasureForgetsFormerNames(t *testing.T) {
	s, _ := fresh(t)
	w := newWriter(t, s)
	record(t, w, add(statistic(version("1"), "old"), 3))
	declare(t, s, renamed("new", otelusage.KindStatistic, "old"))
	record(t, w, add(statistic(version("2"), "new"), 4))
	erase(t, s)
	expect(t, s, "0", `SELECT count(*) FROM former_names`)
	record(t, w)
	record(t, w, add(statistic(version("1"), "old"), 5))
	checkShown(t, s, map[string]string{"new": "5"})
}

// TestAFormerNameStaysTaken: a program that declares both is told, whichever
// comes first, and loses nothing.
func TestAFormerNameStaysTaken(t *testing.T) {
	c, path := newClock(), newPath(t)
	s := open(t, path, c)
	record(t, newWriter(t, s), add(statistic(version("1"), "old"), 3))
	declare(t, s, renamed("new", otelusage.KindStatistic, "old"))
	if _, err := s.Declare(statisticDeclaration("old")); !errors.Is(err, ErrRenamed) {
		t.Errorf("the former name before it is written: %v", err)
	}
	closeStore(t, s)
	for _, order := range [][]string{{"old", "new"}, {"new", "old"}} {
		s = open(t, path, c)
		declare(t, s, statisticDeclaration(order[0]))
		if _, err := s.Declare(statisticDeclaration(order[1])); !errors.Is(err, ErrRenamed) {
			t.Errorf("%v: %v", order, err)
		}
		record(t, newWriter(t, s), add(statistic(version("1"), "old"), 1), add(statistic(version("1"), "new"), 1))
		closeStore(t, s)
	}
	s = open(t, path, c)
	checkShown(t, s, map[string]string{"new": "7"})
}

// TestAnImportUnderTheFormerName: the Python library's database has the old name,
// whether it can be read at once or later.
func TestAnImportUnderTheFormerName(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			path := referenceFiles(t)
			if late {
				write(t, path, append([]byte("no database"), recordedFile(t, "usage.db")...))
			}
			s := open(t, path, afterSample(), WithErrorHandler(new(reports).handle))
			w := newWriter(t, s)
			for _, d := range []otelusage.Declaration{
				renamed("quests", otelusage.KindStatistic, "quests_complete"), renamed("units", otelusage.KindState, "Unit_System"),
			} {
				declare(t, s, d)
			}
			record(t, w, add(statistic(version("2"), "quests"), 2))
			if late {
				write(t, path, recordedFile(t, "usage.db"))
			}
			parts := attemptWith(t, s, mergedRequest(version("2")), always(accepted))
			got := points(parts[0])
			if got["quests{}"] != series.Int64Value(45) || got[`units{"state":"US Standard"}`] != series.Int64Value(1) {
				t.Errorf("uploaded %v", got)
			}
			for key := range got {
				if strings.HasPrefix(key, "quests_complete") || strings.HasPrefix(key, "Unit_System") {
					t.Errorf("uploaded %s under its former name", key)
				}
			}
		})
	}
}

// TestAMirrorBeforeRenaming is read as it is, and brought up to date by whoever
// records.
func TestAMirrorBeforeRenaming(t *testing.T) {
	c, path := newClock(), newPath(t)
	s := open(t, path, c)
	record(t, newWriter(t, s), add(statistic(version("1"), "old"), 3))
	execute(t, s, fmt.Sprintf(`DROP TABLE former_names; DROP TABLE identity; DROP TABLE occupancy_before; PRAGMA user_version = %d`, schema.TablesSince[schema.FormerNames]-1))
	closeStore(t, s)

	r := open(t, path, c, ReadOnly())
	checkLife(t, declare(t, r, renamed("new", otelusage.KindStatistic, "old")), map[string]otelusage.SeriesLifetime{"{}": {Int: 3, Float: 3}})
	if h, err := r.Examine(t.Context(), nil); err != nil || !h.Sound() {
		t.Errorf("health is %+v, %v", h, err)
	}
	checkShown(t, r, map[string]string{"old": "3"})
	closeStore(t, r)

	s = open(t, path, c)
	declare(t, s, renamed("new", otelusage.KindStatistic, "old"))
	checkShown(t, s, map[string]string{"new": "3"})
}
