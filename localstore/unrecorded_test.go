package localstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// lookAt reads everything that people are shown.
func lookAt(t testing.TB, s *Store) *Snapshot {
	t.Helper()
	snap, err := s.Snapshot(t.Context(), Query{Days: true, History: true})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// weight makes one number of a value, as counted does.
func weight(v series.Value) float64 {
	n := v.Float64()
	if h := v.Histogram(); h != nil {
		n += 1000 * float64(h.Count)
	}
	return n
}

// shown returns what a snapshot says was counted, and of that what is not recorded.
func shown(snap *Snapshot) (counted, waiting counts) {
	counted, waiting = make(counts), make(counts)
	for _, trackable := range snap.Trackables {
		for _, x := range trackable.Series {
			key := x.Metric.Name + x.Attributes
			counted[key] += weight(x.Counted())
			if n := weight(x.Unrecorded); n != 0 {
				waiting[key] += n
			}
		}
	}
	return counted, waiting
}

// inBalance returns the same of the balances.
func inBalance(t testing.TB, s *Store) (counted, waiting counts) {
	t.Helper()
	counted, waiting = make(counts), make(counts)
	for key, b := range balances(t, s) {
		if strings.HasPrefix(key, otelusage.ReservedPrefix) {
			continue
		}
		counted[key] = weight(b.Recorded.Add(b.Unrecorded))
		if n := weight(b.Unrecorded); n != 0 {
			waiting[key] = n
		}
	}
	return counted, waiting
}

// stateOf returns which state a State is shown in.
func stateOf(snap *Snapshot) string {
	for _, trackable := range snap.Named("s") {
		return trackable.State
	}
	return ""
}

// agrees checks that trackables add up to their series.
func agrees(t *testing.T, snap *Snapshot) {
	t.Helper()
	for _, trackable := range snap.Trackables {
		var value, changes, waits float64
		for _, x := range trackable.Series {
			switch x.Role {
			case series.RoleValue:
				value += weight(x.Counted())
				waits += weight(x.Unrecorded)
			case series.RoleChanges:
				changes += weight(x.Counted())
				waits += weight(x.Unrecorded)
			}
		}
		got := trackable.Total.Float64() + trackable.Seconds + 1000*float64(trackable.Runs)
		unrecorded := trackable.Unrecorded.Value.Float64() + 1000*float64(trackable.Unrecorded.Count)
		if math.Abs(got-value) > 1e-6 || float64(trackable.Changes) != changes || math.Abs(unrecorded-waits) > 1e-6 {
			t.Errorf("%s: %v, %v changes, %v unrecorded, its series have %v, %v and %v", trackable.Name, got, trackable.Changes, unrecorded, value, changes, waits)
		}
	}
}

// TestViewersSeeWhatJournalsHold: whatever a process is doing, and whether it lives,
// all that it counted is shown, once, and nothing else. Looking changes nothing.
func TestViewersSeeWhatJournalsHold(t *testing.T) {
	for _, death := range deaths {
		for _, dead := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, dead: %v", death.name, dead), func(t *testing.T) {
				t.Parallel()
				s, c := fresh(t, withoutErrDisk(t))
				p := counting(t, open(t, s.Path(), c), true)
				remains := death.die(t, p)
				if dead {
					p.die(t, remains)
				}
				path := journalpool.Path(s.Path(), 0)
				before := bytesOf(t, path)
				viewer := open(t, s.Path(), c, ReadOnly())
				want := p.counted()
				recorded, _ := recordedIn(t, s)
				for _, reader := range []*Store{viewer, s} {
					snap := lookAt(t, reader)
					agrees(t, snap)
					counted, waiting := shown(snap)
					if !counted.equal(want) || !recorded.plus(waiting).equal(want) {
						t.Errorf("counted %v, of that unrecorded %v, want %v", counted, waiting, want)
					}
					if counted, other := inBalance(t, reader); !counted.equal(want) || !other.equal(waiting) {
						t.Errorf("balance: counted %v, of that unrecorded %v, want %v and %v", counted, other, want, waiting)
					}
					if got, want := stateOf(snap), p.cells["s"]; want != nil && got != want.v.State {
						t.Errorf("the state is %q, want %q", got, want.v.State)
					}
				}
				if !bytes.Equal(bytesOf(t, path), before) {
					t.Error("looking wrote into a journal")
				}
				if !dead {
					return
				}
				recoverNow(s)
				counted, waiting := shown(lookAt(t, viewer))
				if !counted.equal(want) || len(waiting) > 0 {
					t.Errorf("after the recovery: counted %v, of that unrecorded %v, want %v", counted, waiting, want)
				}
			})
		}
	}
}

// TestViewersOfADecision: what a recovery would drop is not shown, and nothing else
// is left out.
func TestViewersOfADecision(t *testing.T) {
	for _, decision := range decisions {
		for _, dead := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, dead: %v", decision.name, dead), func(t *testing.T) {
				s, c := fresh(t)
				p := counting(t, open(t, s.Path(), c), true)
				p.count(t)
				p.enter(t, "a")
				p.mustRecord(t)
				p.count(t)
				p.enter(t, "b")
				if dead {
					p.die(t, p.remains(t))
				}
				if err := decision.decide(s, t.Context()); err != nil && !(decision.erases && !dead) { // pending
					t.Fatal(err)
				}
				snap := lookAt(t, open(t, s.Path(), c, ReadOnly()))
				counted, waiting := shown(snap)
				recorded, _ := recordedIn(t, s)
				want := p.counted()
				if decision.drops {
					want = recorded
				}
				if !counted.equal(want) || !recorded.plus(waiting).equal(want) {
					t.Errorf("counted %v, of that unrecorded %v, want %v", counted, waiting, want)
				}
				if state := stateOf(snap); (state == "b") == decision.drops {
					t.Errorf("the state is %q", state)
				}
			})
		}
	}
}

// TestAMoveThatLosesIsNotShown: the state of a journal is shown where a recovery
// would let it win.
func TestAMoveThatLosesIsNotShown(t *testing.T) {
	for _, later := range []bool{false, true} {
		s, c := fresh(t)
		w := newWriter(t, s)
		p := counting(t, open(t, s.Path(), c), true)
		c.add(time.Second)
		p.enter(t, "first")
		if !later {
			move(t, w, state(version("1"), "s"), "other")
			c.add(time.Second)
		}
		p.mustRecord(t)
		p.enter(t, "mine")
		c.add(time.Second)
		if later {
			move(t, w, state(version("1"), "s"), "other")
		}
		shownThen := stateOf(lookAt(t, s))
		p.die(t, p.remains(t))
		shownDead := stateOf(lookAt(t, s))
		recoverNow(s)
		want := stateOfMirror(t, s)
		if shownThen != want || shownDead != want || (want == "other") != later {
			t.Errorf("shown as %q and, dead, %q; recovered as %q", shownThen, shownDead, want)
		}
	}
}

// TestTheStateOfTwoJournals is that of the process that began last, as a recovery
// takes it.
func TestTheStateOfTwoJournals(t *testing.T) {
	s, c := fresh(t)
	for i := range 2 {
		counting(t, open(t, s.Path(), c), true).enter(t, fmt.Sprint("state ", i))
		c.add(time.Second)
	}
	snap := lookAt(t, s)
	if got := stateOf(snap); got != "state 1" {
		t.Errorf("the state is %q", got)
	}
	if n := snap.Named("s")[0].Changes; n != 2 {
		t.Errorf("%d changes, want those of both", n)
	}
}

// TestCountsOfSeveralJournals add up, also in series that the mirror does not have.
func TestCountsOfSeveralJournals(t *testing.T) {
	s, c := fresh(t)
	want := make(counts)
	for i := range 3 {
		p := counting(t, open(t, s.Path(), c), true)
		p.count(t)
		if i == 0 {
			p.mustRecord(t)
		}
		p.count(t)
		p.cell(t, "n2", false, func() *series.Series { return statistic(p.of, "n", otelusage.OverflowKey.Bool(true)) }).
			change(func(v *journalfile.Value) { v.Int += 5 })
		want = want.plus(p.counted())
		if i == 1 {
			p.die(t, p.remains(t))
		}
	}
	snap := lookAt(t, s)
	agrees(t, snap)
	if counted, _ := shown(snap); !counted.equal(want) {
		t.Errorf("counted %v, want %v", counted, want)
	}
	if counted, _ := inBalance(t, s); !counted.equal(want) {
		t.Errorf("balance: %v, want %v", counted, want)
	}
}

// TestTrackablesOfJournals that the mirror does not have are shown as they would be
// once recorded, whatever is asked for.
func TestTrackablesOfJournals(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.enter(t, "a")
	before := lookAt(t, s)
	asked := make(map[string]*Snapshot)
	for _, name := range []string{"N", "t", "nothing"} {
		snap, err := s.Snapshot(t.Context(), Query{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		asked[name] = snap
	}
	if len(asked["N"].Trackables) != 1 || asked["t"].Trackables[0].Runs != 1 || len(asked["nothing"].Trackables) != 0 {
		t.Errorf("asked for one name: %+v", asked)
	}
	p.mustRecord(t)
	after := lookAt(t, s)
	if len(before.Trackables) != len(after.Trackables) {
		t.Fatalf("%d trackables, once recorded %d", len(before.Trackables), len(after.Trackables))
	}
	for i, want := range after.Trackables {
		got := before.Trackables[i]
		if got.Name != want.Name || got.Kind != want.Kind || got.Unit != want.Unit || got.Float != want.Float || got.Monotonic != want.Monotonic ||
			got.Description != want.Description || !got.Total.Nearly(want.Total) || got.Runs != want.Runs || got.State != want.State || got.Changes != want.Changes {
			t.Errorf("shown %+v, once recorded %+v", got, want)
		}
		if !got.ChangedAt.Equal(before.At) || !got.DeclaredAt.IsZero() {
			t.Errorf("%s: changed %v, declared %v", got.Name, got.ChangedAt, got.DeclaredAt)
		}
	}
	if !before.RecordedAt().IsZero() || after.RecordedAt().IsZero() {
		t.Errorf("recorded at %v, then at %v", before.RecordedAt(), after.RecordedAt())
	}
}

// TestJournalOfAFormerName counts for the trackable under its name of now.
func TestJournalOfAFormerName(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	record(t, w, add(statistic(version("2"), "old"), 1))
	if _, err := s.Declare(otelusage.Declaration{Name: "new", Kind: otelusage.KindStatistic, RenamedFrom: []string{"old"}}); err != nil {
		t.Fatal(err)
	}
	record(t, w, add(statistic(version("2"), "new"), 1))
	p := counting(t, open(t, s.Path(), c), true)
	p.cell(t, "old", false, func() *series.Series { return floatStatistic(p.of, "old") }).change(func(v *journalfile.Value) { v.Float++ })
	snap := lookAt(t, s)
	if list := snap.Named("new"); len(snap.Trackables) != 1 || len(list) != 1 || list[0].Total.Float64() != 3 {
		t.Errorf("shown %+v", snap.Trackables)
	}
}

// TestAddedNow: what waits in journals was added today, beside what was recorded.
func TestAddedNow(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	for range 2 {
		p.count(t)
		p.mustRecord(t)
		c.add(day)
	}
	p.count(t)
	p.count(t)
	p.enter(t, "a")
	snap := lookAt(t, s)
	for name, want := range map[string]float64{"n": 2, "f": 0.2, "t": 1, "q": 2, "s": 1} {
		trackable := snap.Named(name)[0]
		added := trackable.AddedByDay(snap.At.Add(-5*day), snap.At)
		if got := added.In(snap.At).Value.Float64(); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: added today %v, want %v", name, got, want)
		}
		if got := added.In(snap.At.Add(-day)).Value.Float64(); (got != 0) != (name != "s") {
			t.Errorf("%s: added yesterday %v", name, got)
		}
		if hours := trackable.AddedByHour(snap.At.Add(-5 * day)); !hours.In(snap.At).Value.IsZero() {
			t.Errorf("%s: recorded in this hour %v", name, hours.In(snap.At))
		}
	}
	timers := snap.Named("t")[0]
	if runs := timers.AddedByDay(snap.At, snap.At).In(snap.At).Count; runs != 2 || timers.Distributions()[0].Count != 4 {
		t.Errorf("%d runs today, %+v in all", runs, timers.Distributions())
	}
	if got := snap.Named("n")[0].Average(); got != 1 {
		t.Errorf("a recording added %v on average", got)
	}
}

// TestExportsHaveWhatJournalsHold as well.
func TestExportsHaveWhatJournalsHold(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.mustRecord(t)
	p.count(t)
	p.enter(t, "a")
	var csv, text, whole bytes.Buffer
	for _, err := range []error{s.WriteCSV(&csv, snapshot.OrderByType), s.WriteReport(&text), s.WriteJSON(&whole)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"n,Statistic,2,", "t,Timer,1,", "q,Sequence,2,", "s,State,a,"} {
		if !strings.Contains(csv.String(), want) {
			t.Errorf("no %q in %s", want, &csv)
		}
	}
	var document struct {
		Statistics, Timers, Sequences, States []struct {
			Name, State                      string
			Value, Changes, Completions      float64
			Runs                             float64
			Unrecorded                       any
			Series                           []struct{ Recorded, Unrecorded, Pending any }
			TotalSeconds                     float64 `json:"total_seconds"`
			AverageSeconds, Average, Exports float64
		}
	}
	if err := json.Unmarshal(whole.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	n := document.Statistics[1]
	if n.Name != "n" || n.Value != 2 || n.Unrecorded != 1.0 || n.Series[0].Recorded != 1.0 || n.Series[0].Unrecorded != 1.0 || n.Series[0].Pending != 1.0 {
		t.Errorf("%+v", n)
	}
	if timer := document.Timers[0]; timer.Runs != 2 || timer.TotalSeconds != 1 || fmt.Sprint(timer.Unrecorded) != "map[runs:1 total_seconds:0.5]" {
		t.Errorf("%+v", timer)
	}
	if state := document.States[0]; state.State != "a" || state.Changes != 1 || state.Unrecorded != 1.0 {
		t.Errorf("%+v", state)
	}
	if q := document.Sequences[0]; q.Completions != 2 || q.Unrecorded != 1.0 {
		t.Errorf("%+v", q)
	}
}

// TestRevisionOfJournals: it is another one after each change of a journal, however
// soon that follows, and no other.
func TestRevisionOfJournals(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	viewer := open(t, s.Path(), c, ReadOnly())
	seen := make(map[string]bool)
	for range 50 {
		p.countNumber(t)
		var first string
		for range 2 {
			revision, err := viewer.Revision(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if first != "" && revision != first {
				t.Error("the revision changes by itself")
			}
			first = revision
		}
		seen[first] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d revisions of 50", len(seen))
	}
	p.die(t, p.remains(t))
	if err := os.Remove(journalpool.Path(s.Path(), 0)); err != nil {
		t.Fatal(err)
	}
	if revision, err := viewer.Revision(t.Context()); err != nil || seen[revision] {
		t.Errorf("Revision = %v, %v after a journal is gone", revision, err)
	}
}

// TestPreviewIsOfWhatIsRecorded: nothing of a journal is sent, or shown as what will
// be.
func TestPreviewIsOfWhatIsRecorded(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.enter(t, secret)
	var text bytes.Buffer
	if err := s.WritePreview(t.Context(), &text); err != nil || strings.Contains(text.String(), secret) {
		t.Errorf("preview %s, %v", &text, err)
	}
}
