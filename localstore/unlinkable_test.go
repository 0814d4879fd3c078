package localstore

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// unlinkable asks for a batch with an id of its own.
func unlinkable() outbox.Request {
	r := request(outbox.Delta)
	r.Unlinkable = true
	return r
}

func submitUnlinkable(t testing.TB, s *Store) []*series.Part {
	t.Helper()
	return attemptWith(t, s, unlinkable(), always(accepted))
}

// instanceOf is the only id of an unlinkable part.
func instanceOf(t testing.TB, p *series.Part) string {
	t.Helper()
	id, _ := p.Resource.Value(batch.InstanceKey)
	u, err := uuid.Parse(id.AsString())
	if err != nil || u.Version() != 4 {
		t.Errorf("%q is no UUID v4: %v", id.AsString(), err)
	}
	if p.Resource.HasValue(batch.InstallationKey) {
		t.Errorf("an installation id in %s", wire(p))
	}
	return id.AsString()
}

// declared is a Statistic with attributes and a description, as one version has it.
func declared(t testing.TB, s *Store, v *series.Resource, description string, attrs ...attribute.KeyValue) *series.Series {
	t.Helper()
	if _, err := s.Declare(otelusage.Declaration{Name: "n", Kind: otelusage.KindStatistic, Description: description}); err != nil {
		t.Fatal(err)
	}
	n := statistic(v, "n", attrs...)
	n.Metric.Description = description
	return n
}

// TestUnlinkableBatchesTellOnlyWhatTheyCount: an old installation, which counted in
// another order, under another description, and has sent and erased and changed its
// ids before, sends the same bytes as a fresh one that counted the same, but for the
// batch's id.
func TestUnlinkableBatchesTellOnlyWhatTheyCount(t *testing.T) {
	c := newClock()
	veteran := open(t, newPath(t), c)
	w, r := newWriter(t, veteran), version("1")
	web, menu := attribute.String("via", "web"), attribute.String("via", "menu")
	seen := make(map[string]bool)
	for i := range 3 {
		move(t, w, state(r, "size"), "small")
		record(t, w, add(statistic(r, "z"), 5), add(declared(t, veteran, r, "As it once was.", web), 1))
		move(t, w, state(r, "mode"), []string{"dark", "light", "dark"}[i])
		submit(t, veteran)
		record(t, w, add(declared(t, veteran, r, "As it once was.", menu), 2))
		sent := submitUnlinkable(t, veteran)
		if id := instanceOf(t, sent[0]); seen[id] || id == veteran.MirrorID() || id == veteran.StreamID() {
			t.Errorf("%s is not the batch's own", id)
		} else {
			seen[id] = true
		}
		if err := veteran.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.add(7*time.Hour + 11*time.Second)
	}
	c.add(40 * day)
	fresh := open(t, newPath(t), c)
	c.add(time.Minute)

	var texts [2]string
	for i, s := range []*Store{veteran, fresh} {
		if s == fresh {
			w, r = newWriter(t, fresh), version("1")
		}
		var changes []recording.Change
		for _, x := range []*series.Series{declared(t, s, r, "As it is.", menu), statistic(r, "z"), declared(t, s, r, "As it is.", web)} {
			changes = append(changes, add(x, 3))
		}
		if s == fresh {
			changes[0], changes[2] = changes[2], changes[0]
		}
		record(t, w, changes...)
		if s == veteran { // its states were said before
			forgetStates(t, s)
		}
		sent := submitUnlinkable(t, s)
		if len(sent) != 1 {
			t.Fatalf("%d parts", len(sent))
		}
		texts[i] = strings.ReplaceAll(wire(sent[0]), instanceOf(t, sent[0]), "ID")
		if want := c.now().Truncate(time.Hour); !sent[0].End.Equal(want) || !sent[0].Start.Equal(want.Add(-time.Hour)) {
			t.Errorf("sent [%v, %v), want the hour before %v", sent[0].Start, sent[0].End, want)
		}
	}
	if texts[0] != texts[1] {
		t.Errorf("an old installation sends\n%s\na fresh one\n%s", texts[0], texts[1])
	}
}

// forgetStates makes a mirror one that has no states, which are values.
func forgetStates(t testing.TB, s *Store) {
	t.Helper()
	execute(t, s, `DELETE FROM current_states; DELETE FROM occupancy; DELETE FROM gauges; DELETE FROM occupancy_before`)
}

// TestAnUnlinkableResendIsTheSame, also in another process, and by one that is not
// configured so.
func TestAnUnlinkableResendIsTheSame(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1), add(statistic(version("2"), "n"), 1))
	var first []string
	attemptWith(t, s, unlinkable(), func(p *series.Part) outbox.Outcome {
		first = append(first, wire(p))
		return outbox.Outcome{Verdict: outbox.Transient}
	})
	closeStore(t, s)
	c.add(5 * time.Hour)
	s = open(t, s.Path(), c)
	var again []string
	for _, p := range submit(t, s) {
		again = append(again, wire(p))
		if instanceOf(t, p) == "" {
			t.Error("no id")
		}
	}
	if len(again) != 2 || again[0] != first[0] || !strings.Contains(again[1], again[0][strings.Index(again[0], `"service.instance.id"`):strings.Index(again[0], `"service.name"`)]) {
		t.Errorf("sent again\n%s\nafter\n%s", again, first)
	}
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	later := submit(t, s)
	if id, _ := later[0].Resource.Value(batch.InstallationKey); id.AsString() != s.InstallationID() {
		t.Errorf("a later one without the option is sent under %q", id.AsString())
	}
}

// TestUnlinkableSubmissionsAreSpread at random over the interval after the first, and
// every process finds the same time.
func TestUnlinkableSubmissionsAreSpread(t *testing.T) {
	s, c := fresh(t)
	other := open(t, s.Path(), c)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	r := unlinkable()
	r.Force, r.Interval = false, day
	seen := make(map[int]bool)
	for range 24 {
		record(t, w, add(n, 1))
		hours := 0
		for ; ; hours++ {
			due, err := s.Outbox().Due(t.Context(), r)
			also, errAlso := other.Outbox().Due(t.Context(), r)
			if err != nil || errAlso != nil || due != also {
				t.Fatalf("due: %v, %v and %v, %v", due, err, also, errAlso)
			}
			if due {
				break
			}
			c.add(time.Hour)
		}
		if hours < 24 || hours > 48 {
			t.Errorf("due after %d hours", hours)
		}
		seen[hours] = true
		if sent := attemptWith(t, s, r, always(accepted)); len(sent) != 1 {
			t.Fatalf("%d parts", len(sent))
		}
	}
	if len(seen) < 8 {
		t.Errorf("24 submissions came after %v hours", seen)
	}
}

// TestUnlinkableErasure takes states back under fresh ids, and asks for nothing.
func TestUnlinkableErasure(t *testing.T) {
	for _, inFlight := range []bool{false, true} {
		s, _ := fresh(t)
		if err := s.SetUnlinkable(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		a := newArchive()
		w, r := newWriter(t, s), version("1")
		move(t, w, state(r, "mode"), "dark")
		attemptWith(t, s, unlinkable(), a.accept)
		move(t, w, state(r, "mode"), "light")
		if inFlight {
			attemptWith(t, s, unlinkable(), func(p *series.Part) outbox.Outcome {
				a.keep(p)
				return outbox.Outcome{Verdict: outbox.Transient}
			})
		} else {
			attemptWith(t, s, unlinkable(), a.accept)
		}
		ids := []string{s.InstallationID(), s.MirrorID()}
		parts, err := s.EraseAndRetract(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			a.keep(p)
		}
		takeBackWith(t, s, a.accept)
		for _, p := range a.all {
			instanceOf(t, p)
			if p.Start.Truncate(time.Hour) != p.Start || p.End.Truncate(time.Hour) != p.End {
				t.Errorf("[%v, %v) tells when", p.Start, p.End)
			}
			for _, id := range ids {
				if strings.Contains(wire(p), id) {
					t.Errorf("an id is in\n%s", wire(p))
				}
			}
			if strings.Contains(wire(p), batch.ErasedName) {
				t.Errorf("asks\n%s", wire(p))
			}
		}
		a.checkStates(t, map[string]int64{})
	}
}

// TestAPreviewOfAnUnlinkableBatch shows no id of the installation, before anything
// was sealed and in a Store that only reads.
func TestAPreviewOfAnUnlinkableBatch(t *testing.T) {
	s, c := fresh(t)
	for range 2 {
		if err := s.SetUnlinkable(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	reader := open(t, s.Path(), c, ReadOnly())
	p := preview(t, reader, outbox.Request{Forwarder: outbox.Delta})
	if len(p.Parts) != 1 || reader.StreamID() != "" {
		t.Fatalf("preview is %+v, the stream is %q", p, reader.StreamID())
	}
	instanceOf(t, p.Parts[0])
	var b bytes.Buffer
	if err := p.WriteJSON(&b); err != nil || strings.Contains(b.String(), s.InstallationID()) || strings.Contains(b.String(), s.MirrorID()) {
		t.Errorf("%v, shows %s", err, b.String())
	}
	if err := s.SetUnlinkable(t.Context(), false); err != nil || s.StreamID() != s.MirrorID() {
		t.Errorf("%v, the stream is %q", err, s.StreamID())
	}
}
