package localstore

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// destination keeps states as three kinds of receivers do: one that drops what
// is not newer than the last point of a stream, an archive that counts a point of
// a stream and interval once, and one that adds up all that comes.
type destination struct {
	newest  map[string]time.Time
	latest  map[string]int64
	archive map[string]int64
	known   map[string]bool
	all     map[string]int64
}

func newDestination() *destination {
	return &destination{make(map[string]time.Time), make(map[string]int64), make(map[string]int64), make(map[string]bool), make(map[string]int64)}
}

func (d *destination) keep(p *series.Part) {
	for _, scope := range p.Scopes {
		for _, m := range scope.Metrics {
			if !strings.HasSuffix(m.Metric.Name, otelusage.OccupancySuffix) {
				continue
			}
			for _, point := range m.Points {
				id := series.EncodeAttributes(p.Resource) + m.Metric.Name + series.EncodeAttributes(point.Attributes)
				n := point.Value.Int64()
				d.all[id] += n
				if p.End.After(d.newest[id]) {
					d.newest[id] = p.End
					d.latest[id] += n
				}
				if once := fmt.Sprint(id, p.Start, p.End); !d.known[once] {
					d.known[once] = true
					d.archive[id] += n
				}
			}
		}
	}
}

// empty checks that an erased installation is in no state. exact says that it is
// so for who adds up all that comes, too.
func (d *destination) empty(t *testing.T, exact bool, ids ...string) {
	t.Helper()
	kept := map[string]map[string]int64{"which drops what is not newer": d.latest, "which knows intervals": d.archive}
	if exact {
		kept["which adds up all"] = d.all
	}
	for name, sums := range kept {
		for key, n := range sums {
			for _, id := range ids {
				if strings.Contains(key, id) && n != 0 {
					t.Errorf("the destination %s holds %d of %s", name, n, key)
				}
			}
		}
	}
}

func (d *destination) accept(p *series.Part) outbox.Outcome { d.keep(p); return accepted }

// takeBackWith makes the requests of tombstones that are due, and returns how
// many.
func takeBackWith(t testing.TB, s *Store, answer func(*series.Part) outbox.Outcome) (requests int) {
	t.Helper()
	sub, err := s.Outbox().BeginRetraction(t.Context(), request(outbox.Delta))
	if err != nil {
		t.Fatal(err)
	}
	for sub != nil {
		p := next(t, sub)
		if p == nil {
			return requests
		}
		requests++
		if !settle(t, sub, p, answer(p)) {
			return requests
		}
	}
	return requests
}

// eraseInto erases, and sends what is sent once.
func eraseInto(t *testing.T, s *Store, d *destination) (old string) {
	t.Helper()
	old = s.InstallationID()
	parts, err := s.EraseAndRetract(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		d.keep(p)
	}
	return old
}

// interrupted is what underWay was sending: it arrives, and the process ends
// before the answer. Then everything is erased.
func interrupted(t *testing.T, s *Store) (d *destination, old string) {
	t.Helper()
	d = newDestination()
	sub, part := underWay(t, s, d)
	d.keep(part)
	if err := sub.Release(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return d, eraseInto(t, s, d)
}

func graves(t testing.TB, s *Store) string { return text(t, s, `SELECT count(*) FROM tombstones`) }

// underWay has said one state, and is sending that it moved to another.
func underWay(t *testing.T, s *Store, d *destination) (*outbox.Submission, *series.Part) {
	t.Helper()
	w, err := s.Writer(true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r := version("1")
	recordAll(t, w, recording.Recording{Changes: []recording.Change{add(statistic(r, "a_name_to_be_forgotten"), 1)}, MaySend: true,
		Moves: []recording.Move{{Series: state(r, "mode"), State: "light", Moved: true}, {Series: state(r, "size"), State: "small", Moved: true}}})
	attemptWith(t, s, request(outbox.Delta), d.accept)
	move(t, w, state(r, "mode"), secret)
	sub := mustBegin(t, s)
	return sub, next(t, sub)
}

// TestATombstoneTakesBackWhatIsUnderWay, whatever becomes of the request, and
// whatever its process knows of that.
func TestATombstoneTakesBackWhatIsUnderWay(t *testing.T) {
	transient := outbox.Outcome{Verdict: outbox.Transient}
	for name, test := range map[string]struct {
		arrives bool            // before everything is erased
		told    *outbox.Outcome // what its process sees of it, then
		late    bool            // it arrives when all was taken back
		exact   bool            // also at who adds up all that comes
	}{
		"accepted, and its process sees it":  {arrives: true, told: &accepted, exact: true},
		"accepted, and the answer is lost":   {arrives: true, told: &transient},
		"accepted, and its process has died": {arrives: true},
		"lost":                               {told: &transient, exact: true},
		"lost with its process":              {exact: true},
		"late":                               {told: &transient, late: true},
		"late, and its process has died":     {late: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			other, d := open(t, s.Path(), c), newDestination()
			sub, part := underWay(t, other, d)
			old := s.InstallationID()
			if test.arrives {
				d.keep(part)
			}
			parts, err := s.EraseAndRetract(t.Context(), true)
			if err != nil || len(parts) != 1 || parts[0].Points() != 1 {
				t.Fatalf("%v, %v, want the state that is not under way to be taken back", parts, err)
			}
			d.keep(parts[0])
			if n := takeBackWith(t, s, d.accept); n != 0 {
				t.Errorf("%d requests while the first is under way", n)
			}
			if test.told != nil {
				if _, err := sub.Settle(t.Context(), part, *test.told); !errors.Is(err, outbox.ErrLeaseLost) {
					t.Errorf("settled: %v, want ErrLeaseLost", err)
				}
			} else {
				c.add(time.Hour)
			}
			takeBackWith(t, s, d.accept)
			if test.late {
				d.keep(part)
			}
			d.empty(t, test.exact, old)
			if n := graves(t, s); n != "0" {
				t.Errorf("%s tombstones are left", n)
			}
		})
	}
}

// TestWhatIsUnderWayIsTakenBackOnceItsProcessGivesUp: nobody waits for the end of
// its lease.
func TestWhatIsUnderWayIsTakenBackOnceItsProcessGivesUp(t *testing.T) {
	for name, gives := range map[string]func(*testing.T, *outbox.Submission){
		"release": func(t *testing.T, sub *outbox.Submission) {
			if err := sub.Release(t.Context(), true); err != nil {
				t.Error(err)
			}
		},
		"next": func(t *testing.T, sub *outbox.Submission) {
			if p, err := sub.Next(t.Context()); p != nil || !errors.Is(err, outbox.ErrLeaseLost) {
				t.Errorf("goes on with %v, %v", p, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			other, d := open(t, s.Path(), c), newDestination()
			sub, part := underWay(t, other, d)
			d.keep(part)
			erase(t, s)
			gives(t, sub)
			if n := takeBackWith(t, s, d.accept); n != 3 { // with the request to delete
				t.Errorf("%d requests, want 3", n)
			}
		})
	}
}

// TestATombstoneIsAllThatErasingLeaves, and nothing is left once it was accepted.
func TestATombstoneIsAllThatErasingLeaves(t *testing.T) {
	s, c := fresh(t)
	sub, _ := underWay(t, s, newDestination())
	ids := []string{s.InstallationID(), s.MirrorID()}
	if err := sub.Release(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	erase(t, s)
	kept := text(t, s, `SELECT group_concat(coalesce(resend, '') || retraction) FROM tombstones`)
	for _, want := range append(ids, secret, "light") {
		if !strings.Contains(kept, want) {
			t.Errorf("the tombstone lacks %s", want)
		}
	}
	forgotten(t, s, "a_name_to_be_forgotten", "small", `"series"`, `"occupancy"`)
	content := bytesOf(t, s.Path())
	for _, id := range ids {
		if in, of := bytes.Count(content, []byte(id)), strings.Count(kept, id); in != of {
			t.Errorf("an old id is on the disk %d times, want the %d of the tombstone", in, of)
		}
	}
	closeStore(t, s)
	s = open(t, s.Path(), c) // which overwrites nothing by itself
	reader, err := sqlitedb.Open(s.Path(), true, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = reader.Snapshot(func() error { // somebody keeps the log from being emptied
		_, err := reader.Find(`SELECT count(*) FROM totals`)
		if n := takeBackWith(t, s, always(accepted)); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
		return err
	})
	if err := errors.Join(err, reader.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(bytesOf(t, s.Path()), []byte(ids[0])) {
		t.Error("nobody kept it: the test shows nothing")
	}
	if n := takeBackWith(t, s, always(accepted)); n != 0 {
		t.Errorf("%d requests more", n)
	}
	forgotten(t, s, append(ids, secret, "light")...)
	expect(t, s, "0", `SELECT erase_pending FROM mirror`)
}

// TestAnAcceptedTombstoneIsOverwrittenAtOnce where nobody keeps it from being.
func TestAnAcceptedTombstoneIsOverwrittenAtOnce(t *testing.T) {
	s, _ := fresh(t)
	sub, _ := underWay(t, s, newDestination())
	old := s.InstallationID()
	if err := errors.Join(sub.Release(t.Context(), false), s.Erase(t.Context())); err != nil {
		t.Fatal(err)
	}
	takeBackWith(t, s, always(accepted))
	forgotten(t, s, old, secret)
}

// TestTombstonesAreBounded: the latest stay.
func TestTombstonesAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("erases again and again")
	}
	s, _ := fresh(t)
	var old string
	for range batch.KeepTombstones + 3 {
		w := newWriter(t, s)
		move(t, w, state(version("1"), "mode"), "on")
		w.Close()
		old = s.InstallationID()
		if err := errors.Join(mustBegin(t, s).Release(t.Context(), false), s.Erase(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if n := graves(t, s); n != fmt.Sprint(batch.KeepTombstones) {
		t.Errorf("%s tombstones, want %d", n, batch.KeepTombstones)
	}
	expect(t, s, "1", `SELECT count(*) FROM tombstones WHERE resend LIKE '%' || ?1 || '%'`, old)
}

// TestErasingWhatCannotBeRead takes nothing back, and erases.
func TestErasingWhatCannotBeRead(t *testing.T) {
	s, _ := fresh(t)
	underWay(t, s, newDestination())
	old := s.InstallationID()
	execute(t, s, `UPDATE parts SET payload = '[' WHERE state = 'sealed'`)
	erase(t, s)
	if graves(t, s) != "0" || bytes.Contains(bytesOf(t, s.Path()), []byte(old)) {
		t.Error("something is left")
	}
}

// TestTombstonesAreShown by who looks at the mirror, and counted nowhere.
func TestTombstonesAreShown(t *testing.T) {
	s, c := fresh(t)
	sub, part := underWay(t, s, newDestination())
	if err := errors.Join(sub.Release(t.Context(), false), s.Erase(t.Context())); err != nil {
		t.Fatal(err)
	}
	reader := open(t, s.Path(), c, ReadOnly())
	h, err := reader.Examine(t.Context(), nil)
	if err != nil || !h.Sound() || h.Retractions != 3 || len(h.Balances) != 0 {
		t.Errorf("health is %+v, %v", h, err)
	}
	shown := preview(t, reader, outbox.Request{Forwarder: outbox.Delta})
	if len(shown.Retractions) != 3 || len(shown.Parts) != 0 || !strings.Contains(wire(part), strings.Split(wire(shown.Retractions[0]), "\n")[0]) {
		t.Errorf("shows\n%s\nof\n%s", wires(shown.Retractions), wire(part))
	}
	var b bytes.Buffer
	if err := shown.WriteJSON(&b); err != nil || strings.Count(b.String(), `"app.installation.id"`) != 3 {
		t.Errorf("reads %s, %v", b.String(), err)
	}
	// Of totals there is nothing to take back.
	if sub, err := s.Outbox().BeginRetraction(t.Context(), request(outbox.Cumulative)); sub != nil || err != nil {
		t.Errorf("begun for totals: %v, %v", sub, err)
	}
	var sent []*series.Part
	takeBackWith(t, s, func(p *series.Part) outbox.Outcome { sent = append(sent, p); return accepted })
	if wires(sent) != wires(shown.Retractions) {
		t.Errorf("sent\n%s\nshown\n%s", wires(sent), wires(shown.Retractions))
	}
	if p := cameTo(t, s, outbox.Delta); p.accepted != 0 {
		t.Errorf("counted as %d submissions", p.accepted)
	}
	if _, err := reader.Outbox().BeginRetraction(t.Context(), request(outbox.Delta)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("begun by a reader: %v", err)
	}
}
