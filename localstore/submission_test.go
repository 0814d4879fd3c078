package localstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// due asks for a submission as the check interval does.
func due(t *testing.T, s *Store, f outbox.Forwarder) *outbox.Submission {
	t.Helper()
	return begin(t, s, outbox.Request{Forwarder: f, MaySend: true, Interval: interval, Lease: time.Minute})
}

func TestIntervalsAreContiguousWhateverTheClockDoes(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	end := s.CreatedAt().Truncate(day) // when it was made is not told
	for _, step := range []time.Duration{0, time.Minute, -time.Hour, time.Second, 0, 10 * 365 * day, -10 * 365 * day, time.Hour} {
		c.add(step)
		record(t, w, add(n, 1))
		record(t, w, add(statistic(version("2"), "n"), 1))
		sent := submit(t, s)
		if len(sent) != 2 {
			t.Fatalf("%v: %d parts", step, len(sent))
		}
		for _, p := range sent {
			if !p.Start.Equal(end) || !p.End.After(p.Start) || p.End != sent[0].End {
				t.Errorf("after %v: [%v, %v), want it from %v", step, p.Start, p.End, end)
			}
		}
		if now := c.now(); now.After(end) && !sent[0].End.Equal(now) {
			t.Errorf("after %v: until %v, want %v", step, sent[0].End, now)
		}
		end = sent[0].End
	}
}

func TestWhenASubmissionIsDue(t *testing.T) {
	for _, f := range []outbox.Forwarder{outbox.Delta, outbox.Cumulative} {
		t.Run(string(f), func(t *testing.T) {
			s, c := fresh(t)
			w, n := newWriter(t, s), statistic(version("1"), "n")
			answer := func() {
				attemptWith(t, s, outbox.Request{Forwarder: f, MaySend: true, Interval: interval}, always(accepted))
			}
			if sub := begin(t, s, request(f)); sub != nil {
				t.Fatal("due with nothing to send")
			}
			record(t, w, add(n, 1))
			c.add(interval - 1)
			if due(t, s, f) != nil {
				t.Error("due before one interval after the mirror was made")
			}
			c.add(1)
			answer()
			checkAccepted(t, s, f, 1)
			record(t, w, add(n, 1))
			if due(t, s, f) != nil {
				t.Error("due at once again")
			}
			closeStore(t, s)
			s = open(t, s.Path(), c)
			w, n = newWriter(t, s), statistic(version("1"), "n")
			c.add(interval - 1)
			if due(t, s, f) != nil {
				t.Error("due early after reopening")
			}
			c.add(1)
			answer()
			checkAccepted(t, s, f, 2)
			c.add(interval)
			if due(t, s, f) != nil {
				t.Error("due with nothing new")
			}
			record(t, w, add(n, 1))
			attemptWith(t, s, request(f), always(accepted))
			checkAccepted(t, s, f, 3)
			record(t, w, add(n, 1))
			c.add(-2 * interval) // a time ahead holds nothing back
			answer()
			checkAccepted(t, s, f, 4)
		})
	}
}

func checkAccepted(t *testing.T, s *Store, f outbox.Forwarder, want int64) {
	t.Helper()
	if p := cameTo(t, s, f); p.accepted != want {
		t.Errorf("%d submissions accepted, want %d", p.accepted, want)
	}
}

func TestWithoutLeaveNothingBegins(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	r := request(outbox.Delta)
	r.MaySend = false
	if _, err := s.Outbox().Begin(t.Context(), r); !errors.Is(err, outbox.ErrNoConsent) {
		t.Errorf("Begin = %v for a process that may not send", err)
	}
	for _, m := range []consent.Mode{consent.ModeOff, consent.ModeLocal} {
		setMode(t, s, m)
		for _, f := range []outbox.Forwarder{outbox.Delta, outbox.Cumulative} {
			if _, err := s.Outbox().Begin(t.Context(), request(f)); !errors.Is(err, outbox.ErrNoConsent) {
				t.Errorf("Begin = %v with mode %v", err, m)
			}
		}
	}
}

func TestPartsArePerResource(t *testing.T) {
	s, _ := fresh(t)
	w, old, current := newWriter(t, s), version("1.0"), version("1.1")
	record(t, w, add(statistic(old, "n"), 5), add(statistic(current, "n"), 7))
	sub := mustBegin(t, s)
	first := next(t, sub)
	settle(t, sub, first, accepted)
	second := next(t, sub)
	if serviceVersion(first) != "1.0" || points(first)["n{}"].Int64() != 5 || serviceVersion(second) != "1.1" || points(second)["n{}"].Int64() != 7 {
		t.Errorf("sent %s and %s", wire(first), wire(second))
	}
	for _, p := range []*series.Part{first, second} {
		id, _ := p.Resource.Value(batch.InstallationKey)
		mirror, _ := p.Resource.Value(batch.InstanceKey)
		if id.AsString() != s.InstallationID() || mirror.AsString() != s.MirrorID() {
			t.Errorf("ids of %s", wire(p))
		}
	}
	settle(t, sub, second, outbox.Outcome{Verdict: outbox.Transient, Status: 503})
	checkBalance(t, s, "n{}", wants{recorded: 12, accepted: 5, inFlight: 7})
	sent := submit(t, s)
	if len(sent) != 1 || wire(sent[0]) != wire(second) {
		t.Errorf("sent again %d parts", len(sent))
	}
	checkBalance(t, s, "n{}", wants{recorded: 12, accepted: 12})
}

func TestAResendIsTheSame(t *testing.T) {
	s, c := fresh(t)
	w, r := newWriter(t, s), version("1")
	recordAll(t, w, recording.Recording{
		Changes: []recording.Change{
			add(statistic(r, "n"), 1<<53+1), {Series: floatStatistic(r, "f"), Delta: series.Float64Value(0.1 + 0.2)},
			{Series: timer(r, "t", timerBounds), Delta: observe(timerBounds, 0.1, 0.2, 50)},
			{Series: exponentialTimer(r, "e"), Delta: exponentialOf([]float64{1e-9, 0, 7}, 2)},
		},
		Moves: []recording.Move{{Series: state(r, "mode"), State: "on", Moved: true}}, Gauges: []recording.Gauge{{Series: gaugeOf("g", r), Value: series.Int64Value(3)}}, MaySend: true,
	})
	sub := mustBegin(t, s)
	if sub.Resumed() {
		t.Error("a fresh batch is resumed")
	}
	first := next(t, sub)
	want, payload := wire(first), text(t, s, `SELECT payload FROM parts`)
	first.Scopes[0].Metrics = nil // nothing that a sender does matters
	for range 3 {
		closeStore(t, s)
		c.add(time.Hour)
		s = open(t, s.Path(), c)
		if err := s.SetInstallationID("another"); err != nil {
			t.Fatal(err)
		}
		w := newWriter(t, s)
		record(t, w, add(statistic(version("1"), "n"), 1))
		move(t, w, state(version("2"), "mode"), "off")
		sub := mustBegin(t, s)
		if !sub.Resumed() {
			t.Error("the batch is not resumed")
		}
		if got := wire(next(t, sub)); got != want {
			t.Errorf("sent again\n%s\nwant\n%s", got, want)
		}
		expect(t, s, payload, `SELECT payload FROM parts`)
	}
}

func TestOneProcessSendsAtATime(t *testing.T) {
	a, c := fresh(t)
	b := open(t, a.Path(), c)
	record(t, newWriter(t, a), add(statistic(version("1"), "n"), 1))
	subA := mustBegin(t, a)
	p := next(t, subA)
	for _, s := range []*Store{a, b} {
		for _, f := range []outbox.Forwarder{outbox.Delta, outbox.Cumulative} {
			if _, err := s.Outbox().Begin(t.Context(), request(f)); !errors.Is(err, outbox.ErrLeased) {
				t.Errorf("Begin = %v, want ErrLeased", err)
			}
		}
	}
	c.add(time.Minute) // the lease runs out
	subB := mustBegin(t, b)
	q := next(t, subB)
	if wire(p) != wire(q) {
		t.Error("the other process sends something else")
	}
	before := text(t, a, dump)
	for _, o := range []outbox.Outcome{accepted, {Verdict: outbox.Transient}, {Verdict: outbox.TooLarge}} {
		if _, err := subA.Settle(t.Context(), p, o); !errors.Is(err, outbox.ErrLeaseLost) {
			t.Errorf("late Settle = %v, want ErrLeaseLost", err)
		}
	}
	if _, err := subA.Next(t.Context()); !errors.Is(err, outbox.ErrLeaseLost) {
		t.Errorf("late Next = %v, want ErrLeaseLost", err)
	}
	if err := subA.Release(t.Context(), true); err != nil {
		t.Error(err)
	}
	if after := text(t, a, dump); after != before {
		t.Errorf("a late outcome changed %s to %s", before, after)
	}
	settle(t, subB, q, accepted)
	if p, err := subA.Next(t.Context()); p != nil || err != nil {
		t.Errorf("Next = %v, %v after the batch was settled", p, err)
	}
	checkBalance(t, a, "n{}", wants{recorded: 1, accepted: 1})
}

const dump = `SELECT (SELECT json_group_array(json_array(state, refused, payload)) FROM parts) || (SELECT json_group_array(json_array(settled_at)) FROM batches)
	|| (SELECT json_group_array(json_array(kind, accepted, failures, retry_at)) FROM forwarders) || (SELECT count(*) FROM submission_log)
	|| (SELECT json_array(lease_token, lease_until, cut_off) FROM mirror)`

func TestALeaseThatRanOutIsHeldUntilSomebodyTakesIt(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	sub := mustBegin(t, s)
	p := next(t, sub)
	c.add(time.Hour)
	settle(t, sub, p, accepted)
	checkBalance(t, s, "n{}", wants{recorded: 1, accepted: 1})
}

func TestALeaseIsRenewedFromPartToPart(t *testing.T) {
	a, c := fresh(t)
	b := open(t, a.Path(), c)
	record(t, newWriter(t, a), add(statistic(version("1"), "n"), 1), add(statistic(version("2"), "n"), 1), add(statistic(version("3"), "n"), 1))
	sub := mustBegin(t, a)
	for range 3 {
		p := next(t, sub)
		c.add(40 * time.Second)
		if _, err := b.Outbox().Begin(t.Context(), request(outbox.Delta)); !errors.Is(err, outbox.ErrLeased) && p != nil {
			t.Errorf("Begin = %v, want ErrLeased", err)
		}
		settle(t, sub, p, accepted)
	}
}

func TestALeaseOfGarbageHoldsNobody(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for _, until := range []int64{-1, 0, 1 << 62, c.now().Add(mirrordb.MaxLease + time.Second).UnixNano(), c.now().UnixNano()} {
		execute(t, s, `UPDATE mirror SET lease_token = '''; garbage', lease_until = ?1`, until)
		sub := mustBegin(t, s)
		if err := sub.Release(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, s, `UPDATE mirror SET lease_token = 'theirs', lease_until = ?1`, c.now().Add(mirrordb.MaxLease).UnixNano())
	if _, err := s.Outbox().Begin(t.Context(), request(outbox.Delta)); !errors.Is(err, outbox.ErrLeased) {
		t.Errorf("Begin = %v, want ErrLeased", err)
	}
}

func TestDisablingRestsABatchInFlight(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	sub := mustBegin(t, s)
	p := next(t, sub)
	record(t, w, add(n, 10))
	setMode(t, s, consent.ModeLocal)
	checkBalance(t, s, "n{}", wants{recorded: 11, inFlight: 1, withheld: 10})
	if _, err := sub.Next(t.Context()); !errors.Is(err, outbox.ErrNoConsent) {
		t.Errorf("Next = %v, want ErrNoConsent", err)
	}
	if err := sub.Release(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Outbox().Begin(t.Context(), request(outbox.Delta)); !errors.Is(err, outbox.ErrNoConsent) {
		t.Errorf("Begin = %v, want ErrNoConsent", err)
	}
	setMode(t, s, consent.ModeOn)
	sent := submit(t, s)
	if len(sent) != 1 || wire(sent[0]) != wire(p) {
		t.Error("the batch is not resumed unchanged")
	}
	checkBalance(t, s, "n{}", wants{recorded: 11, accepted: 1, withheld: 10})
}

func TestAnOutcomeAfterDisablingIsTaken(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	sub := mustBegin(t, s)
	p := next(t, sub)
	setMode(t, s, consent.ModeLocal)
	settle(t, sub, p, accepted)
	checkBalance(t, s, "n{}", wants{recorded: 1, accepted: 1})
}

func TestOneShutdownPerIntervalMayWaitAfterThreeCutOffs(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	mayWait := func() bool {
		t.Helper()
		wait, err := s.Outbox().MayWait(interval)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for i := range 4 {
		if mayWait() {
			if i < 3 {
				t.Errorf("may wait after %d", i)
			}
			break
		}
		if err := mustBegin(t, s).Release(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	if mayWait() {
		t.Error("may wait twice in an interval")
	}
	c.add(interval)
	if !mayWait() {
		t.Error("may not wait in the next interval")
	}
	submit(t, s)
	c.add(interval)
	if mayWait() {
		t.Error("may wait after an accepted submission")
	}
}

func TestHistogramBoundsThatDifferWaitForALaterBatch(t *testing.T) {
	s, _ := fresh(t)
	w, r := newWriter(t, s), version("1")
	other := []float64{2, 20}
	record(t, w, recording.Change{Series: timer(r, "t", timerBounds), Delta: observe(timerBounds, 5)}, recording.Change{Series: timer(r, "t", other), Delta: observe(other, 5, 50)})
	for _, want := range []series.Value{observe(timerBounds, 5), observe(other, 5, 50)} {
		sent := submit(t, s)
		if len(sent) != 1 || !points(sent[0])["t{}"].Equal(want) {
			t.Errorf("sent %d parts, %v, want %s", len(sent), points(sent[0]), want)
		}
	}
	if sent := submit(t, s); len(sent) != 0 {
		t.Error("sent more")
	}
}

func TestExponentialHistogramsAreSentAtACommonScale(t *testing.T) {
	s, _ := fresh(t)
	w, e := newWriter(t, s), exponentialTimer(version("1"), "e")
	far := []float64{1e-9, 1e9}
	for _, x := range far {
		record(t, w, recording.Change{Series: e, Delta: exponentialOf([]float64{x}, series.MaxScale)})
	}
	want := exponentialOf(far, series.MaxScale)
	if got := points(submit(t, s)[0])["e{}"]; !got.Equal(want) {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestTwoGoroutinesShareAStore(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			sub, err := s.Outbox().Begin(context.Background(), request(outbox.Delta))
			if err != nil {
				t.Error(err)
				return
			}
			for sub != nil {
				p, err := sub.Next(context.Background())
				if err != nil {
					t.Error(err)
				}
				if p == nil {
					break
				}
				if _, err := sub.Settle(context.Background(), p, accepted); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for range 200 {
		record(t, w, add(n, 1))
	}
	<-done
	submit(t, s)
	checkBalance(t, s, "n{}", wants{recorded: 200, accepted: 200})
}
