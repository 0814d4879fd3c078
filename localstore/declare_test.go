package localstore

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func declare(t testing.TB, s *Store, d otelusage.Declaration) otelusage.Lifetime {
	t.Helper()
	l, err := s.Declare(d)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func statisticDeclaration(name string) otelusage.Declaration {
	return otelusage.Declaration{Name: name, Kind: otelusage.KindStatistic}
}

// life shows a lifetime's series by their attributes.
func life(l otelusage.Lifetime) map[string]otelusage.SeriesLifetime {
	points := make(map[string]otelusage.SeriesLifetime)
	for _, x := range l.Series {
		key := series.EncodeAttributes(x.Attributes)
		x.Attributes = attribute.Set{}
		points[key] = x
	}
	return points
}

func checkLife(t *testing.T, l otelusage.Lifetime, want map[string]otelusage.SeriesLifetime) {
	t.Helper()
	got := life(l)
	if len(got) != len(want) {
		t.Errorf("lifetime has %d series, want %d: %v", len(got), len(want), got)
	}
	for key, w := range want {
		if g := got[key]; g.Int != w.Int || g.Float != w.Float || g.Count != w.Count {
			t.Errorf("lifetime of %s = %+v, want %+v", key, g, w)
		}
	}
}

func TestLifetimesOfAllKindsAddUpOverRunsAndVersions(t *testing.T) {
	c, path := newClock(), newPath(t)
	declarations := []otelusage.Declaration{
		{Name: "quests", Kind: otelusage.KindStatistic},
		{Name: "distance", Kind: otelusage.KindStatistic, Float: true, Unit: "km"},
		{Name: "difficulty", Kind: otelusage.KindState},
		{Name: "play_time", Kind: otelusage.KindTimer, Unit: "s"},
		{Name: "intro", Kind: otelusage.KindSequence, Checkpoints: []string{"A", "B"}},
	}
	for run, v := range []string{"1.0", "1.0", "1.1"} {
		s := open(t, path, c)
		lives := make([]otelusage.Lifetime, len(declarations))
		for i, d := range declarations {
			lives[i] = declare(t, s, d)
		}
		n := int64(run)
		if run == 0 {
			for i, l := range lives {
				if len(l.Series) > 0 || l.HasState || l.Changes > 0 {
					t.Errorf("first lifetime of %s = %+v", declarations[i].Name, l)
				}
			}
		} else {
			checkLife(t, lives[0], map[string]otelusage.SeriesLifetime{"{}": {Int: n, Float: float64(n)}, `{"via":"web"}`: {Int: 10 * n, Float: 10 * float64(n)}})
			checkLife(t, lives[1], map[string]otelusage.SeriesLifetime{"{}": {Int: n * 5 / 2, Float: 2.5 * float64(n)}})
			checkLife(t, lives[3], map[string]otelusage.SeriesLifetime{"{}": {Count: 2 * n, Float: 55 * float64(n)}})
			checkLife(t, lives[4], map[string]otelusage.SeriesLifetime{"{}": {Int: n, Float: float64(n)}})
			if l := lives[2]; !l.HasState || l.State != "hard" || l.Changes != n {
				t.Errorf("lifetime of the state = %+v", l)
			}
		}
		r := version(v)
		recordAll(t, newWriter(t, s), recording.Recording{
			Changes: []recording.Change{
				add(statistic(r, "quests"), 1),
				add(statistic(r, "quests", attribute.String("via", "web")), 10),
				{Series: floatStatistic(r, "distance"), Delta: series.Float64Value(2.5)},
				{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 5, 50)},
				add(sequence(r, "intro"), 1),
				add(stateChanges(r, "difficulty", "hard"), 1),
			},
			Moves:   []recording.Move{{Series: state(r, "difficulty"), State: "hard", Moved: true}},
			MaySend: true,
		})
		closeStore(t, s)
	}
}

func TestFloatLifetimesTruncateToWholeNumbers(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), recording.Change{Series: floatStatistic(version("1"), "n"), Delta: series.Float64Value(2.75)}, add(statistic(version("2"), "n"), 3))
	checkLife(t, declare(t, s, statisticDeclaration("n")), map[string]otelusage.SeriesLifetime{"{}": {Int: 5, Float: 5.75}})
}

func TestAClearedStateIsRemembered(t *testing.T) {
	s, _ := fresh(t)
	w, mode := newWriter(t, s), state(version("1"), "mode")
	move(t, w, mode, "on")
	move(t, w, mode, otelusage.NoState)
	if l := declare(t, s, otelusage.Declaration{Name: "mode", Kind: otelusage.KindState}); !l.HasState || l.State != otelusage.NoState {
		t.Errorf("lifetime = %+v", l)
	}
}

func TestANameOfAnotherKindStartsAnew(t *testing.T) {
	c, path := newClock(), newPath(t)
	s := open(t, path, c)
	declare(t, s, statisticDeclaration("save"))
	record(t, newWriter(t, s), add(statistic(version("1"), "save"), 7))
	closeStore(t, s)

	s = open(t, path, c)
	timing := otelusage.Declaration{Name: "save", Kind: otelusage.KindTimer, Unit: "s"}
	if l := declare(t, s, timing); len(l.Series) != 0 {
		t.Errorf("the timer's lifetime = %+v", l)
	}
	record(t, newWriter(t, s), recording.Change{Series: timer(version("2"), "save", timerBounds), Delta: observe(timerBounds, 5)})
	checkLife(t, declare(t, s, timing), map[string]otelusage.SeriesLifetime{"{}": {Count: 1, Float: 5}})
	checkLife(t, declare(t, s, statisticDeclaration("save")), map[string]otelusage.SeriesLifetime{"{}": {Int: 7, Float: 7}})
	expect(t, s, "7", `SELECT value FROM statistics WHERE name = 'save'`)
	expect(t, s, "1", `SELECT runs FROM timers WHERE name = 'save'`)
}

func TestDeclaredButUntouchedAppearsAfterClose(t *testing.T) {
	c, path := newClock(), newPath(t)
	s := open(t, path, c)
	for _, kind := range []otelusage.Kind{otelusage.KindStatistic, otelusage.KindState, otelusage.KindTimer, otelusage.KindSequence} {
		declare(t, s, otelusage.Declaration{Name: "idle", Kind: kind, Description: "Never used.", Checkpoints: []string{"A"}})
	}
	expect(t, s, "0", `SELECT count(*) FROM trackables`)
	closeStore(t, s)
	r := open(t, path, c, ReadOnly())
	for view, values := range map[string]string{"statistics": "value", "states": "changes", "timers": "runs", "sequences": "completions"} {
		expect(t, r, "idle 0 Never used. 2026-03-04T05:06:07Z",
			`SELECT name || ' ' || `+values+` || ' ' || description || ' ' || declared FROM `+view)
	}
}

func TestNamesCompareWithoutCase(t *testing.T) {
	c, path := newClock(), newPath(t)
	s := open(t, path, c)
	declare(t, s, statisticDeclaration("Searches"))
	record(t, newWriter(t, s), add(statistic(version("1"), "Searches"), 2))
	closeStore(t, s)
	s = open(t, path, c)
	checkLife(t, declare(t, s, statisticDeclaration("searches")), map[string]otelusage.SeriesLifetime{"{}": {Int: 2, Float: 2}})
	record(t, newWriter(t, s), add(statistic(version("1"), "searches"), 3))
	checkLife(t, declare(t, s, statisticDeclaration("SEARCHES")), map[string]otelusage.SeriesLifetime{"{}": {Int: 5, Float: 5}})
	expect(t, s, "Searches=5", `SELECT group_concat(name || '=' || value) FROM statistics`)
}

func TestADescriptionIsUpdated(t *testing.T) {
	c, path := newClock(), newPath(t)
	d := otelusage.Declaration{Name: "intro", Kind: otelusage.KindSequence, Description: "Old.", Checkpoints: []string{"A", "B"}}
	s := open(t, path, c)
	declare(t, s, d)
	closeStore(t, s)
	s = open(t, path, c)
	d.Description, d.Checkpoints = "New.", []string{"A", "<B>", "C"}
	declare(t, s, d)
	closeStore(t, s)
	s = open(t, path, c)
	expect(t, s, "New. A--><B>-->C", `SELECT description || ' ' || sequence FROM sequences`)
	declare(t, s, d)
	if s.ledger.HasDeclarations() {
		t.Error("what is known is written again")
	}
}

func TestADeclarationSeesThisRunsOwnRecordings(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	declare(t, s, statisticDeclaration("n"))
	for i := range int64(3) {
		record(t, w, add(n, 1))
		checkLife(t, declare(t, s, statisticDeclaration("n")), map[string]otelusage.SeriesLifetime{"{}": {Int: i + 1, Float: float64(i + 1)}})
	}
}

func TestHostileNamesAndValuesAreData(t *testing.T) {
	const hostile = `'; DROP TABLE totals; --"` + "`%s\x00\n?1"
	s, _ := fresh(t)
	d := otelusage.Declaration{Name: hostile, Kind: otelusage.KindSequence, Description: hostile, Unit: hostile, Checkpoints: []string{hostile}}
	declare(t, s, d)
	r := &series.Resource{Attributes: attribute.NewSet(attribute.String("service.name", hostile))}
	w := newWriter(t, s)
	mode := state(r, hostile)
	recordAll(t, w, recording.Recording{
		Changes: []recording.Change{add(sequence(r, hostile), 1), add(statistic(r, hostile, attribute.String(hostile, hostile)), 2)},
		Moves:   []recording.Move{{Series: mode, State: hostile, Moved: true}}, MaySend: true,
	})
	checkLife(t, declare(t, s, d), map[string]otelusage.SeriesLifetime{"{}": {Int: 1, Float: 1}})
	if l := declare(t, s, otelusage.Declaration{Name: hostile, Kind: otelusage.KindState}); l.State != hostile {
		t.Errorf("state = %q", l.State)
	}
	parts := submit(t, s)
	if len(parts) != 1 || points(parts[0])[hostile+".occupancy"+series.EncodeAttributes(attribute.NewSet(otelusage.StateKey.String(hostile)))].Int64() != 1 {
		t.Errorf("sent %q", wire(parts[0]))
	}
	if again := submit(t, s); len(again) != 0 {
		t.Errorf("sent again: %q", wire(again[0]))
	}
}

func TestAStateOfInvalidUTF8IsSentOnce(t *testing.T) {
	s, _ := fresh(t)
	w, mode := newWriter(t, s), state(version("1"), "mode")
	move(t, w, mode, "a\xffb")
	submit(t, s)
	if again := submit(t, s); len(again) != 0 {
		t.Errorf("sent again: %q", wire(again[0]))
	}
	if l := declare(t, s, otelusage.Declaration{Name: "mode", Kind: otelusage.KindState}); l.State != "a\uFFFDb" {
		t.Errorf("state = %q", l.State)
	}
}

func TestALongStateIsKeptWhole(t *testing.T) {
	s, _ := fresh(t)
	long := strings.Repeat("x", 1<<20)
	w, mode := newWriter(t, s), state(version("1"), "mode")
	move(t, w, mode, long)
	submit(t, s)
	if again := submit(t, s); len(again) != 0 {
		t.Error("sent again")
	}
	if l := declare(t, s, otelusage.Declaration{Name: "mode", Kind: otelusage.KindState}); l.State != long {
		t.Errorf("state of %d bytes", len(l.State))
	}
}

// TestADeclarationThatFindsADecision writes it into the mirror and goes on: both hold
// the mirror's lock and the ledger's.
func TestADeclarationThatFindsADecision(t *testing.T) {
	s, _ := fresh(t)
	if err := os.WriteFile(s.Path()+".consent", []byte("local\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	declared := make(chan error, 1)
	go func() {
		_, err := s.Declare(otelusage.Declaration{Name: "n", Kind: otelusage.KindStatistic})
		declared <- err
	}()
	select {
	case err := <-declared:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for itself")
	}
	expect(t, s, "1", `SELECT mode = 2 FROM mirror`)
}
