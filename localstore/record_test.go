package localstore

import (
	"errors"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func TestACountIsSharedOnlyWithLeaveBeforeAndNow(t *testing.T) {
	tests := []struct {
		name          string
		before, now   bool // whether the process may send
		modes         []consent.Mode
		pending, kept int64
	}{
		{"always", true, true, nil, 1, 0},
		{"not before", false, true, nil, 0, 1},
		{"not now", true, false, nil, 0, 1},
		{"never", false, false, nil, 0, 1},
		{"enabled in between", true, true, []consent.Mode{consent.ModeOn}, 0, 1},
		{"disabled in between", true, true, []consent.Mode{consent.ModeLocal}, 0, 1},
		{"disabled and enabled in between", true, true, []consent.Mode{consent.ModeLocal, consent.ModeOn}, 0, 1},
		{"off and on in between", true, true, []consent.Mode{consent.ModeOff, consent.ModeOn}, 0, 1},
		{"off in between", true, true, []consent.Mode{consent.ModeOff}, 0, 0},
		{"set to what it was", true, true, []consent.Mode{consent.ModeUnset}, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := fresh(t)
			w, err := s.Writer(tt.before)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range tt.modes {
				setMode(t, s, m)
			}
			recordAll(t, w, recording.Recording{Changes: []recording.Change{add(statistic(version("1"), "n"), 1)}, MaySend: tt.now})
			checkBalance(t, s, "n{}", wants{recorded: tt.pending + tt.kept, pending: tt.pending, withheld: tt.kept})
		})
	}
}

func TestCountsAreSharedAgainAfterOneRecordingWithLeave(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	setMode(t, s, consent.ModeLocal)
	checkBalance(t, s, "n{}", wants{recorded: 1, withheld: 1})
	record(t, w, add(n, 10))
	setMode(t, s, consent.ModeOn)
	record(t, w, add(n, 100)) // counted in part without consent
	record(t, w, add(n, 1000))
	checkBalance(t, s, "n{}", wants{recorded: 1111, pending: 1000, withheld: 111})
	if err := s.RequireConsent(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkBalance(t, s, "n{}", wants{recorded: 1111, pending: 1000, withheld: 111})
}

func TestObservingLeaveCountsAsARecording(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	setMode(t, s, consent.ModeLocal)
	setMode(t, s, consent.ModeOn)
	if err := errors.Join(w.Notice(t.Context(), true), w.Observe(t.Context(), true)); err != nil {
		t.Fatal(err)
	}
	record(t, w, add(n, 1))
	checkBalance(t, s, "n{}", wants{recorded: 1, pending: 1})
}

func TestRequiredConsentWithholdsUntilItIsGiven(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	for range 2 {
		if err := s.RequireConsent(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	says, err := s.Consent(t.Context())
	if err != nil || !says.ShouldAsk || says.Sending || !says.Since.IsZero() {
		t.Errorf("consent = %+v, %v", says, err)
	}
	record(t, w, add(n, 1))
	checkBalance(t, s, "n{}", wants{recorded: 2, withheld: 2})
	closeStore(t, s)
	s = open(t, s.Path(), c)
	if err := s.Enable(t.Context()); err != nil {
		t.Fatal(err)
	}
	says, err = s.Consent(t.Context())
	if err != nil || says.ShouldAsk || !says.Sending || says.Mode != consent.ModeOn {
		t.Errorf("consent = %+v, %v", says, err)
	}
}

func TestOffRecordsNothingAndDropsWhatStraddlesIt(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	setMode(t, s, consent.ModeOff)
	record(t, w, add(n, 10))
	move(t, w, state(version("1"), "mode"), "on")
	setMode(t, s, consent.ModeOn)
	record(t, w, add(n, 100)) // counted in part while off
	record(t, w, add(n, 1000))
	checkBalance(t, s, "n{}", wants{recorded: 1001, pending: 1000, withheld: 1})
	expect(t, s, "0", `SELECT count(*) FROM states`)
}

func TestUnknownModesAreRefused(t *testing.T) {
	s, _ := fresh(t)
	for _, m := range []consent.Mode{-1, 4} {
		if err := s.SetMode(t.Context(), m); err == nil {
			t.Errorf("%v was set", m)
		}
	}
}

func TestCountsBeforeAnErasureAreDropped(t *testing.T) {
	for _, declared := range []bool{false, true} {
		s, _ := fresh(t)
		w, n := newWriter(t, s), statistic(version("1"), "n")
		execute(t, s, `UPDATE mirror SET erasures = 1, epoch = epoch + 1`)
		if declared {
			declare(t, s, statisticDeclaration("n"))
		}
		if err := w.Observe(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		record(t, w, add(n, 1))
		record(t, w, add(n, 10))
		checkBalance(t, s, "n{}", wants{recorded: 10, pending: 10})
	}
}

func TestHistoryIsARing(t *testing.T) {
	s, c := fresh(t, WithMaxRows(5), WithMaxRows(2, "Few"))
	w, many, few := newWriter(t, s), statistic(version("1"), "many"), statistic(version("1"), "few")
	mode := state(version("1"), "mode")
	for i := range int64(12) {
		record(t, w, add(many, 1), add(few, 1))
		move(t, w, mode, fmt.Sprint(i))
		c.add(time.Second)
	}
	const values = `SELECT group_concat(value) FROM (SELECT h.value FROM history h JOIN series s ON s.id = h.series_id
		JOIN metrics m ON m.id = s.metric_id WHERE m.name = ?1 ORDER BY h.at)`
	expect(t, s, "8,9,10,11,12", values, "many")
	expect(t, s, "11,12", values, "few")
	expect(t, s, "7,8,9,10,11", values, "mode")
}

func TestHistoryKeepsAtLeastOneRow(t *testing.T) {
	s, _ := fresh(t, WithMaxRows(-3))
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	record(t, w, add(n, 1))
	expect(t, s, "2", `SELECT group_concat(value) FROM history WHERE series_id = (SELECT s.id FROM series s JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'n')`)
}

const daysOfN = `SELECT group_concat(date(d.day * 86400, 'unixepoch') || '=' || d.value, ' ') FROM days d JOIN series s ON s.id = d.series_id
	JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'n' ORDER BY d.day`

func TestDaysKeepTheTotalTheyEndedWith(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	record(t, w, add(n, 1))
	expect(t, s, "<nil>", daysOfN)
	c.add(day)
	record(t, w, add(n, 1))
	expect(t, s, "2026-03-04=2", daysOfN)
	c.add(3 * day)
	record(t, w, add(n, 1))
	expect(t, s, "2026-03-04=2 2026-03-05=3", daysOfN)
	c.add(-2 * day) // the clock is set back
	record(t, w, add(n, 1))
	c.add(2 * day)
	record(t, w, add(n, 1))
	expect(t, s, "2026-03-04=2 2026-03-05=3 2026-03-06=5", daysOfN)
}

func TestDaysExpireAfter400(t *testing.T) {
	if testing.Short() {
		t.Skip("records hundreds of times")
	}
	for _, mode := range []consent.Mode{consent.ModeOn, consent.ModeLocal} {
		t.Run(mode.String(), func(t *testing.T) {
			s, c := fresh(t)
			setMode(t, s, mode)
			w, n := newWriter(t, s), statistic(version("1"), "n")
			record(t, w, add(n, 1))
			for range 405 {
				c.add(day)
				record(t, w, add(n, 1))
			}
			expect(t, s, "400", `SELECT count(*) FROM days d JOIN series s ON s.id = d.series_id JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'n'`)
		})
	}
}

const heartbeats = `SELECT coalesce(group_concat(period || ' ' || date, ', '), '') FROM (SELECT period, date FROM active ORDER BY date, period)`

func TestHeartbeatsCountOncePerPeriod(t *testing.T) {
	s, c := fresh(t)
	other := open(t, s.Path(), c)
	wa, wb := newWriter(t, s), newWriter(t, other)
	na, nb := statistic(version("1"), "n"), statistic(version("1"), "n")
	c.set(time.Date(2026, 2, 27, 23, 0, 0, 0, time.UTC)) // a Friday
	for range 6 * 4 {
		record(t, wa, add(na, 1))
		record(t, wb, add(nb, 1))
		c.add(6 * time.Hour)
	}
	expect(t, s, "month 2026-02-01, week 2026-02-23, day 2026-02-27, day 2026-02-28, day 2026-03-01, month 2026-03-01, "+
		"day 2026-03-02, week 2026-03-02, day 2026-03-03, day 2026-03-04, day 2026-03-05", heartbeats)
	sums := points(submit(t, s)[0])
	for key, want := range map[string]int64{
		`otelusage.active{"date":"2026-02-01","period":"month"}`: 1,
		`otelusage.active{"date":"2026-02-23","period":"week"}`:  1,
		`otelusage.active{"date":"2026-03-01","period":"day"}`:   1,
		`otelusage.active{"date":"2026-03-01","period":"month"}`: 1,
		`otelusage.active{"date":"2026-03-06","period":"day"}`:   0,
	} {
		if sums[key].Int64() != want {
			t.Errorf("%s = %s, want %d", key, sums[key], want)
		}
	}
}

func TestWithoutLeaveThereIsNoHeartbeat(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	recordAll(t, w, recording.Recording{Changes: []recording.Change{add(n, 1)}})
	setMode(t, s, consent.ModeLocal)
	record(t, w, add(n, 1))
	expect(t, s, "", heartbeats)
}

func TestAcceptedHeartbeatsExpire(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	submit(t, s)
	c.add(day)
	record(t, w, add(n, 1)) // this day's heartbeat is not accepted
	for _, pause := range []time.Duration{40 * day, 22 * day} {
		c.add(pause)
		record(t, w, add(n, 1))
	}
	// That they were counted is remembered.
	expect(t, s, "day 2026-03-04,day 2026-03-05,day 2026-04-14,day 2026-05-06", `SELECT group_concat(period || ' ' || date) FROM active WHERE period = 'day'`)
	const kept = `SELECT coalesce(group_concat(attributes ->> '$.date', ' '), '') FROM series_totals WHERE metric = 'otelusage.active' AND attributes ->> '$.period' = 'day'`
	expect(t, s, "2026-03-05 2026-04-14 2026-05-06", kept)
	for _, table := range []string{"history", "days"} {
		expect(t, s, "0", `SELECT count(*) FROM `+table+` WHERE series_id NOT IN (SELECT id FROM series)`)
	}
	expect(t, s, "0", `SELECT count(*) FROM series WHERE attributes ->> '$.date' = '2026-03-04'`)
	submit(t, s)
	for _, pause := range []time.Duration{40 * day, 22 * day} {
		c.add(pause)
		record(t, w, add(n, 1))
	}
	expect(t, s, "2026-06-15 2026-07-07", kept)
}

// A clock that is ten years ahead for a while takes no history with it, and a
// day counts once all the same.
func TestLeapOfTheClockExpiresNothing(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	for range 3 {
		record(t, w, add(n, 1))
		c.add(day)
	}
	record(t, w, add(n, 1))
	const days = `SELECT count(DISTINCT day) FROM days`
	expect(t, s, "3", days)
	c.add(3650 * day)
	record(t, w, add(n, 1))
	c.add(-3650 * day)
	record(t, w, add(n, 1))
	expect(t, s, "4", days)
	expect(t, s, "1", `SELECT recorded FROM series_totals WHERE metric = 'otelusage.active' AND attributes = '{"date":"2026-03-07","period":"day"}'`)
}

func TestSetsBeyondTheBoundOverflowExactly(t *testing.T) {
	s, c := fresh(t, WithMaxSeries(10))
	for range 2 {
		w, r := newWriter(t, s), version("1")
		var changes []recording.Change
		for i := range 100 {
			changes = append(changes, add(statistic(r, "n", attribute.Int("i", i)), int64(i)))
		}
		record(t, w, changes[:50]...)
		record(t, w, changes...)
		closeStore(t, s)
		s = open(t, s.Path(), c, WithMaxSeries(10))
	}
	var sum int64
	overflow := "n" + totals.OverflowAttributes
	for key, b := range balances(t, s) {
		if b.Name == "n" {
			sum += b.Recorded.Int64()
		}
		if key == overflow && b.Recorded.Int64() < 2*(49*50/2+99*100/2)*8/10 {
			t.Errorf("overflow = %s", b.Recorded)
		}
	}
	if want := int64(2 * (49*50/2 + 99*100/2)); sum != want {
		t.Errorf("sum = %d, want %d", sum, want)
	}
	// Beyond the bound lie the overflow series and the heartbeats.
	expect(t, s, "14", `SELECT count(*) FROM series`)
	if got := points(submit(t, s)[0])[overflow]; !got.Equal(balances(t, s)[overflow].Recorded) {
		t.Errorf("sent %s in the overflow series", got)
	}
}

func TestSaturatedCountsStayBalanced(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, math.MaxInt64))
	submit(t, s)
	record(t, w, add(n, 100))
	record(t, w, add(n, -7))
	checkBalance(t, s, "n{}", wants{recorded: math.MaxInt64 - 7, accepted: math.MaxInt64, pending: -7})
}

func TestNumbersThatAreNoneAreKeptOut(t *testing.T) {
	s, _ := fresh(t)
	w, r := newWriter(t, s), version("1")
	f, h := floatStatistic(r, "f"), timer(r, "t", timerBounds)
	g := &series.Series{Resource: r, Metric: &series.Metric{Scope: &series.Scope{Name: "app"}, Name: "g", Type: series.TypeGauge, Float: true}}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1} {
		recordAll(t, w, recording.Recording{
			Changes: []recording.Change{{Series: f, Delta: series.Float64Value(x)}, {Series: h, Delta: series.HistogramValue(&series.Histogram{Count: 1, Sum: x, Bounds: timerBounds, Buckets: []uint64{1, 0, 0, 0}})}},
			Gauges:  []recording.Gauge{{Series: g, Value: series.Float64Value(x)}}, MaySend: true,
		})
		sent := submit(t, s)
		if len(sent) != 1 {
			t.Fatalf("after %g: %d parts", x, len(sent))
		}
	}
	if got := balances(t, s)["t{}"].Recorded.Histogram().Count; got != 4 {
		t.Errorf("count = %d", got)
	}
}

func TestIdleExportsLeaveTheFileAlone(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	declare(t, s, statisticDeclaration("n"))
	record(t, w, add(n, 1))
	read := func() string {
		file, err := os.ReadFile(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		wal, err := os.ReadFile(s.Path() + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return string(file) + "|" + string(wal)
	}
	before := read()
	for range 100 {
		c.add(time.Second)
		if err := w.Observe(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if sub, err := s.Outbox().Begin(t.Context(), outbox.Request{Forwarder: outbox.Delta, MaySend: true, Interval: interval, Lease: time.Minute}); sub != nil || err != nil {
			t.Fatal(sub, err)
		}
		declare(t, s, statisticDeclaration("n"))
	}
	if read() != before {
		t.Error("the file was written")
	}
}

func gaugeOf(name string, r *series.Resource) *series.Series {
	return &series.Series{Resource: r, Metric: &series.Metric{Scope: &series.Scope{Name: "app"}, Name: name, Type: series.TypeGauge}}
}

func TestGaugesGoWithWhatIsDue(t *testing.T) {
	s, _ := fresh(t)
	w, r, other := newWriter(t, s), version("1"), version("2")
	g, h := gaugeOf("g", r), gaugeOf("h", other)
	recordAll(t, w, recording.Recording{Gauges: []recording.Gauge{{Series: g, Value: series.Int64Value(3)}, {Series: h, Value: series.Int64Value(4)}}, MaySend: true})
	record(t, w, add(statistic(r, "n"), 1))
	if got := points(submit(t, s)[0]); got["g{}"].Int64() != 3 {
		t.Errorf("sent %v", got)
	}
	record(t, w, add(statistic(r, "n"), 1))
	if got := points(submit(t, s)[0]); got["g{}"] != (series.Value{}) || len(got) != 1 {
		t.Errorf("an old gauge was sent: %v", got)
	}
	record(t, w, add(statistic(other, "n"), 1))
	if got := points(submit(t, s)[0]); got["h{}"].Int64() != 4 {
		t.Errorf("the gauge of a resource that had nothing to send is gone: %v", got)
	}
}

func TestStatesAreSharedAsTheyWereLastMovedWithLeave(t *testing.T) {
	s, _ := fresh(t)
	w, mode := newWriter(t, s), state(version("1"), "mode")
	move(t, w, mode, "a")
	recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: mode, State: "b", Moved: true}}})
	if l := declare(t, s, otelusage.Declaration{Name: "mode", Kind: otelusage.KindState}); l.State != "b" {
		t.Errorf("state = %q", l.State)
	}
	if got := points(submit(t, s)[0]); got[`mode{"state":"a"}`].Int64() != 1 || got[`mode.occupancy{"state":"a"}`].Int64() != 1 {
		t.Errorf("sent %v", got)
	}
	recordAll(t, w, recording.Recording{MaySend: true, Moves: []recording.Move{{Series: mode, State: "c", Moved: true}}}) // moved in part without consent
	if sent := submit(t, s); len(sent) != 0 {
		t.Errorf("sent %s", wire(sent[0]))
	}
	move(t, w, mode, "d")
	if got := points(submit(t, s)[0]); got[`mode{"state":"d"}`].Int64() != 1 || got[`mode.occupancy{"state":"a"}`].Int64() != -1 {
		t.Errorf("sent %v", got)
	}
}

func TestANewerVersionTakesAStateOver(t *testing.T) {
	s, _ := fresh(t)
	w := newWriter(t, s)
	move(t, w, state(version("1"), "mode"), "a")
	submit(t, s)
	mode := state(version("2"), "mode")
	for range 2 {
		recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: mode, State: "ignored", Moved: false}}, MaySend: true})
	}
	sent := submit(t, s)
	if len(sent) != 2 || serviceVersion(sent[0]) != "1" || serviceVersion(sent[1]) != "2" {
		t.Fatalf("sent %d parts", len(sent))
	}
	if got := points(sent[0]); got[`mode.occupancy{"state":"a"}`].Int64() != -1 || len(got) != 1 {
		t.Errorf("the old version says %v", got)
	}
	if got := points(sent[1]); got[`mode.occupancy{"state":"a"}`].Int64() != 1 || got[`mode{"state":"a"}`].Int64() != 1 {
		t.Errorf("the new version says %v", got)
	}
	if sent := submit(t, s); len(sent) != 0 {
		t.Errorf("sent %s", wire(sent[0]))
	}
}

// TestDecisionsInTheMirrorThatFollowsADamagedOne: what was counted before them
// is not sent, although both mirrors let everything be sent.
func TestDecisionsInTheMirrorThatFollowsADamagedOne(t *testing.T) {
	for decided, want := range map[bool]wants{false: {recorded: 1, pending: 1}, true: {recorded: 1, withheld: 1}} {
		s, c := fresh(t, WithErrorHandler(func(error) {}))
		other := open(t, s.Path(), c, WithErrorHandler(func(error) {}))
		w, n := newWriter(t, s), statistic(version("1"), "n")
		if place.OpenKeepsName { // nobody sets aside what is open
			leaveOpen(t, s)
		}
		setAsideByHand(t, other)
		if decided {
			setMode(t, other, consent.ModeLocal)
			setMode(t, other, consent.ModeOn)
			if err := s.db.View(s.db.Context(), func(*mirrordb.Tx) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 1)}, MaySend: true}); err != nil {
			t.Fatal(err)
		}
		checkBalance(t, s, "n{}", want)
	}
}

// leaveOpen makes a Store close its file, as if it had found it damaged.
func leaveOpen(t *testing.T, s *Store) {
	t.Helper()
	s.db.Lock()
	defer s.db.Unlock()
	s.db.Leave()
}

// setAsideByHand puts a fresh mirror in the place of s's file.
func setAsideByHand(t *testing.T, s *Store) {
	t.Helper()
	s.db.Lock()
	defer s.db.Unlock()
	s.db.Leave()
	if err := s.db.ReplaceDamaged(mirrordb.ErrCut); err != nil {
		t.Fatal(err)
	}
}
