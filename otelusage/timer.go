package otelusage

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
	"go.opentelemetry.io/otel/attribute"
)

// Timer measures how long a task takes. It is made by [Tracker.Timer] or
// [NewTimer], has a run of its own, and makes independent ones by
// [Timer.NewRun] and [Timer.Begin]. Durations come from the monotonic clock.
// All methods are safe for concurrent use and do nothing on nil.
type Timer struct {
	definition *definition
	base       *timerBindings
	set        attribute.Set
	series     atomic.Pointer[durationSeries]
	own        Run
}

// timerBindings are what the bound timers of one declaration share.
type timerBindings struct {
	mu        sync.Mutex
	durations *durations
	bound     byAttributes[Timer]
}

func newTimer(m *definition) *Timer {
	b := &timerBindings{durations: new(durations)}
	return b.bind(m, *attribute.EmptySet())
}

func (b *timerBindings) bind(m *definition, set attribute.Set) *Timer {
	b.mu.Lock()
	set, wrong := m.folding().set(set)
	bound := b.bindLocked(m, set)
	b.mu.Unlock()
	m.reportUndeclared(wrong)
	return bound
}

func (b *timerBindings) bindLocked(m *definition, set attribute.Set) *Timer {
	return b.bound.get(set, func(set attribute.Set) *Timer {
		t := &Timer{definition: m, base: b, set: set}
		t.own.timer = t
		t.series.Store(b.durations.get(set))
		return t
	})
}

func (t *Timer) ok() bool { return t != nil && t.definition != nil }

// Start begins the timer's own run. A paused run resumes; a running one
// continues.
func (t *Timer) Start() { t.run().Start() }

// Pause pauses the timer's own run. It does nothing unless the run is running.
func (t *Timer) Pause() { t.run().Pause() }

// Resume continues the timer's own run. It does nothing unless the run is paused.
func (t *Timer) Resume() { t.run().Resume() }

// Stop ends the timer's own run, records it and returns its duration. If it
// was not started, Stop returns 0 and records nothing.
func (t *Timer) Stop() time.Duration { return t.run().Stop() }

// Elapsed returns the duration of the timer's own run so far, without pauses;
// 0 where none was started.
func (t *Timer) Elapsed() time.Duration { return t.run().Elapsed() }

func (t *Timer) run() *Run {
	if !t.ok() {
		return nil
	}
	return &t.own
}

// NewRun returns an independent run that is not started.
func (t *Timer) NewRun() *Run {
	if !t.ok() {
		return nil
	}
	return &Run{timer: t}
}

// Begin returns an independent run that is started: defer t.Begin().Stop().
func (t *Timer) Begin() *Run {
	r := t.NewRun()
	r.Start()
	return r
}

// Record counts a run that took d. The context is not passed on, so that no
// trace id is recorded. A negative d is reported once and ignored.
func (t *Timer) Record(_ context.Context, d time.Duration) {
	if !t.ok() {
		return
	}
	if d < 0 {
		t.definition.report("negative", fmt.Errorf("record %v: %w: a duration is not negative", d, ErrInvalidValue))
		return
	}
	t.record(d)
}

func (t *Timer) record(d time.Duration) {
	for series := t.series.Load(); !series.record(d); {
		series = t.current()
	}
}

// current waits for an attachment that is under way, and returns the series
// that is then in place.
func (t *Timer) current() *durationSeries {
	t.base.mu.Lock()
	defer t.base.mu.Unlock()
	return t.series.Load()
}

func (t *Timer) measured() measured {
	if !t.ok() {
		return measured{}
	}
	return t.series.Load().measured()
}

// Total returns the time of all recorded runs of this attribute set, over all
// runs of the application. It saturates after 292 years.
func (t *Timer) Total() time.Duration { return t.measured().total }

// Count returns how many runs were recorded for this attribute set, over all
// runs of the application.
func (t *Timer) Count() int64 { return t.measured().count }

// Average returns [Timer.Total] divided by [Timer.Count], 0 when nothing was recorded.
func (t *Timer) Average() time.Duration {
	m := t.measured()
	if m.count == 0 {
		return 0
	}
	return m.total / time.Duration(m.count)
}

// With returns the Timer bound to the attributes it has and these. Equal
// attributes return the same Timer. It has a run, a count and a lifetime of its own.
// Beyond [MaxSeries] all share one overflow series.
func (t *Timer) With(attrs ...attribute.KeyValue) *Timer {
	if !t.ok() || len(attrs) == 0 {
		return t
	}
	set, dropped := mergeSet(t.set, attrs)
	if dropped {
		t.definition.report("attributes", fmt.Errorf("%w: an attribute without key or value was left out", ErrInvalidValue))
	}
	return t.base.bind(t.definition, set)
}

// Name returns the name under which the Timer is reported.
func (t *Timer) Name() string {
	if !t.ok() {
		return ""
	}
	return t.definition.name
}

// Kind returns [KindTimer].
func (t *Timer) Kind() Kind { return KindTimer }

// Description returns what [WithDescription] said.
func (t *Timer) Description() string {
	if !t.ok() {
		return ""
	}
	return t.definition.options().description
}

// String returns the name, the runs and their total: "play_time: 2 runs, 3
// hours".
func (t *Timer) String() string {
	if !t.ok() {
		return ""
	}
	return t.definition.name + label(t.set) + ": " + t.measured().text()
}

func (m measured) text() string {
	return plural(fmt.Sprint(m.count), "run") + ", " + FormatDuration(m.total)
}

func (t *Timer) sealed()            {}
func (t *Timer) about() *definition { return t.definition }
func (t *Timer) reset()             { t.series.Load().durations.reset() }

func (t *Timer) measure(yield func(label string, m peek.Measure)) {
	list := t.series.Load().durations.all()
	for _, s := range list {
		if m := s.measured(); s.set.Len() > 0 || m != (measured{}) || len(list) == 1 {
			yield(t.definition.name+label(s.set), peek.Measure{Kind: peek.Timer, Count: m.count, Total: m.total})
		}
	}
}

func (t *Timer) connect(to *connection) error {
	join := func(shared *durations, earlier earlierRuns) (*durations, changes, error) {
		return t.base.join(t.definition, shared, earlier)
	}
	return connect(to, t.definition, to.registry.timers, join, createTimer(t.definition))
}

// join makes the bound timers use shared, or their own durations where it is
// nil. What waits for the histogram of shared is recorded here; own durations
// keep it until they are connected. Own durations of what was not declared move to
// fresh ones.
func (b *timerBindings) join(m *definition, shared *durations, earlier earlierRuns) (*durations, changes, error) {
	b.mu.Lock()
	own, fold := b.durations, m.folding()
	lives, ledger := bySet(earlier.Series, fold, addRuns), earlier.known && earlier.ledger
	undeclared := fold.early(own.sets())
	if shared == nil && undeclared != nil {
		shared = new(durations)
		shared.get(*attribute.EmptySet())
	}
	if shared != nil {
		for _, s := range own.all() {
			shared.get(fold.recorded(s.set)) // so that it is kept before it counts
		}
	}
	own.mu.Lock()
	if shared == nil {
		own.restore(lives, ledger)
		own.mu.Unlock()
		b.mu.Unlock()
		return own, nil, nil
	}
	shared.mu.Lock()
	shared.restore(lives, ledger)
	to, changed := shared.merge(own, fold)
	histogram := shared.histogram
	shared.mu.Unlock()
	waiting := own.takePending(to)
	own.mu.Unlock()
	for _, bound := range b.bound.list {
		bound.series.Store(to[bound.series.Load()])
	}
	b.durations = shared
	b.mu.Unlock()
	replayAll(waiting, histogram)
	return shared, changed, undeclared
}
