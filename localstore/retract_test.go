package localstore

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// TestTombstonesObeyConsent: what is under way is not sent again without it, and
// whoever erases without it leaves nothing.
func TestTombstonesObeyConsent(t *testing.T) {
	for _, mode := range []consent.Mode{consent.ModeOff, consent.ModeLocal} {
		t.Run(mode.String(), func(t *testing.T) {
			s, _ := fresh(t)
			d, old := interrupted(t, s)
			setMode(t, s, mode)
			for _, maySend := range []bool{true, false} {
				r := request(outbox.Delta)
				r.MaySend = maySend
				if _, err := s.Outbox().BeginRetraction(t.Context(), r); !errors.Is(err, outbox.ErrNoConsent) {
					t.Errorf("begun: %v, want ErrNoConsent", err)
				}
			}
			setMode(t, s, consent.ModeOn)
			sub, err := s.Outbox().BeginRetraction(t.Context(), request(outbox.Delta))
			if err != nil {
				t.Fatal(err)
			}
			setMode(t, s, mode)
			if p, err := sub.Next(t.Context()); p != nil || !errors.Is(err, outbox.ErrNoConsent) {
				t.Errorf("goes on with %v, %v, want ErrNoConsent", p, err)
			}
			if err := sub.Release(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			if mode == consent.ModeOff {
				setMode(t, s, consent.ModeOn)
				takeBackWith(t, s, d.accept)
				d.empty(t, false, old)
				return
			}
			erase(t, s)
			if n := graves(t, s); n != "0" || bytes.Contains(bytesOf(t, s.Path()), []byte(old)) {
				t.Errorf("%s tombstones after everything was erased without consent to send", n)
			}
		})
	}
	t.Run("erased without it", func(t *testing.T) {
		s, _ := fresh(t)
		underWay(t, s, newDestination())
		setMode(t, s, consent.ModeLocal)
		parts, err := s.EraseAndRetract(t.Context(), true)
		if err != nil || parts != nil || graves(t, s) != "0" {
			t.Errorf("%v, %v, %s tombstones, want nothing", parts, err, graves(t, s))
		}
	})
}

// TestTombstonesOfTwoErasures are both sent, also where the second one comes
// while the first one's are.
func TestTombstonesOfTwoErasures(t *testing.T) {
	for _, sending := range []bool{false, true} {
		t.Run(fmt.Sprint("sending ", sending), func(t *testing.T) {
			s, c := fresh(t)
			other, d := open(t, s.Path(), c), newDestination()
			var ids []string
			for range 2 {
				sub, part := underWay(t, other, d)
				d.keep(part)
				ids = append(ids, eraseInto(t, s, d))
				if _, err := sub.Settle(t.Context(), part, outbox.Outcome{Verdict: outbox.Transient}); !errors.Is(err, outbox.ErrLeaseLost) {
					t.Fatal(err)
				}
			}
			if sending {
				sub, err := other.Outbox().BeginRetraction(t.Context(), request(outbox.Delta))
				if err != nil {
					t.Fatal(err)
				}
				part := next(t, sub)
				d.keep(part)
				ids = append(ids, eraseInto(t, s, d))
				if n := takeBackWith(t, s, d.accept); n != 0 {
					t.Errorf("%d requests while one is under way", n)
				}
				if _, err := sub.Settle(t.Context(), part, accepted); !errors.Is(err, outbox.ErrLeaseLost) {
					t.Errorf("settled: %v, want ErrLeaseLost", err)
				}
			}
			want := 6 // two of each batch, and a request to delete it
			if sending {
				want--
			}
			if n := takeBackWith(t, s, d.accept); n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
			d.empty(t, false, ids...)
			if n := graves(t, s); n != "0" {
				t.Errorf("%s tombstones are left", n)
			}
		})
	}
}

// TestATombstoneThatFailsIsTriedAgain, after a backoff and over restarts.
func TestATombstoneThatFailsIsTriedAgain(t *testing.T) {
	s, c := fresh(t)
	d, old := interrupted(t, s)
	unforced := request(outbox.Delta)
	unforced.Force = false
	for range 12 {
		if n := takeBackWith(t, s, always(outbox.Outcome{Verdict: outbox.Transient})); n != 1 {
			t.Fatalf("%d requests, want 1", n)
		}
		if sub, err := s.Outbox().BeginRetraction(t.Context(), unforced); sub != nil || err != nil {
			t.Fatalf("begun at once: %v, %v", sub, err)
		}
		closeStore(t, s)
		c.add(2 * interval)
		s = open(t, s.Path(), c)
	}
	sub, err := s.Outbox().BeginRetraction(t.Context(), unforced)
	if err != nil || sub == nil {
		t.Fatalf("not begun after the backoff: %v", err)
	}
	if err := sub.Release(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	takeBackWith(t, s, d.accept)
	d.empty(t, false, old)
	expect(t, s, "0", `SELECT failures FROM forwarders`)
}

// TestATombstoneThatIsRefused ten times is dropped. What is new does not wait for
// it.
func TestATombstoneThatIsRefused(t *testing.T) {
	for _, verdict := range []outbox.Verdict{outbox.Refused, outbox.TooLarge} {
		t.Run(string(verdict), func(t *testing.T) {
			s, c := fresh(t)
			d := newDestination()
			sub, _ := underWay(t, s, d)
			old := s.InstallationID()
			if err := errors.Join(sub.Release(t.Context(), true), s.Erase(t.Context())); err != nil {
				t.Fatal(err)
			}
			w, n := newWriter(t, s), statistic(version("1"), "n")
			refuse := always(outbox.Outcome{Verdict: verdict, Status: 400})
			requests := 0
			for range 60 {
				made := takeBackWith(t, s, refuse)
				if again := takeBackWith(t, s, refuse); again != 0 {
					t.Fatalf("%d requests at once", again)
				}
				if made > 4 { // a whole and two halves, and the request to delete
					t.Fatalf("%d requests in an attempt", made)
				}
				if requests += made; made > 0 {
					record(t, w, add(n, 1))
					if sent := attemptWith(t, s, request(outbox.Delta), d.accept); len(sent) != 1 {
						t.Fatalf("%d parts of what is new", len(sent))
					}
				}
				c.add(time.Hour)
			}
			points := 2 // with the request to delete
			if verdict == outbox.TooLarge {
				points = 3 // both states of it apart, after the whole
				requests--
			}
			if want := points * 10; requests != want || graves(t, s) != "0" {
				t.Errorf("%d requests, %s tombstones, want %d and none", requests, graves(t, s), want)
			}
			if bytes.Contains(bytesOf(t, s.Path()), []byte(old)) {
				t.Error("the old id is still on the disk")
			}
			expect(t, s, "1", `SELECT count(*) > 0 FROM submission_log WHERE reason LIKE '%refused 10 times%'`)
		})
	}
}

// TestATombstoneThatIsTooLarge goes out in halves, each state's steps in order.
func TestATombstoneThatIsTooLarge(t *testing.T) {
	for _, step := range []int{1, 2} {
		s, _ := fresh(t)
		d := newDestination()
		w, r := newWriter(t, s), version("1")
		var old string
		var sub *outbox.Submission
		for _, value := range []string{"one", "two"} {
			for _, name := range []string{"a", "b", "c"} {
				move(t, w, state(r, name), value)
			}
			old = s.InstallationID()
			sub = mustBegin(t, s)
			if p := next(t, sub); value == "one" {
				settle(t, sub, p, d.accept(p))
			}
		}
		if err := errors.Join(sub.Release(t.Context(), true), s.Erase(t.Context())); err != nil {
			t.Fatal(err)
		}
		made := 0
		takeBackWith(t, s, func(p *series.Part) outbox.Outcome {
			if made++; made >= step && p.Points() > 1 {
				return outbox.Outcome{Verdict: outbox.TooLarge, Status: 413}
			}
			return d.accept(p)
		})
		d.empty(t, true, old)
		if n := graves(t, s); n != "0" {
			t.Errorf("%s tombstones are left", n)
		}
	}
}

// TestTombstonesOfABatchInPieces: what was accepted of it is taken back with the
// rest.
func TestTombstonesOfABatchInPieces(t *testing.T) {
	s, c := fresh(t)
	other, d := open(t, s.Path(), c), newDestination()
	w := newWriter(t, other)
	for _, v := range []string{"1", "2"} {
		for _, name := range []string{"a", "b", "c", "d"} {
			move(t, w, state(version(v), name), name+v)
		}
		record(t, w, add(statistic(version(v), "n"), 1))
		if v == "1" {
			attemptWith(t, other, request(outbox.Delta), d.accept)
		}
	}
	attemptWith(t, other, request(outbox.Delta), func(p *series.Part) outbox.Outcome {
		switch {
		case p.Points() > 3:
			return outbox.Outcome{Verdict: outbox.TooLarge, Status: 413}
		case len(d.known)%3 == 2:
			return outbox.Outcome{Verdict: outbox.Transient}
		}
		return d.accept(p)
	})
	expect(t, s, "1", `SELECT count(*) > 1 AND count(settled_at) > 0 FROM parts WHERE batch_id = (SELECT max(id) FROM batches)`)
	old := eraseInto(t, s, d)
	for takeBackWith(t, s, d.accept) > 0 {
	}
	d.empty(t, true, old)
}
