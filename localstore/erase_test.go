package localstore

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// bytesOf returns all that lies on the disk under a mirror's name.
func bytesOf(t *testing.T, path string) []byte {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// forgotten checks that nothing of these texts is on the disk.
func forgotten(t *testing.T, s *Store, texts ...string) {
	t.Helper()
	content := bytesOf(t, s.Path())
	for _, text := range texts {
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%q is still on the disk", text)
		}
	}
}

// erase erases everything.
func erase(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// besideAnother is a Store beside that of another process, which counts.
func besideAnother(t *testing.T) (s, other *Store, w *recording.Writer, n *series.Series) {
	t.Helper()
	s, c := fresh(t)
	other = open(t, s.Path(), c)
	return s, other, newWriter(t, other), statistic(version("1"), "n")
}

const secret = "a-state-to-be-forgotten"

// remember records and sends what is to be erased.
func remember(t *testing.T, s *Store, w *recording.Writer) (ids []string) {
	t.Helper()
	r := version("1")
	for range 30 {
		recordAll(t, w, recording.Recording{
			Changes: []recording.Change{add(statistic(r, "a_name_to_be_forgotten"), 1)},
			Moves:   []recording.Move{{Series: state(r, "mode"), State: secret, Moved: true}},
		})
	}
	submit(t, s)
	recordAll(t, w, recording.Recording{Changes: []recording.Change{add(statistic(r, "a_name_to_be_forgotten"), 1)}})
	if !bytes.Contains(bytesOf(t, s.Path()), []byte(secret)) {
		t.Fatal("the mirror does not hold what is to be erased")
	}
	return []string{s.InstallationID(), s.MirrorID()}
}

func TestEraseLeavesNoByte(t *testing.T) {
	s, _ := fresh(t)
	w := newWriter(t, s)
	aside := s.Path() + place.DamagedInfix + "20260101T000000.000000000Z"
	if err := os.WriteFile(aside, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := remember(t, s, w)
	setMode(t, s, consent.ModeOn)
	erase(t, s)
	forgotten(t, s, append(ids, secret, "a_name_to_be_forgotten")...)
	if s.InstallationID() == ids[0] || s.MirrorID() == ids[1] {
		t.Error("the ids are the old ones")
	}
	c, err := s.Consent(t.Context())
	if err != nil || c.Mode != consent.ModeOn {
		t.Errorf("consent is %v, %v, want what was decided", c.Mode, err)
	}
	expect(t, s, "0", `SELECT count(*) FROM sqlite_sequence`)
	// What was counted before and not recorded is a baseline; then it counts.
	n := statistic(version("1"), "n")
	record(t, w, add(n, 100))
	record(t, w, add(n, 1))
	expect(t, s, "1", `SELECT coalesce(sum(recorded), 0) FROM series_totals WHERE metric = 'n'`)
}

func TestEraseIsFinishedByTheNextOpen(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	ids := remember(t, s, w)
	reader, err := sqlitedb.Open(s.Path(), true, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = reader.Snapshot(func() error {
		if _, err := reader.Find(`SELECT count(*) FROM totals`); err != nil {
			return err
		}
		return s.Erase(ctx)
	})
	if !errors.Is(err, ErrErasePending) {
		t.Errorf("Erase beside a reader: %v, want ErrErasePending", err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, s.Path(), c)
	forgotten(t, s, append(ids, secret)...)
	expect(t, s, "0", `SELECT erase_pending FROM mirror`)
}

func TestEraseReachesOtherProcesses(t *testing.T) {
	s, other, w, n := besideAnother(t)
	record(t, w, add(n, 1))
	sub := mustBegin(t, other)
	part := next(t, sub)
	erase(t, s)
	if _, err := sub.Settle(t.Context(), part, accepted); !errors.Is(err, outbox.ErrLeaseLost) {
		t.Errorf("an outcome of what was erased: %v, want ErrLeaseLost", err)
	}
	record(t, w, add(n, 100)) // counted before, for all that is known
	expect(t, s, "0", `SELECT count(*) FROM totals`)
	record(t, w, add(n, 2))
	checkBalance(t, other, "n{}", wants{recorded: 2, withheld: 0, pending: 2})
	balanced(t, s)
}

// TestSubmissionFromBeforeAnErasureSettlesNothing: ids begin anew, so that the
// batch and the part which it still names are those of another one.
func TestSubmissionFromBeforeAnErasureSettlesNothing(t *testing.T) {
	s, other, w, n := besideAnother(t)
	record(t, w, add(n, 1))
	old := mustBegin(t, other)
	part := next(t, old)
	erase(t, s)
	record(t, w, add(n, 100)) // counted before, for all that is known
	record(t, w, add(n, 2))
	sub := mustBegin(t, other)
	fresh := next(t, sub)
	if fresh.ID != part.ID || fresh.Batch != part.Batch {
		t.Fatalf("part %d of batch %d, want the old ids %d and %d", fresh.ID, fresh.Batch, part.ID, part.Batch)
	}
	for _, o := range []outbox.Outcome{accepted, {Verdict: outbox.Refused}, {Verdict: outbox.TooLarge}} {
		if _, err := old.Settle(t.Context(), part, o); !errors.Is(err, outbox.ErrLeaseLost) {
			t.Errorf("the old submission is settled as %s: %v, want ErrLeaseLost", o.Verdict, err)
		}
	}
	checkBalance(t, other, "n{}", wants{recorded: 2, inFlight: 2})
	settle(t, sub, fresh, accepted)
	if p, err := old.Next(t.Context()); p != nil || !errors.Is(err, outbox.ErrLeaseLost) {
		t.Errorf("the old submission goes on with %v, %v, want ErrLeaseLost", p, err)
	}
	checkBalance(t, other, "n{}", wants{recorded: 2, accepted: 2})
	balanced(t, s)
}

// TestIdleProcessCountsOnAfterAnErasure: one that finds nothing new twice has
// nothing left that was counted before.
func TestIdleProcessCountsOnAfterAnErasure(t *testing.T) {
	s, other, w, n := besideAnother(t)
	record(t, w, add(n, 1))
	erase(t, s)
	for range 2 {
		if err := w.Observe(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	record(t, w, add(n, 2))
	checkBalance(t, other, "n{}", wants{recorded: 2, pending: 2})
}

// TestCountsBetweenAnIdleExportAndAnErasureAreDropped: nobody can tell on which
// side of it they lie.
func TestCountsBetweenAnIdleExportAndAnErasureAreDropped(t *testing.T) {
	s, other, w, n := besideAnother(t)
	erase(t, s)
	if err := w.Observe(t.Context(), true); err != nil { // collected before it
		t.Fatal(err)
	}
	record(t, w, add(n, 100))
	record(t, w, add(n, 2))
	checkBalance(t, other, "n{}", wants{recorded: 2, pending: 2})
}
