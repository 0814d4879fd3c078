package localstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

func TestWhatBecomesOfAnOutcome(t *testing.T) {
	tests := []struct {
		outcome outbox.Outcome
		more    bool
		want    wants
		log     string
		retry   time.Duration // 0: none
	}{
		{accepted, true, wants{recorded: 5, accepted: 5}, "accepted 200 4 0 ", 0},
		{outbox.Outcome{Verdict: outbox.Partial, Status: 200, Rejected: 2, Reason: "old"}, true, wants{recorded: 5, partial: 5}, "partial 200 4 2 old", 0},
		{outbox.Outcome{Verdict: outbox.Transient, Status: 503, Reason: "busy"}, false, wants{recorded: 5, inFlight: 5}, "transient 503 4 0 busy", 5 * time.Second},
		{outbox.Outcome{Verdict: outbox.Transient, Status: 429, RetryAfter: 2 * time.Hour}, false, wants{recorded: 5, inFlight: 5}, "transient 429 4 0 ", 2 * time.Hour},
		{outbox.Outcome{Verdict: outbox.Transient, Status: 429, RetryAfter: 1 << 62}, false, wants{recorded: 5, inFlight: 5}, "transient 429 4 0 ", 24 * time.Hour},
		{outbox.Outcome{Verdict: outbox.Transient, RetryAfter: -time.Hour}, false, wants{recorded: 5, inFlight: 5}, "transient 0 4 0 ", 5 * time.Second},
		{outbox.Outcome{Verdict: outbox.Refused, Status: 401, Reason: "who?"}, false, wants{recorded: 5, inFlight: 5}, "refused 401 4 0 who?", 5 * time.Second},
		{outbox.Outcome{Verdict: outbox.Unknown, Status: 302}, false, wants{recorded: 5, inFlight: 5}, "unknown 302 4 0 ", 5 * time.Second},
		{outbox.Outcome{Verdict: "nonsense"}, false, wants{recorded: 5, inFlight: 5}, "nonsense 0 4 0 ", 5 * time.Second},
		{outbox.Outcome{Verdict: outbox.TooLarge, Status: 413}, true, wants{recorded: 5, inFlight: 5}, "split 413 4 0 ", 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.outcome), func(t *testing.T) {
			s, c := fresh(t)
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 5))
			sub := mustBegin(t, s)
			if more := settle(t, sub, next(t, sub), tt.outcome); more != tt.more {
				t.Errorf("more = %v", more)
			}
			checkBalance(t, s, "n{}", tt.want)
			expect(t, s, tt.log, `SELECT outcome || ' ' || coalesce(status, 0) || ' ' || points || ' ' || rejected || ' ' || reason FROM submissions`)
			p := cameTo(t, s, outbox.Delta)
			if tt.retry == 0 {
				if p.retryAt != 0 || p.failures != 0 {
					t.Errorf("progress = %+v", p)
				}
				return
			}
			if got := time.Duration(p.retryAt - c.now().UnixNano()); got != tt.retry || p.failures != 1 {
				t.Errorf("tried again after %v, %d failures, want %v", got, p.failures, tt.retry)
			}
			expect(t, s, "<nil>", `SELECT lease_token FROM mirror`)
			c.add(tt.retry - 1)
			if due(t, s, outbox.Delta) != nil {
				t.Error("due early")
			}
			c.add(1)
			if due(t, s, outbox.Delta) == nil {
				t.Error("not due")
			}
		})
	}
}

func TestBackoffGrowsWithFullJitterUpToTheInterval(t *testing.T) {
	random := 1.0
	s, c := fresh(t, WithRandom(func() float64 { return random }))
	// It is kept over restarts, and an accepted submission ends it.
	random = 1
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for i, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
		attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{Verdict: outbox.Transient, Status: 500 + i}))
		closeStore(t, s)
		s = open(t, s.Path(), c, WithRandom(func() float64 { return random }))
		expect(t, s, fmt.Sprint(c.now().Add(want).UnixNano()), `SELECT retry_at FROM forwarders`)
	}
	submit(t, s)
	expect(t, s, "0 0", `SELECT failures || ' ' || retry_at FROM forwarders`)
}

func TestARetryTimeThatAWrongClockWroteHoldsNothingBack(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	c.add(10 * 365 * day)
	attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{Verdict: outbox.Transient}))
	c.add(-10 * 365 * day)
	if due(t, s, outbox.Delta) == nil {
		t.Error("not due")
	}
}

func TestRepeatedFailuresAreOneRow(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for range 5 {
		attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{Verdict: outbox.Transient, Status: 503, Reason: "busy"}))
		c.add(time.Minute)
	}
	attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{Verdict: outbox.Transient, Status: 500, Reason: "busy"}))
	submit(t, s)
	expect(t, s, "transient 503 x5, transient 500 x1, accepted 200 x1",
		`SELECT group_concat(outcome || ' ' || status || ' x' || times, ', ') FROM submissions`)
}

func TestTheLogIsBounded(t *testing.T) {
	s, _ := fresh(t)
	execute(t, s, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO submission_log (forwarder, first_at, last_at, outcome) SELECT 'delta', i, i, 'accepted' FROM n`)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	submit(t, s)
	expect(t, s, "1000", `SELECT count(*) FROM submission_log`)
	expect(t, s, "5001", `SELECT max(id) FROM submission_log`)
}

func TestTheLastTwentyPayloadsAreKept(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	for range 30 {
		record(t, w, add(n, 1))
		submit(t, s)
	}
	expect(t, s, "20 11", `SELECT count(*) || ' ' || min(batch_id) FROM parts WHERE payload IS NOT NULL`)
	expect(t, s, "30", `SELECT count(*) FROM batches`)
}

// many are series of one metric; the first ones of them are named.
func many(r *series.Resource, n int) (changes []recording.Change) {
	for i := range n {
		changes = append(changes, add(statistic(r, "n", attribute.Int("i", i)), int64(i+1)))
	}
	return changes
}

// refusing refuses every part that holds one of the points.
func refusing(poison ...string) func(*series.Part) outbox.Outcome {
	return func(p *series.Part) outbox.Outcome {
		held := points(p)
		for _, key := range poison {
			if _, ok := held[key]; ok {
				return outbox.Outcome{Verdict: outbox.TooLarge, Status: 400, Reason: "poison"}
			}
		}
		return accepted
	}
}

func TestOnePoisonousPointIsAllThatRemains(t *testing.T) {
	s, c := fresh(t)
	w, r := newWriter(t, s), version("1")
	record(t, w, many(r, 16)...)
	const poison = `n{"i":11}`
	answer := refusing(poison)
	sent := attemptWith(t, s, request(outbox.Delta), answer)
	whole := sent[0]
	for _, p := range sent {
		if !p.Start.Equal(whole.Start) || !p.End.Equal(whole.End) || p.Resource != whole.Resource {
			t.Errorf("a half is sent as %s", wire(p))
		}
	}
	left := text(t, s, `SELECT group_concat(points || ' ' || refused) FROM parts WHERE state = 'sealed'`)
	if left != "1 1" {
		t.Errorf("left: %s", left)
	}
	checkBalance(t, s, poison, wants{recorded: 12, inFlight: 12})
	checkBalance(t, s, `n{"i":10}`, wants{recorded: 11, accepted: 11})
	if due(t, s, outbox.Delta) != nil {
		t.Error("no backoff after the refusal")
	}
	for range 8 {
		if sent := attemptWith(t, s, request(outbox.Delta), answer); len(sent) != 1 || len(points(sent[0])) != 1 {
			t.Fatalf("sent %d parts", len(sent))
		}
		c.add(time.Hour)
	}
	checkBalance(t, s, poison, wants{recorded: 12, inFlight: 12})
	attemptWith(t, s, request(outbox.Delta), answer)
	checkBalance(t, s, poison, wants{recorded: 12, setAside: 12})
	expect(t, s, "set aside: refused 10 times: poison", `SELECT outcome || ': ' || reason FROM submissions ORDER BY id DESC LIMIT 1`)
	if sent := attemptWith(t, s, request(outbox.Delta), answer); len(sent) != 0 {
		t.Errorf("sent %d parts more", len(sent))
	}
	record(t, w, many(r, 11)...)
	submit(t, s)
	checkBalance(t, s, `n{"i":10}`, wants{recorded: 22, accepted: 22})
	expect(t, s, "1", `SELECT count(*) FROM parts WHERE state = 'set aside' AND payload LIKE '%"i":11%'`)
}

func TestWhenNothingIsAcceptedTheWholeIsKept(t *testing.T) {
	for _, n := range []int{2, 3, 16, 40} {
		s, _ := fresh(t)
		record(t, newWriter(t, s), many(version("1"), n)...)
		var whole string
		for i := range 3 {
			sent := attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{Verdict: outbox.TooLarge, Status: 400, Reason: "never"}))
			if i == 0 {
				whole = wire(sent[0])
			}
			if len(sent) > 16 || wire(sent[0]) != whole {
				t.Errorf("%d points: sent %d parts", n, len(sent))
			}
			singles := 0
			for _, p := range sent {
				if p.Points() == 1 {
					singles++
				}
			}
			if singles != 2 {
				t.Errorf("%d points: tried %d single ones", n, singles)
			}
			expect(t, s, "sealed", `SELECT group_concat(state) FROM parts`)
			expect(t, s, fmt.Sprint(i+1), `SELECT failures FROM forwarders`)
		}
		sent := submit(t, s)
		if len(sent) != 1 || wire(sent[0]) != whole {
			t.Errorf("%d points: sent %d parts", n, len(sent))
		}
	}
}

// Wherever two bad points lie, they are all that is not accepted in the end.
func TestTwoPoisonousPointsBlockNothing(t *testing.T) {
	for _, bad := range [][2]int{{0, 1}, {0, 39}, {10, 30}, {38, 39}} {
		s, c := fresh(t)
		record(t, newWriter(t, s), many(version("1"), 40)...)
		poison := map[string]bool{fmt.Sprintf(`n{"i":%d}`, bad[0]): true, fmt.Sprintf(`n{"i":%d}`, bad[1]): true}
		for range 60 {
			attemptWith(t, s, request(outbox.Delta), func(p *series.Part) outbox.Outcome {
				for key := range points(p) {
					if poison[key] {
						return outbox.Outcome{Verdict: outbox.TooLarge, Status: 400, Reason: "bad point"}
					}
				}
				return accepted
			})
			c.add(time.Hour)
		}
		expect(t, s, "2", `SELECT count(*) FROM parts WHERE state = 'set aside'`)
		expect(t, s, "0", `SELECT count(*) FROM parts WHERE state = 'sealed'`)
	}
}

func TestTooLargeIsHalvedUntilItFits(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), many(version("1"), 37)...)
	var sum int64
	for range 2 { // attempts
		attemptWith(t, s, request(outbox.Delta), func(p *series.Part) outbox.Outcome {
			if p.Points() > 4 { // less than a quarter of it
				return outbox.Outcome{Verdict: outbox.TooLarge, Status: 413}
			}
			for key, v := range points(p) {
				if strings.HasPrefix(key, "n{") {
					sum += v.Int64()
				}
			}
			return accepted
		})
	}
	if want := int64(37 * 38 / 2); sum != want {
		t.Errorf("received %d, want %d", sum, want)
	}
	expect(t, s, "0", `SELECT count(*) FROM parts WHERE state = 'sealed'`)
}

// occupied sums what accepted submissions say of a State.
type occupied map[string]int64

func (o occupied) take(p *series.Part) {
	for key, v := range points(p) {
		if strings.HasPrefix(key, "mode.occupancy") {
			if o[serviceVersion(p)+key] += v.Int64(); o[serviceVersion(p)+key] == 0 {
				delete(o, serviceVersion(p)+key)
			}
		}
	}
}

func TestOccupancyAddsUpToWhereTheInstallationIs(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	sums := make(occupied)
	send := func(answer func(*series.Part) outbox.Outcome) {
		t.Helper()
		attemptWith(t, s, request(outbox.Delta), func(p *series.Part) outbox.Outcome {
			o := answer(p)
			if o.Verdict == outbox.Accepted || o.Verdict == outbox.Partial {
				sums.take(p)
			}
			return o
		})
		c.add(time.Minute)
	}
	settled := func(want string) {
		t.Helper()
		send(always(accepted))
		send(always(accepted))
		if len(sums) != 1 || sums[want] != 1 {
			t.Errorf("occupancy = %v, want %s", sums, want)
		}
	}
	mode := state(version("1"), "mode")
	move(t, w, mode, "a")
	settled(`1mode.occupancy{"state":"a"}`)
	move(t, w, mode, "b")
	move(t, w, mode, "c")
	settled(`1mode.occupancy{"state":"c"}`)

	// A change while a batch is under way, and a refusal.
	move(t, w, mode, "d")
	send(always(outbox.Outcome{Verdict: outbox.Transient}))
	move(t, w, mode, "e")
	settled(`1mode.occupancy{"state":"e"}`)

	// A restart with another version, which then changes the state.
	closeStore(t, s)
	s = open(t, s.Path(), c)
	w = newWriter(t, s)
	mode = state(version("2"), "mode")
	recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: mode, State: "", Moved: false}}, MaySend: true})
	settled(`2mode.occupancy{"state":"e"}`)
	move(t, w, mode, "f")
	send(always(outbox.Outcome{Verdict: outbox.Partial}))
	settled(`2mode.occupancy{"state":"f"}`)

	// A point that is refused until it is set aside.
	move(t, w, mode, "g")
	for range 12 {
		send(refusing(`mode.occupancy{"state":"g"}`))
	}
	settled(`2mode.occupancy{"state":"g"}`)

	// A state that was cleared.
	move(t, w, mode, "")
	send(always(accepted))
	if len(sums) != 0 {
		t.Errorf("occupancy of no state = %v", sums)
	}

	// Without consent the installation stays where it was.
	move(t, w, mode, "h")
	settled(`2mode.occupancy{"state":"h"}`)
	setMode(t, s, consent.ModeLocal)
	move(t, w, mode, "secret")
	setMode(t, s, consent.ModeOn)
	settled(`2mode.occupancy{"state":"h"}`)
}
