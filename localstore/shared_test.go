package localstore

import (
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

func TestACumulativeForwarderGetsWhatWasNotWithheld(t *testing.T) {
	s, c := fresh(t)
	w, r := newWriter(t, s), version("1")
	n, tm, mode := statistic(r, "n"), timer(r, "t", timerBounds), state(r, "mode")
	both := recording.Recording{Changes: []recording.Change{add(n, 1), {Series: tm, Delta: observe(timerBounds, 5)}}, Moves: []recording.Move{{Series: mode, State: "a", Moved: true}}, MaySend: true}
	recordAll(t, w, both)
	setMode(t, s, consent.ModeLocal)
	recordAll(t, w, both)
	record(t, w, add(statistic(r, "secret"), 1))
	setMode(t, s, consent.ModeOn)
	recordAll(t, w, both)
	recordAll(t, w, both)
	c.add(time.Minute)

	before := text(t, s, selectOutbox)
	for range 2 { // nothing changes what it gets
		sent := attemptWith(t, s, request(outbox.Cumulative), always(outbox.Outcome{Verdict: outbox.Transient}))
		got := points(sent[0])
		if len(sent) != 1 || got["n{}"].Int64() != 1 || !got["t{}"].Equal(observe(timerBounds, 5)) || got[`mode{"state":"a"}`].Int64() != 1 {
			t.Errorf("sent %s", wire(sent[0]))
		}
		if _, ok := got["secret{}"]; ok {
			t.Error("sent what was recorded without consent")
		}
		if !sent[0].Start.Equal(s.CreatedAt().Truncate(day)) || !sent[0].End.Equal(c.now()) {
			t.Errorf("sent [%v, %v)", sent[0].Start, sent[0].End)
		}
	}
	attemptWith(t, s, request(outbox.Cumulative), always(accepted))
	if after := text(t, s, selectOutbox); after != before {
		t.Errorf("the outbox changed from %s to %s", before, after)
	}
	if begin(t, s, request(outbox.Cumulative)) != nil {
		t.Error("due with nothing new")
	}
	submit(t, s)
	if begin(t, s, request(outbox.Cumulative)) != nil {
		t.Error("due after a delta submission")
	}
}

const selectOutbox = `SELECT (SELECT json_group_array(json_array(series_id, pending, withheld, accepted)) FROM totals)
	|| (SELECT count(*) FROM batches) || (SELECT count(*) FROM parts) || (SELECT count(*) FROM occupancy)
	|| (SELECT count(*) FROM forwarders WHERE kind = 'delta') || (SELECT sealed_until FROM mirror)`

func TestForwardersTakeTurnsWithoutGapOrDouble(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	var delta int64
	for i := range int64(5) {
		record(t, w, add(n, 1))
		delta += points(submit(t, s)[0])["n{}"].Int64()
		record(t, w, add(n, 1))
		sent := attemptWith(t, s, request(outbox.Cumulative), always(accepted))
		if got := points(sent[0])["n{}"].Int64(); got != 2*(i+1) {
			t.Errorf("total = %d, want %d", got, 2*(i+1))
		}
	}
	delta += points(submit(t, s)[0])["n{}"].Int64()
	if delta != 10 {
		t.Errorf("deltas = %d, want 10", delta)
	}
}

func TestSharedTotalsCountAsSentWhenEveryResourceWasAccepted(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1), add(statistic(version("2"), "n"), 2))
	answers := []outbox.Outcome{accepted, {Verdict: outbox.Transient, Status: 503}, accepted, accepted}
	answer := func(*series.Part) outbox.Outcome { o := answers[0]; answers = answers[1:]; return o }
	if sent := attemptWith(t, s, request(outbox.Cumulative), answer); len(sent) != 2 {
		t.Errorf("sent %d parts", len(sent))
	}
	if sent := attemptWith(t, s, request(outbox.Cumulative), answer); len(sent) != 2 {
		t.Errorf("sent %d parts again", len(sent))
	}
	if begin(t, s, request(outbox.Cumulative)) != nil {
		t.Error("due with nothing new")
	}
	expect(t, s, "cumulative 1 0", `SELECT kind || ' ' || accepted || ' ' || failures FROM forwarders`)
}

func TestWhatIsRecordedWhileTotalsAreSentIsDueAfterwards(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	sub := begin(t, s, request(outbox.Cumulative))
	p := next(t, sub)
	record(t, w, add(n, 1))
	settle(t, sub, p, accepted)
	if sent := attemptWith(t, s, request(outbox.Cumulative), always(accepted)); len(sent) != 1 || points(sent[0])["n{}"].Int64() != 2 {
		t.Errorf("sent %d parts", len(sent))
	}
}
