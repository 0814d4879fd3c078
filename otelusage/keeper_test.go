package otelusage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// keeper is a Ledger that keeps in memory what it is told of. It writes as a
// journal does: it disarms the gate, and later arms it before it reads.
type keeper struct {
	ledger
	t      testing.TB
	keep   func(Kept) // called at the beginning of Keep, if any
	after  func(Kept) // called at its end, if any
	told   func()     // by changed, if any
	refuse bool
	late   bool // what changes waits for flush

	mu      sync.Mutex
	series  map[string]*keptHere
	waiting []*keptHere
	calls   atomic.Int64
}

type keptHere struct {
	Kept
	last Reading
}

func (k *keeper) Keep(s Kept) func() {
	if k.keep != nil {
		k.keep(s)
	}
	if k.refuse {
		s.Gate.Arm() // and forgets it
		return nil
	}
	name := s.Declaration.Name + s.Suffix + label(s.Attributes)
	k.mu.Lock()
	if k.series == nil {
		k.series = make(map[string]*keptHere)
	}
	if k.series[name] != nil {
		k.t.Errorf("%s is kept twice", name)
	}
	kept := &keptHere{Kept: s}
	k.series[name] = kept
	kept.write()
	k.mu.Unlock()
	if k.after != nil {
		k.after(s)
	}
	return func() {
		if k.told != nil {
			k.told()
		}
		k.calls.Add(1)
		if !s.Gate.Disarm() {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.late {
			k.waiting = append(k.waiting, kept)
			return
		}
		kept.write()
	}
}

func (s *keptHere) write() {
	s.Gate.Arm()
	s.Read(&s.last)
}

// flush writes what waits.
func (k *keeper) flush() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.waiting {
		s.write()
	}
	k.waiting = nil
}

// points are what was written last, as sdk.points has what is collected.
func (k *keeper) points() map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	points := make(map[string]string)
	for name, s := range k.series {
		r := s.last
		switch {
		case s.Declaration.Kind == KindTimer:
			if r.Count > 0 {
				points[name] = fmt.Sprintf("%d in %.9gs", r.Count, r.Sum)
			}
		case s.Declaration.Kind == KindState && s.Suffix == "":
			points[s.Declaration.Name+label(stateSet(r.State))] = map[bool]string{true: "0", false: "1"}[r.State == NoState]
		case s.Declaration.Kind == KindState && r.Int == 0: // it was not entered after all
		case s.Declaration.Float:
			points[name] = fmt.Sprint(r.Float)
		default:
			points[name] = fmt.Sprint(r.Int)
		}
	}
	return points
}

// assertKept compares what was written last with what the provider collects.
func assertKept(t testing.TB, k *keeper, s sdk) {
	t.Helper()
	kept, collected := k.points(), s.points(t)
	for name := range maps.Keys(collected) {
		if kept[name] != collected[name] {
			t.Errorf("%s: kept %q, collected %q", name, kept[name], collected[name])
		}
	}
	for name := range maps.Keys(kept) {
		if _, ok := collected[name]; !ok {
			t.Errorf("%s: kept %q, not collected", name, kept[name])
		}
	}
}

// all are trackables of every kind.
type all struct {
	count, down *Statistic
	float       *FloatStatistic
	state       *State
	timer       *Timer
	sequence    *Sequence
}

func allOf(t testing.TB, tracker *Tracker) all {
	t.Helper()
	return all{
		must[*Statistic](t)(tracker.Statistic("count", Monotonic(), WithUnit("By"))),
		must[*Statistic](t)(tracker.Statistic("down")),
		must[*FloatStatistic](t)(tracker.FloatStatistic("float")),
		must[*State](t)(tracker.State("state", "initial")),
		must[*Timer](t)(tracker.Timer("timer")),
		must[*Sequence](t)(tracker.Sequence("sequence", []string{"A", "B", "A"})),
	}
}

func (a all) use(attrs ...attribute.KeyValue) {
	a.count.Inc()
	a.count.With(attrs...).Add(3)
	a.down.Add(-4)
	a.down.Dec()
	a.down.With(attrs...).Add(math.MaxInt64)
	a.down.With(attrs...).Dec()
	a.float.Add(0.5)
	a.float.With(attrs...).Set(2.25)
	a.state.Set("x")
	a.state.Set("y")
	a.state.Set("x")
	a.state.Clear()
	a.timer.Record(context.Background(), time.Second)
	a.timer.With(attrs...).Record(context.Background(), time.Minute)
	a.sequence.AdvanceTo("B")
	a.sequence.Hit("A")
	a.sequence.NewRun().Hit("B")
}

func TestKeeperReadsWhatIsCollected(t *testing.T) {
	s, k := newSDK(), &keeper{t: t}
	tracker := new(Tracker)
	early := allOf(t, tracker)
	early.use(attribute.String("via", "early"))
	if err := tracker.Attach(WithMeterProvider(s), WithLedger(k)); err != nil {
		t.Fatal(err)
	}
	assertKept(t, k, s)

	early.use(attribute.String("via", "web"))
	assertKept(t, k, s)

	t.Run("set", func(t *testing.T) {
		early.down.Set(77)
		early.float.Set(-1)
		early.count.Set(1000)
		assertKept(t, k, s)
	})
	t.Run("second tracker", func(t *testing.T) {
		// Its ledger is none, but the provider's counts are kept.
		second := new(Tracker)
		more := allOf(t, second)
		more.use(attribute.String("via", "second"))
		if err := second.Attach(WithMeterProvider(s)); err != nil {
			t.Fatal(err)
		}
		assertKept(t, k, s)
		more.use(attribute.String("via", "web"))
		early.use(attribute.String("via", "second"))
		must[*Statistic](t)(second.Statistic("alone")).Inc()
		must[*Statistic](t)(tracker.Statistic("alone"))
		must[*Statistic](t)(tracker.Statistic("both")).Inc()
		must[*Statistic](t)(second.Statistic("both")).Inc()
		assertKept(t, k, s)
		if got := k.points()["alone"]; got != "1" {
			t.Errorf("kept %q of a tracker without a ledger", got)
		}
	})
	t.Run("redeclared", func(t *testing.T) {
		redundant := must[*State](t)(tracker.State("redundant", NoState, KeepRedundant()))
		must[*State](t)(tracker.State("redundant", "begins"))
		if got, _ := redundant.Value(); got != "begins" || redundant.Changes() != 1 {
			t.Errorf("%q, %d changes", got, redundant.Changes())
		}
		assertKept(t, k, s)
	})
	t.Run("reset", func(t *testing.T) {
		tracker.Reset()
		assertKept(t, k, s)
		early.use(attribute.String("via", "web"))
		assertKept(t, k, s)
	})
	t.Run("closed", func(t *testing.T) {
		early.timer.Start()
		_ = tracker.Close()
		assertKept(t, k, s)
		early.use(attribute.String("via", "closed"))
		assertKept(t, k, s)
	})
}

// TestKeeperIsToldWhatAnInstrumentIs names everything that identifies a series.
func TestKeeperIsToldWhatAnInstrumentIs(t *testing.T) {
	s, k := newSDK(), &keeper{t: t}
	tracker := must[*Tracker](t)(New(WithMeterProvider(s), WithLedger(k)))
	a := allOf(t, tracker)
	a.count.With(attribute.String("via", "web"))
	a.state.Set("x")
	want := map[string]Declaration{
		"count": {Kind: KindStatistic, Monotonic: true, Unit: "By"}, "count{via=web}": {Kind: KindStatistic, Monotonic: true, Unit: "By"},
		"down": {Kind: KindStatistic}, "float": {Kind: KindStatistic, Float: true}, "timer": {Kind: KindTimer, Unit: "s"},
		"state": {Kind: KindState}, "state.changes{state=x}": {Kind: KindState},
		"sequence": {Kind: KindSequence}, "sequence.checkpoints{checkpoint=A}": {Kind: KindSequence}, "sequence.checkpoints{checkpoint=B}": {Kind: KindSequence},
	}
	if len(k.series) != len(want) {
		t.Errorf("%d series are kept, want %d", len(k.series), len(want))
	}
	for name, w := range want {
		kept := k.series[name]
		if kept == nil {
			t.Errorf("%s is not kept", name)
			continue
		}
		if d := kept.Declaration; d.Kind != w.Kind || d.Monotonic != w.Monotonic || d.Float != w.Float || d.Unit != w.Unit {
			t.Errorf("%s is kept as %+v", name, d)
		}
	}
	a.timer.Record(context.Background(), 2*time.Hour)
	a.state.Set("y")
	if r := k.series["timer"].last; r.Count != 1 || len(r.Buckets) != len(TimerBoundaries())+1 || r.Buckets[bucketOf(7200)] != 1 {
		t.Errorf("timer has %+v", r)
	}
	if r := k.series["state"].last; r.State != "y" || r.Moves != 2 {
		t.Errorf("state has %+v", r)
	}
}

func TestOverflowIsKept(t *testing.T) {
	s, k := newSDK(), &keeper{t: t}
	tracker := must[*Tracker](t)(New(WithMeterProvider(s), WithLedger(k)))
	a := allOf(t, tracker)
	for i := range MaxSeries + 2 {
		a.count.With(attribute.Int("n", i)).Inc()
	}
	for i := range MaxSeries - 2 {
		a.state.Set(strconv.Itoa(i))
	}
	second := new(Tracker)
	more := must[*State](t)(second.State("state", NoState))
	for i := range 5 {
		more.Set("of the second " + strconv.Itoa(i))
	}
	if err := second.Attach(WithMeterProvider(s), WithLedger(k)); err != nil {
		t.Fatal(err)
	}
	assertKept(t, k, s)
	a.state.Set("further")
	more.Set("further still")
	assertKept(t, k, s)
	if got := k.points()["state.changes"+label(overflowSet)]; got != "5" {
		t.Errorf("%s entries into further states are kept, want 5", got)
	}
}

// TestKeepComesBeforeCollection collects whenever a series begins to be kept: of
// what was collected before, nobody knew how much the mirror has.
func TestKeepComesBeforeCollection(t *testing.T) {
	s, k := newSDK(), &keeper{t: t}
	k.keep = func(kept Kept) {
		name := kept.Declaration.Name + kept.Suffix + label(kept.Attributes)
		if got, ok := s.points(t)[name]; ok && got != "0" {
			t.Errorf("%s was collected as %s before it is kept", name, got)
		}
	}
	tracker, second := new(Tracker), new(Tracker)
	a, b := allOf(t, tracker), allOf(t, second)
	a.use(attribute.String("via", "web"))
	b.use(attribute.String("via", "second"))
	b.state.Set("of the second")
	for _, each := range []*Tracker{tracker, second} {
		if err := each.Attach(WithMeterProvider(s), WithLedger(k)); err != nil {
			t.Fatal(err)
		}
	}
	a.state.Set("new")
	a.use(attribute.String("via", "new"))
	assertKept(t, k, s)
}

// TestCountWhileKeepReturns counts when the Keeper has read the series and is not
// known yet.
func TestCountWhileKeepReturns(t *testing.T) {
	s, k, tracker := newSDK(), &keeper{t: t}, new(Tracker)
	a := allOf(t, tracker)
	k.after = func(kept Kept) {
		switch kept.Declaration.Kind {
		case KindStatistic:
			a.count.Inc()
			a.float.Inc()
		case KindTimer:
			a.timer.Record(context.Background(), time.Second)
		case KindSequence:
			a.sequence.Hit("A")
		}
	}
	if err := tracker.Attach(WithMeterProvider(s), WithLedger(k)); err != nil {
		t.Fatal(err)
	}
	assertKept(t, k, s)
}

// joiningCell is a cell while which is armed another one joins.
type joiningCell struct {
	cell
	join func()
}

func (c *joiningCell) arm() {
	c.cell.arm()
	if join := c.join; join != nil {
		c.join = nil
		join()
	}
}

func TestArmReachesACellThatJoins(t *testing.T) {
	var s, other cells[int64, *joiningCell]
	s.init(new(joiningCell))
	other.init(new(joiningCell))
	s.first().join = func() { s.join(&other, true) }
	if s.Arm(); !s.Armed() || !other.first().isArmed() {
		t.Error("the cell that joined is not armed")
	}
	if s.first().cell.disarm(); !s.Disarm() || s.Armed() {
		t.Error("a gate that is armed in part was not")
	}
}

// TestNoChangeIsMissed counts from many goroutines while a Keeper writes late, and
// while series, states and a tracker come along.
func TestNoChangeIsMissed(t *testing.T) {
	for round := range 10 {
		s, k := newSDK(), &keeper{t: t, late: true}
		tracker, second := new(Tracker), new(Tracker)
		a, b := allOf(t, tracker), allOf(t, second)
		done := make(chan struct{})
		var writers, flusher sync.WaitGroup
		flusher.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					k.flush()
				}
			}
		})
		for g := range 4 {
			writers.Go(func() {
				of := a
				if g%2 == 1 {
					of = b
				}
				for i := range 300 {
					of.use(attribute.Int("n", i%5+g))
					of.state.Set(strconv.Itoa(i % 40))
					of.count.Inc()
					of.down.Add(int64(i%7 - 3))
					if i%50 == 0 {
						of.down.Set(int64(i))
					}
				}
			})
		}
		for _, each := range []*Tracker{tracker, second} {
			if err := each.Attach(WithMeterProvider(s), WithLedger(k)); err != nil {
				t.Fatal(err)
			}
		}
		writers.Wait()
		close(done)
		flusher.Wait()
		k.flush()
		if assertKept(t, k, s); t.Failed() {
			t.Fatalf("in round %d", round)
		}
		for name, kept := range k.series {
			if !kept.Gate.Armed() {
				t.Errorf("%s: the next change is not told", name)
			}
		}
	}
}

// TestKeeperIsToldWhileNothingIsLocked uses everything when it is told of a change.
func TestKeeperIsToldWhileNothingIsLocked(t *testing.T) {
	s, k := newSDK(), &keeper{t: t}
	tracker, second := new(Tracker), new(Tracker)
	a, b := allOf(t, tracker), allOf(t, second)
	var within atomic.Bool
	k.told = func() {
		if !within.CompareAndSwap(false, true) {
			return
		}
		defer within.Store(false)
		for tr := range tracker.All() {
			_ = tr.String()
		}
		s.points(t)
		a.use(attribute.String("via", "told"))
		b.use(attribute.String("via", "told"))
		_, _ = tracker.Statistic("declared when told")
		_, _ = second.Statistic("declared when told")
	}
	a.use(attribute.String("via", "web"))
	b.use(attribute.String("via", "second"))
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for _, each := range []*Tracker{tracker, second} {
			if err := each.Attach(WithMeterProvider(s), WithLedger(k)); err != nil {
				t.Error(err)
			}
		}
		a.use(attribute.String("via", "web"))
		a.down.Set(5)
		a.float.Set(5)
		tracker.Reset()
		a.timer.Start()
		_ = tracker.Close()
	}()
	select {
	case <-finished:
	case <-time.After(time.Minute):
		t.Fatal("a Keeper that uses the tracker waits for ever")
	}
	if k.calls.Load() == 0 {
		t.Error("nothing was told")
	}
}

// TestWithoutKeeper counts as ever: without one, with one that keeps nothing, and
// with one that panics.
func TestWithoutKeeper(t *testing.T) {
	use := func(t *testing.T, opts ...Option) (all, sdk) {
		s := newSDK()
		tracker := new(Tracker)
		a := allOf(t, tracker)
		a.use(attribute.String("via", "web"))
		_ = tracker.Attach(append(opts, WithMeterProvider(s), WithErrorHandler(func(error) {}))...)
		a.use(attribute.String("via", "web"))
		return a, s
	}
	_, without := use(t)
	want := without.points(t)
	for name, l := range map[string]Ledger{
		"typed nil":     (*keeper)(nil),
		"a ledger only": &ledger{},
		"keeps nothing": &keeper{t: t, refuse: true},
		"panics":        &keeper{t: t, keep: func(Kept) { panic("in Keep") }},
		"panics later":  &keeper{t: t, told: func() { panic("in changed") }},
	} {
		t.Run(name, func(t *testing.T) {
			a, s := use(t, WithLedger(l))
			assertPoints(t, s, want)
			if k, _ := l.(*keeper); k != nil && k.told != nil {
				return
			}
			if !a.count.cell.isArmed() && !a.float.cell.isArmed() {
				return
			}
			t.Error("a gate is armed for nobody")
		})
	}
	if _, err := New(WithMeterProvider(newSDK()), WithLedger(&keeper{keep: func(Kept) { panic("in Keep") }})); err != nil {
		t.Errorf("without trackables: %v", err)
	}
	tracker := new(Tracker)
	must[*Statistic](t)(tracker.Statistic("count"))
	if err := tracker.Attach(WithErrorHandler(func(error) {}), WithMeterProvider(newSDK()), WithLedger(&keeper{keep: func(Kept) { panic("in Keep") }})); err == nil {
		t.Error("a Keeper that panics is not reported")
	}
}

// failingProvider creates no instruments.
type failingProvider struct{ noop.MeterProvider }

type failingMeter struct{ noop.Meter }

func (failingProvider) Meter(string, ...metric.MeterOption) metric.Meter { return failingMeter{} }

var errNoInstrument = errors.New("no instrument")

func (failingMeter) Int64ObservableCounter(string, ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return nil, errNoInstrument
}

func (failingMeter) Int64ObservableUpDownCounter(string, ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	return nil, errNoInstrument
}

func (failingMeter) Float64ObservableUpDownCounter(string, ...metric.Float64ObservableUpDownCounterOption) (metric.Float64ObservableUpDownCounter, error) {
	return nil, errNoInstrument
}

func (failingMeter) Int64ObservableGauge(string, ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	return nil, errNoInstrument
}

func (failingMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return nil, errNoInstrument
}

// TestWhatIsNotReportedIsNotKept neither: a recovery would report it.
func TestWhatIsNotReportedIsNotKept(t *testing.T) {
	k, tracker := &keeper{t: t}, new(Tracker)
	a := allOf(t, tracker)
	a.use(attribute.String("via", "web"))
	if err := tracker.Attach(WithErrorHandler(func(error) {}), WithMeterProvider(failingProvider{}), WithLedger(k)); !errors.Is(err, errNoInstrument) {
		t.Fatal(err)
	}
	a.use(attribute.String("via", "new"))
	for name, kept := range k.series {
		if r := kept.last; r.Int != 0 || r.Float != 0 || r.Count != 0 || r.Moves != 0 {
			t.Errorf("%s: kept %+v", name, r)
		}
	}
}

// TestResetWhileAttaching takes back what waited for the histogram.
func TestResetWhileAttaching(t *testing.T) {
	s, k, tracker := newSDK(), &keeper{t: t}, new(Tracker)
	timer := must[*Timer](t)(tracker.Timer("timer"))
	timer.Record(context.Background(), time.Second)
	k.keep = func(Kept) {} // locked: the Reset comes next
	d := timer.series.Load().durations
	if err := d.keep(k, Declaration{Name: "timer", Kind: KindTimer}); err != nil {
		t.Fatal(err)
	}
	tracker.Reset()
	timer.Record(context.Background(), 2*time.Second)
	d.histogram, _ = s.Meter("m").Float64Histogram("timer")
	d.connected(nil)
	assertKept(t, k, s)
}

func TestKeptCountsDoNotAllocate(t *testing.T) {
	k := &keeper{t: t}
	tracker := must[*Tracker](t)(New(WithMeterProvider(newSDK()), WithLedger(k)))
	a := allOf(t, tracker)
	for name, f := range map[string]func(){
		"Add": func() { a.count.Add(1) }, "Dec": func() { a.down.Dec() }, "FloatStatistic.Add": func() { a.float.Add(1) },
		"Hit": func() { a.sequence.Hit("A") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
