package localstore

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// release is what one version of an application counts.
type release struct {
	changes []recording.Change
	state   *series.Series
	in      string
}

func newRelease(v string) release {
	r := version(v)
	scope := scopeOfRelease(v)
	list := []recording.Change{
		add(statistic(r, "n"), 3), add(statistic(r, "n", attribute.String("via", "web")), 2),
		{Series: floatStatistic(r, "f"), Delta: series.Float64Value(0.5)}, {Series: timer(r, "t", timerBounds), Delta: observe(timerBounds, 0.5, 50)},
		add(sequence(r, "q"), 1), add(stateChanges(r, "s", stateOfRelease(v)), 1),
	}
	for _, c := range list[:2] {
		c.Series.Metric.Scope.Version = scope
	}
	return release{list, state(r, "s"), stateOfRelease(v)}
}

// scopeOfRelease changes now and then: a new version of this module.
func scopeOfRelease(v string) string { return "v" + v[:1] }

func stateOfRelease(v string) string { return []string{"on", "off"}[v[len(v)-1]%2] }

func (r release) record(t *testing.T, w *recording.Writer) {
	t.Helper()
	recordAll(t, w, recording.Recording{MaySend: true, Changes: r.changes, Moves: []recording.Move{{Series: r.state, State: r.in, Moved: true}}})
}

// seen is what people and destinations see of a mirror, but for versions.
func seen(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	for _, query := range []string{
		`SELECT group_concat(name || ' ' || value || ' ' || changed, ', ') FROM statistics`,
		`SELECT group_concat(name || ' ' || state || ' ' || since || ' ' || changes, ', ') FROM states`,
		`SELECT group_concat(name || ' ' || runs || ' ' || total_seconds, ', ') FROM timers`,
		`SELECT group_concat(name || ' ' || completions, ', ') FROM sequences`,
		`SELECT group_concat(metric || attributes || ' ' || n, ', ') FROM (SELECT metric, attributes, sum(exports) AS n
			FROM series_totals WHERE metric <> 'otelusage.active' GROUP BY metric, attributes ORDER BY metric, attributes)`,
	} {
		fmt.Fprintln(&b, text(t, s, query))
	}
	snap, err := s.Snapshot(t.Context(), snapshot.Query{Days: true, Moves: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range snap.Trackables {
		fmt.Fprintln(&b, x.Name, x.Total, x.Runs, x.Seconds, x.State, x.Changes, x.Recordings, x.Moves)
		days := make(map[string]float64) // what each added
		for _, series := range x.Series {
			before := 0.0
			for _, d := range append(series.Days, snapshot.Sample{At: series.UpdatedAt, Value: series.Recorded}) {
				days[d.At.Format("2006-01-02")+series.Metric.Name+series.Attributes] += d.Value.Float64() - before
				before = d.Value.Float64()
			}
		}
		fmt.Fprintln(&b, days)
	}
	p, err := s.Preview(t.Context(), outbox.Request{Forwarder: outbox.Cumulative, Merge: true})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&b, points(p.Parts[0]))
	if p, err = s.Preview(t.Context(), outbox.Request{Forwarder: outbox.Cumulative}); err != nil {
		t.Fatal(err)
	}
	totals := make(map[string]series.Value)
	for _, part := range p.Parts {
		for key, v := range points(part) {
			totals[key] = totals[key].Add(v)
		}
	}
	fmt.Fprintln(&b, totals)
	return b.String()
}

func TestFoldingFormerVersionsChangesNoTotal(t *testing.T) {
	if testing.Short() {
		t.Skip("records hundreds of times")
	}
	for _, forwarder := range []outbox.Forwarder{outbox.Delta, outbox.Cumulative, ""} {
		t.Run(string(forwarder), func(t *testing.T) {
			s, c := fresh(t, WithMaxSeries(20))
			w := newWriter(t, s)
			send := func() {
				if forwarder != "" {
					attemptWith(t, s, request(forwarder), always(accepted))
				}
			}
			for i := range 4 {
				r := newRelease(fmt.Sprint(i + 1))
				for range 5 {
					r.record(t, w)
					send()
					c.add(day)
				}
				if i == 2 {
					newRelease("1").record(t, w) // an old one comes back
					send()
				}
			}
			if forwarder == "" {
				setMode(t, s, consent.ModeLocal) // what waits is withheld, and so settled
			}
			send()
			c.add(27 * day)
			for fold := range 2 {
				before, sums := seen(t, s), balances(t, s)
				if err := s.db.Update(s.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error { return s.recorder.FoldFormer(tx, "") }); err != nil {
					t.Fatal(err)
				}
				if after := seen(t, s); after != before {
					t.Errorf("fold %d:\n%s\nbefore:\n%s", fold, after, before)
				}
				for key, b := range balances(t, s) {
					if fmt.Sprint(b.Recorded, b.Accepted, b.Pending, b.Withheld) != fmt.Sprint(sums[key].Recorded, sums[key].Accepted, sums[key].Pending, sums[key].Withheld) {
						t.Errorf("balance of %s = %+v, was %+v", key, b, sums[key])
					}
				}
				expect(t, s, fmt.Sprint(2-fold), `SELECT count(DISTINCT resource) FROM series_totals WHERE metric <> 'otelusage.active'`)
				expect(t, s, "ok", `PRAGMA integrity_check`)
				c.add(5 * day) // the fourth is former, too
			}
			expect(t, s, "0", `SELECT count(*) FROM days WHERE series_id NOT IN (SELECT id FROM series)`)
			expect(t, s, "1", `SELECT count(*) FROM series_totals WHERE metric = 'n' AND attributes = '{}' AND resource = ?1`, mirrordb.FormerAttributes)
		})
	}
}

// An application that is released every ten days goes on counting each
// attribute, and a process that runs an old version counts on beside it.
func TestFormerVersionsDoNotUseUpTheBound(t *testing.T) {
	if testing.Short() {
		t.Skip("records hundreds of times")
	}
	s, c := fresh(t, WithMaxSeries(150))
	old := open(t, s.Path(), c, WithMaxSeries(150))
	w, wo := newWriter(t, s), newWriter(t, old)
	first := newRelease("0")
	first.record(t, wo)
	const versions = 60
	for i := range versions {
		r := newRelease(fmt.Sprint(i + 1))
		for range 5 {
			r.record(t, w)
			submit(t, s)
			c.add(2 * day)
		}
		if i%20 == 19 {
			first.record(t, wo)
		}
	}
	expect(t, s, "0", `SELECT count(*) FROM series WHERE attributes LIKE '%overflow%'`)
	checked := balances(t, s)
	if got, want := checked["n{}"].Recorded.Int64(), int64(3*(versions*5+4)); got != want {
		t.Errorf("recorded %d, want %d", got, want)
	}
	submit(t, s)
	if b := balances(t, s)["n{}"]; b.Accepted.Int64() != b.Recorded.Int64() {
		t.Errorf("recorded %s, accepted %s", b.Recorded, b.Accepted)
	}
	if got := balances(t, old)["t{}"].Recorded.Histogram().Count; got != 2*(versions*5+4) {
		t.Errorf("the timer ran %d times", got)
	}
}

// What waits, or is in flight, stays under the version that counted it.
func TestWhatIsNotSettledIsNotFolded(t *testing.T) {
	s, c := fresh(t, WithMaxSeries(6))
	w := newWriter(t, s)
	record(t, w, add(statistic(version("1"), "n"), 1))
	attemptWith(t, s, request(outbox.Delta), always(outbox.Outcome{Verdict: outbox.Transient}))
	record(t, w, add(statistic(version("2"), "n"), 1))
	c.add(40 * day)
	if err := s.db.Update(s.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error { return s.recorder.FoldFormer(tx, "") }); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "0", `SELECT count(*) FROM resources WHERE attributes = ?1`, mirrordb.FormerAttributes)
	checkBalance(t, s, "n{}", wants{recorded: 2, inFlight: 1, pending: 1})
}

// A total that somebody spoilt by hand keeps nobody from recording.
func TestWhatCannotBeReadIsNotFolded(t *testing.T) {
	c := newClock()
	s, err := Open(newPath(t), WithClock(c.now), WithMaxSeries(6))
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	w := newWriter(t, s)
	record(t, w, add(statistic(version("1"), "n"), 1), add(statistic(version("1"), "m"), 1))
	submit(t, s)
	execute(t, s, `UPDATE totals SET withheld = 'spoilt' WHERE series_id = (SELECT series_id FROM series_totals WHERE metric = 'n')`)
	c.add(40 * day)
	record(t, w, add(statistic(version("2"), "m"), 1))
	expect(t, s, "0", `SELECT count(*) FROM resources WHERE attributes = ?1`, mirrordb.FormerAttributes)
	expect(t, s, "2", `SELECT value FROM statistics WHERE name = 'm'`)
}

// A process that remembers rows which another folded makes them anew.
func TestRowsThatWereFoldedAreForgotten(t *testing.T) {
	s, c := fresh(t, WithMaxSeries(4))
	old := open(t, s.Path(), c)
	wo, in := newWriter(t, old), state(version("1"), "s")
	move(t, wo, in, "on")
	record(t, wo, add(statistic(version("1"), "n"), 1))
	submit(t, s)
	move(t, newWriter(t, s), state(version("2"), "s"), "off")
	submit(t, s)
	c.add(40 * day)
	if err := s.db.Update(s.db.Context(), mirrordb.Relaxed, func(tx *mirrordb.Tx) error { return s.recorder.FoldFormer(tx, "") }); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "1", `SELECT count(*) FROM resources WHERE attributes = ?1`, mirrordb.FormerAttributes)
	move(t, wo, in, "on")
	expect(t, s, "0", `SELECT count(*) FROM current_states WHERE series_id NOT IN (SELECT id FROM series)`)
	for _, part := range submit(t, s) {
		if serviceVersion(part) == "" {
			t.Errorf("sent under %v", part.Resource)
		}
	}
}
