package otelusage

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/anonymoususage/anonymoususage-go/sequence"
)

// secret must not be told by anybody.
const secret = "/home/ada/thesis.tex"

func key(k, v string) attribute.KeyValue { return attribute.String(k, v) }

// untold fails where an error says what it must not.
func untold(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("an error tells the value: %v", err)
	}
}

// use counts in every kind, with what is declared and what is not.
func use(t *testing.T, tracker *Tracker, opts ...AttributeOption) {
	t.Helper()
	var numbers []StatisticOption
	var timers []TimerOption
	for _, o := range opts {
		numbers, timers = append(numbers, o), append(timers, o)
	}
	saves := must[*Statistic](t)(tracker.Statistic("saves", numbers...))
	gold := must[*FloatStatistic](t)(tracker.FloatStatistic("gold", numbers...))
	work := must[*Timer](t)(tracker.Timer("work", timers...))
	for _, set := range [][]attribute.KeyValue{
		{key("format", "md")}, {key("format", secret)}, {key("format", secret+"2")}, {key("format", OtherValue)},
		{key("format", "md"), key(secret, "x")}, {key("user", secret)}, {attribute.Bool("night", true)}, {},
	} {
		saves.With(set...).Add(1)
		gold.With(set...).Add(1)
		work.With(set...).Record(t.Context(), time.Second)
	}
}

// TestOnlyDeclaredValues is over all kinds with attributes, counted before or after
// attaching, with and without DeclaredOnly.
func TestOnlyDeclaredValues(t *testing.T) {
	values, keys := WithValues("format", "md", "odt"), WithKeys("night", "user")
	for _, tt := range []struct {
		name   string
		opts   []AttributeOption
		strict bool
		want   map[string]int // of saves, by label
	}{
		{"anything", nil, false, map[string]int{"{format=md}": 1, "{format=" + secret + "}": 1, "{format=" + secret + "2}": 1, "{format=other}": 1,
			"{" + secret + "=x,format=md}": 1, "{user=" + secret + "}": 1, "{night=true}": 1, "": 1}},
		{"values", []AttributeOption{values}, false, map[string]int{"{format=md}": 1, "{format=other}": 3, "{" + secret + "=x,format=md}": 1,
			"{user=" + secret + "}": 1, "{night=true}": 1, "": 1}},
		{"keys", []AttributeOption{keys}, false, map[string]int{"{user=" + secret + "}": 1, "{night=true}": 1, "": 6}},
		{"values and keys", []AttributeOption{values, keys}, false, map[string]int{"{format=md}": 2, "{format=other}": 3, "{user=" + secret + "}": 1, "{night=true}": 1, "": 1}},
		{"strict, nothing", nil, true, map[string]int{"": 8}},
		{"strict, values", []AttributeOption{values}, true, map[string]int{"{format=md}": 2, "{format=other}": 3, "": 3}},
		{"strict, values and keys", []AttributeOption{values, keys}, true, map[string]int{"{format=md}": 2, "{format=other}": 3, "{user=other}": 1, "{night=true}": 1, "": 1}},
	} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprint(tt.name, " early ", early), func(t *testing.T) {
				s, h, tracker, k := newSDK(), new(handler), new(Tracker), &keeper{t: t}
				var opts []Option
				if tt.strict {
					opts = append(opts, DeclaredOnly())
				}
				attach := func() error {
					return tracker.Attach(append(opts, WithMeterProvider(s), WithErrorHandler(h.handle), WithLedger(k))...)
				}
				if !early {
					must[any](t)(nil, attach())
				}
				use(t, tracker, tt.opts...)
				if early {
					untold(t, attach())
				}
				want := make(map[string]string)
				for label, n := range tt.want {
					want["saves"+label], want["gold"+label] = fmt.Sprint(n), fmt.Sprint(n)
					want["work"+label] = fmt.Sprintf("%d in %ds", n, n)
				}
				assertPoints(t, s, want)
				assertKept(t, k, s)
				untold(t, tracker.Err())
				if wrong := len(tt.opts) > 0 || tt.strict; errors.Is(tracker.Err(), ErrUndeclared) != wrong {
					t.Errorf("error %v", tracker.Err())
				}
				if n := h.count(ErrUndeclared); early == false && n > 9 { // three of each trackable
					t.Errorf("%d reports: %v", n, h.errs)
				}
			})
		}
	}
}

// TestUndeclaredIsReportedOnceWithItsPlace: also for what is counted often.
func TestUndeclaredIsReportedOnceWithItsPlace(t *testing.T) {
	tracker, _, h := attached(t)
	saves := must[*Statistic](t)(tracker.Statistic("saves", WithValues("format", "md"), WithKeys()))
	theme := must[*State](t)(tracker.State("theme", NoState, WithStates("dark")))
	for i := range 3 {
		saves.With(key("format", secret)).Inc()
		saves.With(key(secret, "x")).Inc()
		theme.Set(fmt.Sprint(secret, i))
	}
	if len(h.errs) != 3 || h.count(ErrUndeclared) != 3 {
		t.Fatalf("reports %v", h.errs)
	}
	for i, want := range []string{`statistic "saves": undeclared value: a value of attribute "format" was recorded as "other", at `,
		`statistic "saves": undeclared value: an attribute whose key is not declared was left out, at `,
		`state "theme": undeclared value: a state was recorded as "other", at `} {
		if got := h.errs[i].Error(); !strings.HasPrefix(got, want) || !strings.Contains(got, "/declared_test.go:") {
			t.Errorf("report %q, want %q and the place", got, want)
		}
		untold(t, h.errs[i])
	}
}

// TestLifetimesOfUndeclaredSets continue where their counts go now: sums and Set
// come out right.
func TestLifetimesOfUndeclaredSets(t *testing.T) {
	lives := map[string]Lifetime{"n": {Series: []SeriesLifetime{
		lifetimeOf(2, key("format", "md")), lifetimeOf(30, key("format", secret)), lifetimeOf(400, key("format", OtherValue)), lifetimeOf(5000, key("user", secret)),
	}}}
	tracker, s, _ := attached(t, WithLedger(&ledger{lives: lives}), DeclaredOnly())
	n := must[*Statistic](t)(tracker.Statistic("n", WithValues("format", "md")))
	other := n.With(key("format", "docx"))
	if n.Value() != 5000 || other.Value() != 430 || n.With(key("format", "md")).Value() != 2 || n.Sum() != 5432 {
		t.Errorf("values %d, %d, sum %d", n.Value(), other.Value(), n.Sum())
	}
	other.Set(431)
	assertPoints(t, s, map[string]string{"n": "0", "n{format=md}": "0", "n{format=other}": "1"})
}

// TestSetsBeforeAttachingShareASeries: the last one wins, as it does in one series.
func TestSetsBeforeAttachingShareASeries(t *testing.T) {
	s, tracker := newSDK(), new(Tracker)
	n := must[*Statistic](t)(tracker.Statistic("n", WithUnit("By")))
	a, b := n.With(key("a", "1")), n.With(key("b", "1"))
	a.Set(5)
	b.Set(7)
	b.Add(1)
	lives := map[string]Lifetime{"n": {Series: []SeriesLifetime{lifetimeOf(100)}}}
	err := tracker.Attach(WithMeterProvider(s), WithErrorHandler(func(error) {}), WithLedger(&ledger{lives: lives}), DeclaredOnly())
	if want := `statistic "n": counted before attaching: undeclared value: attributes whose keys are not declared were left out`; !errors.Is(err, ErrUndeclared) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	a.Inc() // bound before, and counts on
	if n.Value() != 9 || a.Value() != 9 {
		t.Errorf("values %d, %d", n.Value(), a.Value())
	}
	assertPoints(t, s, map[string]string{"n": "-91"}) // from 100 to 9
}

func TestOnlyDeclaredStates(t *testing.T) {
	states := WithStates("dark", "light")
	for _, tt := range []struct {
		name    string
		initial string
		opts    []StateOption
		before  Lifetime
		set     []string
		want    string // the last state
		changes map[string]string
	}{
		{"declared", "dark", []StateOption{states}, Lifetime{}, []string{"light", "dark"}, "dark", map[string]string{"light": "1", "dark": "1"}},
		{"undeclared", NoState, []StateOption{states}, Lifetime{}, []string{secret, secret + "2", "dark"}, "dark", map[string]string{"other": "1", "dark": "1"}},
		{"each counts with KeepRedundant", NoState, []StateOption{states, KeepRedundant()}, Lifetime{}, []string{secret, secret + "2"}, "other", map[string]string{"other": "2"}},
		{"cleared", "dark", []StateOption{states}, Lifetime{}, []string{NoState}, NoState, map[string]string{"": "1"}},
		{"initial", secret, []StateOption{states}, Lifetime{}, nil, OtherValue, nil},
		{"too long", NoState, []StateOption{states}, Lifetime{}, []string{strings.Repeat("x", MaxTextLength+1)}, OtherValue, map[string]string{"other": "1"}},
		{"restored", "dark", []StateOption{states}, Lifetime{State: "light", HasState: true, Changes: 9}, nil, "light", nil},
		{"restored, undeclared", "dark", []StateOption{states}, Lifetime{State: secret, HasState: true, Changes: 9}, nil, OtherValue, map[string]string{"other": "1"}},
		{"restored as other", "dark", []StateOption{states}, Lifetime{State: OtherValue, HasState: true}, []string{secret}, OtherValue, nil},
		{"other is declared", OtherValue, []StateOption{WithStates(OtherValue, "dark")}, Lifetime{}, []string{"dark", OtherValue}, OtherValue, map[string]string{"dark": "1", "other": "1"}},
	} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprint(tt.name, " early ", early), func(t *testing.T) {
				s, tracker, k := newSDK(), new(Tracker), &keeper{t: t}
				k.lives = map[string]Lifetime{"theme": tt.before}
				opts := []Option{WithMeterProvider(s), WithErrorHandler(func(error) {}), WithLedger(k), DeclaredOnly()}
				if !early {
					must[any](t)(nil, tracker.Attach(opts...))
				}
				theme := must[*State](t)(tracker.State("theme", tt.initial, tt.opts...))
				for _, value := range tt.set {
					theme.Set(value)
				}
				if early {
					untold(t, tracker.Attach(opts...))
				}
				want := map[string]string{"theme": "0"}
				if tt.want != NoState {
					want = map[string]string{"theme{state=" + tt.want + "}": "1"}
				}
				for state, n := range tt.changes {
					want["theme.changes"+label(stateSet(state))] = n
				}
				assertPoints(t, s, want)
				assertKept(t, k, s)
				if got, _ := theme.Value(); got != tt.want {
					t.Errorf("state %q, want %q", got, tt.want)
				}
				untold(t, tracker.Err())
			})
		}
	}
}

// TestAStateWithoutStatesIsOther where only what is declared is recorded.
func TestAStateWithoutStatesIsOther(t *testing.T) {
	s, tracker := newSDK(), new(Tracker)
	early := must[*State](t)(tracker.State("early", "x"))
	early.Set(secret)
	early.Clear()
	early.Set(secret + "2")
	err := tracker.Attach(WithMeterProvider(s), WithErrorHandler(func(error) {}), DeclaredOnly())
	late, lateErr := tracker.State("late", NoState)
	for _, err := range []error{err, lateErr} {
		if !errors.Is(err, ErrUndeclared) || !strings.Contains(err.Error(), "WithStates") {
			t.Errorf("error %v", err)
		}
	}
	late.Set(secret)
	assertPoints(t, s, map[string]string{"early{state=other}": "1", "early.changes": "1", "early.changes{state=other}": "1",
		"late{state=other}": "1", "late.changes{state=other}": "1"})
}

func TestDeclarationsOfValues(t *testing.T) {
	type options struct {
		numbers []StatisticOption
		states  []StateOption
	}
	md, odt, closed := WithValues("format", "md"), WithValues("format", "odt"), WithKeys("via")
	for _, tt := range []struct {
		name          string
		first, second options
		want          string // of the second declaration; "" for none
	}{
		{"the same", options{numbers: []StatisticOption{WithValues("format", "md", "odt")}}, options{numbers: []StatisticOption{odt, md}}, ""},
		{"not given", options{numbers: []StatisticOption{md, closed}}, options{}, ""},
		{"given later", options{}, options{numbers: []StatisticOption{md, closed}}, ""},
		{"another key", options{numbers: []StatisticOption{md}}, options{numbers: []StatisticOption{WithValues("via", "web")}}, ""},
		{"other values", options{numbers: []StatisticOption{md}}, options{numbers: []StatisticOption{odt}}, `it had other values of attribute "format" before`},
		{"other keys", options{numbers: []StatisticOption{closed}}, options{numbers: []StatisticOption{WithKeys("by")}}, "it had other attribute keys before"},
		{"a key more", options{numbers: []StatisticOption{closed}}, options{numbers: []StatisticOption{md}}, "it had other attribute keys before"},
		{"closed later", options{numbers: []StatisticOption{md}}, options{numbers: []StatisticOption{closed}}, "it had other attribute keys before"},
		{"the same states", options{states: []StateOption{WithStates("a", "b")}}, options{states: []StateOption{WithStates("b"), WithStates("a")}}, ""},
		{"states later", options{states: []StateOption{}}, options{states: []StateOption{WithStates("b")}}, ""},
		{"other states", options{states: []StateOption{WithStates("a")}}, options{states: []StateOption{WithStates("b")}}, "it had other states before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			declare := func(tracker *Tracker, o options) (err error) {
				if tt.first.states != nil {
					_, err = tracker.State("n", NoState, o.states...)
				} else {
					_, err = tracker.Statistic("n", o.numbers...)
				}
				return err
			}
			provider := &noop.MeterProvider{}
			quiet := []Option{WithMeterProvider(provider), WithErrorHandler(func(error) {})}
			one, other := new(Tracker), new(Tracker)
			must[any](t)(nil, declare(one, tt.first))
			for name, err := range map[string]error{"one tracker": declare(one, tt.second),
				"two trackers": errors.Join(one.Attach(quiet...), other.Attach(quiet...), declare(other, tt.second))} {
				switch {
				case tt.want == "" && err != nil:
					t.Errorf("%s: %v", name, err)
				case tt.want != "" && (!errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "/declared_test.go:") < 2):
					t.Errorf("%s: error %v, want %q with both places", name, err, tt.want)
				}
			}
		})
	}
}

func TestRefusedDeclarationsOfValues(t *testing.T) {
	long := strings.Repeat("x", MaxTextLength+1)
	tracker := new(Tracker)
	_, noValues := tracker.Statistic("a", WithValues("format"))
	_, noKey := tracker.Timer("b", WithValues("", "md"))
	_, longKey := tracker.Timer("c", WithKeys(long))
	_, longValue := tracker.FloatStatistic("d", WithValues("format", long))
	_, noStates := tracker.State("e", NoState, WithStates())
	_, longState := tracker.State("f", NoState, WithStates("\xff"))
	for i, err := range []error{noValues, noKey, longKey, longValue, noStates, longState} {
		if !errors.Is(err, ErrInvalidValue) {
			t.Errorf("%d: error %v", i, err)
		}
	}
}

// TestValuesThatAreDeclaredLater apply from then on, also to a state that holds.
func TestValuesThatAreDeclaredLater(t *testing.T) {
	tracker, s, h := attached(t)
	theme := must[*State](t)(tracker.State("theme", NoState))
	theme.Set(secret)
	again := must[*State](t)(tracker.State("theme", NoState, WithStates("dark")))
	if again != theme || len(h.errs) != 1 || !strings.Contains(h.errs[0].Error(), "declared again at") {
		t.Errorf("reports %v", h.errs)
	}
	if value, _ := theme.Value(); value != OtherValue {
		t.Errorf("state %q", value)
	}
	assertPoints(t, s, map[string]string{"theme{state=other}": "1", "theme.changes{state=" + secret + "}": "1", "theme.changes{state=other}": "1"})
}

// TestBindingWhileAttaching never reports what is not declared, and loses nothing.
func TestBindingWhileAttaching(t *testing.T) {
	for range 50 {
		s, tracker := newSDK(), new(Tracker)
		n := must[*Statistic](t)(tracker.Statistic("n", WithValues("format", "md")))
		d := must[*Timer](t)(tracker.Timer("d"))
		state := must[*State](t)(tracker.State("s", NoState))
		var done sync.WaitGroup
		for i := range 4 {
			done.Go(func() {
				for j := range 20 {
					n.With(key("format", fmt.Sprint(i, j))).Inc()
					d.With(key("user", fmt.Sprint(i, j))).Record(t.Context(), time.Second)
					state.Set(fmt.Sprint(secret, i, j))
				}
			})
		}
		done.Go(func() {
			_ = tracker.Attach(WithMeterProvider(s), WithErrorHandler(func(error) {}), DeclaredOnly())
		})
		done.Wait()
		points := s.points(t)
		delete(points, "s.changes{state=other}") // how many is a matter of order
		want := map[string]string{"n": "0", "n{format=other}": "80", "d": "80 in 80s", "s{state=other}": "1"}
		if !maps.Equal(points, want) {
			t.Fatalf("points %v, want %v", points, want)
		}
	}
}

// TestUndeclaredCheckpointsAreNotTold where only what is declared may be.
func TestUndeclaredCheckpointsAreNotTold(t *testing.T) {
	tracker, _, h := attached(t, DeclaredOnly())
	trip := must[*Sequence](t)(tracker.Sequence("trip", []string{"a"}))
	trip.Hit(secret)
	trip.AdvanceTo(secret + "2")
	if len(h.errs) != 1 || h.count(sequence.ErrInvalidCheckpoint) != 1 || !strings.Contains(h.errs[0].Error(), "/declared_test.go:") {
		t.Errorf("reports %v", h.errs)
	}
	untold(t, tracker.Err())
}

// TestASecondTrackerFoldsIntoSharedCounts, which are kept by the first one's Keeper.
func TestASecondTrackerFoldsIntoSharedCounts(t *testing.T) {
	s, k := newSDK(), &keeper{t: t}
	first := must[*Tracker](t)(New(WithMeterProvider(s), WithErrorHandler(func(error) {}), WithLedger(k)))
	use(t, first, WithValues("format", "md"), WithKeys())
	theme := must[*State](t)(first.State("theme", NoState, WithStates("dark")))
	theme.Set("dark")
	second := new(Tracker)
	use(t, second) // without what the first one declares
	must[*State](t)(second.State("theme", NoState)).Set(secret)
	untold(t, second.Attach(WithMeterProvider(s), WithErrorHandler(func(error) {}), DeclaredOnly()))
	assertPoints(t, s, map[string]string{
		"saves": "11", "saves{format=md}": "2", "saves{format=other}": "3", "gold": "11", "gold{format=md}": "2", "gold{format=other}": "3",
		"work": "11 in 11s", "work{format=md}": "2 in 2s", "work{format=other}": "3 in 3s",
		"theme{state=other}": "1", "theme.changes{state=dark}": "1", "theme.changes{state=other}": "1",
	})
	assertKept(t, k, s)
}
