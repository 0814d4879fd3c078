package localstore

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// archive keeps each point of a stream and interval once, without the streams of
// erased installations, as the SQL for the archive does.
type archive struct {
	all    []*series.Part
	erased map[string]bool
}

func newArchive() *archive { return &archive{erased: make(map[string]bool)} }

func (a *archive) accept(p *series.Part) outbox.Outcome { a.keep(p); return accepted }

func (a *archive) keep(p *series.Part) {
	a.all = append(a.all, p)
	if strings.Contains(wire(p), batch.ErasedName) {
		a.erased[streamIn(p)] = true
	}
}

func streamIn(p *series.Part) string {
	v, _ := p.Resource.Value(batch.InstanceKey)
	return v.AsString()
}

// sums adds up everything but gauges.
func (a *archive) sums() map[string]int64 {
	sums, seen := make(map[string]int64), make(map[string]bool)
	for _, p := range a.all {
		if a.erased[streamIn(p)] {
			continue
		}
		for _, s := range p.Scopes {
			for _, m := range s.Metrics {
				for _, point := range m.Points {
					key := m.Metric.Name + series.EncodeAttributes(point.Attributes)
					once := fmt.Sprint(series.EncodeAttributes(p.Resource), p.Start, p.End, key)
					if m.Metric.Type == series.TypeSum && !seen[once] {
						sums[key] += point.Value.Int64()
					}
					seen[once] = true
				}
			}
		}
	}
	return sums
}

// checkStates compares how many installations are in each state.
func (a *archive) checkStates(t *testing.T, want map[string]int64) {
	t.Helper()
	got := a.sums()
	maps.DeleteFunc(got, func(key string, n int64) bool { return n == 0 || !strings.Contains(key, otelusage.OccupancySuffix) })
	if !maps.Equal(got, want) {
		t.Errorf("in states are %v, want %v", got, want)
	}
}

func rotate(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRotateBeginsAnotherStream with the day, which shares nothing with the last one,
// and loses and doubles nothing.
func TestRotateBeginsAnotherStream(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *Store) error{
		"rotate":   func(t *testing.T, s *Store) error { return s.Rotate(t.Context()) },
		"given id": func(_ *testing.T, s *Store) error { return s.SetInstallationID("seat 7") },
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			other := open(t, s.Path(), c)
			a := newArchive()
			w, n := newWriter(t, s), statistic(version("1"), "n")
			beside := newWriter(t, other)
			record(t, w, add(n, 1))
			c.add(3 * time.Hour)
			attemptWith(t, s, request(outbox.Delta), a.accept)
			record(t, w, add(n, 10))
			record(t, beside, add(statistic(version("1"), "n"), 100))
			old := []string{s.InstallationID(), s.StreamID()}
			mirror := s.MirrorID()
			if err := change(t, s); err != nil {
				t.Fatal(err)
			}
			if s.InstallationID() == old[0] || s.StreamID() == old[1] || s.MirrorID() != mirror {
				t.Errorf("ids are %s, %s and %s", s.InstallationID(), s.StreamID(), s.MirrorID())
			}
			record(t, w, add(n, 1000))
			record(t, beside, add(statistic(version("1"), "n"), 10000))
			c.add(time.Hour)
			attemptWith(t, s, request(outbox.Delta), a.accept)
			before, after := a.all[0], a.all[1]
			if !after.Start.Equal(c.now().Truncate(day)) || after.Start.Equal(before.End) || !after.End.Equal(c.now()) {
				t.Errorf("[%v, %v) follows [%v, %v)", after.Start, after.End, before.Start, before.End)
			}
			for _, id := range old {
				if strings.Contains(wire(after), id) {
					t.Errorf("an old id is in\n%s", wire(after))
				}
			}
			if id, _ := after.Resource.Value(batch.InstallationKey); id.AsString() != s.InstallationID() || streamIn(after) != other.StreamID() {
				t.Errorf("sent under %s, %s", id.AsString(), streamIn(after))
			}
			c.add(time.Hour)
			record(t, w, add(n, 100000))
			attemptWith(t, s, request(outbox.Delta), a.accept)
			if next := a.all[2]; !next.Start.Equal(after.End) || streamIn(next) != streamIn(after) {
				t.Errorf("[%v, %v) follows [%v, %v)", next.Start, next.End, after.Start, after.End)
			}
			if got := a.sums()["n{}"]; got != 111111 {
				t.Errorf("counted %d, want 111111", got)
			}
		})
	}
}

// TestABatchUnderWayKeepsItsIDs when they are changed.
func TestABatchUnderWayKeepsItsIDs(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	sub := mustBegin(t, s)
	first := next(t, sub)
	rotate(t, s)
	settle(t, sub, first, outbox.Outcome{Verdict: outbox.Transient})
	c.add(2 * day)
	sent := submit(t, s)
	if wire(sent[0]) != wire(first) {
		t.Errorf("sent again\n%s\nafter\n%s", wire(sent[0]), wire(first))
	}
	record(t, w, add(n, 1))
	if sent := submit(t, s); streamIn(sent[0]) == streamIn(first) {
		t.Error("the next one has the old id")
	}
}

// TestIDsAreChangedWhenTheyAreOld, before a batch is sealed and in no other case.
func TestIDsAreChangedWhenTheyAreOld(t *testing.T) {
	const age = 30 * day
	for name, test := range map[string]struct {
		options []Option
		after   time.Duration
		request func(*outbox.Request)
		changed bool
	}{
		"young":      {after: age - time.Second},
		"old":        {after: age, changed: true},
		"clock back": {after: -time.Hour, changed: true},
		"never":      {after: 10 * age, request: func(r *outbox.Request) { r.Rotation = 0 }},
		"given":      {after: age, options: []Option{WithInstallationID("seat 7")}},
		"unlinkable": {after: age, request: func(r *outbox.Request) { r.Unlinkable = true }},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t, test.options...)
			r := request(outbox.Delta)
			r.Rotation = age
			if test.request != nil {
				test.request(&r)
			}
			id := s.InstallationID()
			c.add(test.after)
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
			sent := attemptWith(t, s, r, always(accepted))
			if changed := s.InstallationID() != id; len(sent) != 1 || changed != test.changed {
				t.Fatalf("%d parts, changed: %v", len(sent), changed)
			}
			if v, ok := sent[0].Resource.Value(batch.InstallationKey); ok && v.AsString() != s.InstallationID() {
				t.Errorf("sent under %s", v.AsString())
			}
			if test.changed { // and then again at that age
				id = s.InstallationID()
				record(t, newWriter(t, open(t, s.Path(), c)), add(statistic(version("1"), "n"), 1))
				attemptWith(t, s, r, always(accepted))
				if s.InstallationID() != id {
					t.Error("changed twice")
				}
			}
		})
	}
}

// TestRotateRefusesAGivenID, which the next start would put back.
func TestRotateRefusesAGivenID(t *testing.T) {
	s, _ := fresh(t, WithInstallationID("seat 7"))
	if err := s.Rotate(t.Context()); !errors.Is(err, ErrFixedID) || s.InstallationID() != "seat 7" {
		t.Errorf("Rotate = %v, the id is %s", err, s.InstallationID())
	}
}

// TestStatesAddUpOverIDs: whatever was sent under which ids and arrives when, an
// erased installation is in no state, also for who leaves out what it sent under its
// last ids.
func TestStatesAddUpOverIDs(t *testing.T) {
	steps := map[string]func(*testing.T, *Store, *archive){
		"rotate":     func(t *testing.T, s *Store, _ *archive) { rotate(t, s) },
		"send":       func(t *testing.T, s *Store, a *archive) { attemptWith(t, s, request(outbox.Delta), a.accept) },
		"unlinkable": func(t *testing.T, s *Store, a *archive) { attemptWith(t, s, unlinkable(), a.accept) },
		"lost": func(t *testing.T, s *Store, a *archive) {
			attemptWith(t, s, request(outbox.Delta), func(p *series.Part) outbox.Outcome {
				a.keep(p)
				return outbox.Outcome{Verdict: outbox.Transient}
			})
		},
	}
	for _, order := range []string{
		"dark send", "dark send rotate light send", "dark send rotate light", "dark lost rotate send", "dark lost rotate light send send",
		"dark send light lost", "dark send light lost rotate", "dark send rotate light lost", "dark unlinkable light send", "dark send light unlinkable",
		"dark send rotate rotate light send", "dark send light send rotate dark lost", "dark send rotate light send rotate dark send light lost",
	} {
		t.Run(order, func(t *testing.T) {
			s, c := fresh(t)
			a := newArchive()
			w, mode := newWriter(t, s), state(version("1"), "mode")
			for step := range strings.FieldsSeq(order) {
				c.add(time.Hour)
				if do := steps[step]; do != nil {
					do(t, s, a)
				} else {
					move(t, w, mode, step)
				}
			}
			parts, err := s.EraseAndRetract(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				a.keep(p)
			}
			for takeBackWith(t, s, a.accept) > 0 {
			}
			a.checkStates(t, map[string]int64{})
			a.erased = make(map[string]bool)
			a.checkStates(t, map[string]int64{})
		})
	}
}

// TestAnErasureAsksForDeletion once it was sent under these ids, with consent, until
// it is taken; and the next stream begins with the day.
func TestAnErasureAsksForDeletion(t *testing.T) {
	for name, test := range map[string]struct {
		before func(*testing.T, *Store)
		asks   bool
	}{
		"sent":      {func(t *testing.T, s *Store) { submit(t, s) }, true},
		"in flight": {func(t *testing.T, s *Store) { attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{})) }, true},
		"never":     {func(*testing.T, *Store) {}, false},
		"rotated":   {func(t *testing.T, s *Store) { submit(t, s); rotate(t, s) }, false},
		"no consent": {func(t *testing.T, s *Store) {
			submit(t, s)
			setMode(t, s, consent.ModeLocal)
		}, false},
		"unlinkable": {func(t *testing.T, s *Store) { submitUnlinkable(t, s) }, false},
		"totals":     {func(t *testing.T, s *Store) { attemptWith(t, s, request(outbox.Cumulative), always(accepted)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			w := newWriter(t, s)
			record(t, w, add(statistic(version("1"), "n"), 1))
			test.before(t, s)
			ids := []string{s.InstallationID(), s.StreamID()}
			c.add(25 * time.Hour)
			erase(t, s)
			setMode(t, s, consent.ModeOn)
			var asked []*series.Part
			for _, o := range []outbox.Outcome{{Verdict: outbox.Transient}, {Verdict: outbox.Refused}, accepted, accepted} {
				c.add(day)
				takeBackWith(t, s, func(p *series.Part) outbox.Outcome { asked = append(asked, p); return o })
			}
			if !test.asks {
				if asked != nil {
					t.Errorf("asked\n%s", wires(asked))
				}
				forgotten(t, s, ids[0])
				return
			}
			if len(asked) != 3 || wire(asked[0]) != wire(asked[2]) {
				t.Fatalf("asked %d times\n%s", len(asked), wires(asked))
			}
			if got := points(asked[0]); len(got) != 1 || got[batch.ErasedName+"{}"].Int64() != 1 {
				t.Errorf("asked\n%s", wire(asked[0]))
			}
			want := series.EncodeAttributes(asked[0].Resource)
			if strings.Count(want, ":") != 3 || !strings.Contains(want, ids[0]) || streamIn(asked[0]) != ids[1] || !strings.Contains(want, `"service.name":"game"`) {
				t.Errorf("asked for %s", want)
			}
			forgotten(t, s, ids...)
			record(t, w, add(statistic(version("1"), "n"), 1))
			record(t, w, add(statistic(version("1"), "n"), 1))
			if sent := submit(t, s); len(sent) > 0 && (!sent[0].Start.Equal(sent[0].Start.Truncate(day)) || sent[0].Start.Equal(asked[0].End)) {
				t.Errorf("[%v, %v) follows", sent[0].Start, sent[0].End)
			}
		})
	}
}

// TestStatesOfFormerIDsOutliveTheFolding of old versions: an erasure has to take them
// back.
func TestStatesOfFormerIDsOutliveTheFolding(t *testing.T) {
	s, c := fresh(t, WithMaxSeries(20))
	a := newArchive()
	send := func() { attemptWith(t, s, request(outbox.Delta), a.accept) }
	w := newWriter(t, s)
	newRelease("1").record(t, w)
	send()
	rotate(t, s)
	for i := range 4 { // each moves on under another version
		c.add(31 * day)
		newRelease(fmt.Sprint(i+2)).record(t, w)
		send()
	}
	expect(t, s, "1", `SELECT count(*) FROM resources WHERE attributes LIKE '%otelusage.former%'`)
	parts, err := s.EraseAndRetract(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		a.keep(p)
		if v := serviceVersion(p); v == "" { // a receiver drops what is no application's
			t.Errorf("takes back\n%s", wire(p))
		}
	}
	takeBackWith(t, s, a.accept)
	a.checkStates(t, map[string]int64{})
	if len(a.erased) != 1 {
		t.Errorf("%d requests for deletion", len(a.erased))
	}
}
