package exporter

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// keeper keeps what the trackables count in a journal beside the mirror. Without
// [WithJournal] there is none: its methods do nothing on nil.
type keeper struct {
	learn func() // begins to find out the resource; nil where only a collection tells it

	// mu is taken while trackables are locked, and never held while they are
	// collected.
	mu       sync.Mutex
	asked    bool
	resource *series.Resource // nil until it is known; until then series wait
	journal  *recording.Journal
	metrics  map[string]*series.Metric
	list     []*kept
	unseen   []*kept         // of list: no collection had them yet
	refused  map[string]bool // names of metrics of which the journal takes a series not at all
	given    bool            // up: see giveUp
	problems []error         // to be reported once nothing is locked
}

// kept is a series that a trackable asked to be kept.
type kept struct {
	of     otelusage.Kept
	series *series.Series // nil until the resource is known
	slot   atomic.Pointer[recording.Slot]

	counted bool // before the latest collection, as far as is known; of an unseen one

	mu      sync.Mutex
	reading otelusage.Reading // reused
}

func newKeeper() *keeper {
	return &keeper{metrics: make(map[string]*series.Metric), refused: make(map[string]bool)}
}

// keep implements otelusage.Keeper. The trackable is locked.
func (k *keeper) keep(of otelusage.Kept) (changed func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.given {
		return nil
	}
	one := &kept{of: of}
	k.list, k.unseen = append(k.list, one), append(k.unseen, one)
	k.add(one, recording.Kept{})
	if k.resource == nil && !k.asked && k.learn != nil {
		k.asked = true
		k.learn()
	}
	return one.changed
}

// changed tells the journal, if there is one at the time.
func (one *kept) changed() { one.slot.Load().Changed() }

// add gives a series its slot. K says what is recorded of it already. The lock is
// held.
func (k *keeper) add(one *kept, of recording.Kept) {
	if k.resource == nil {
		return
	}
	if one.series == nil {
		one.series = &series.Series{Resource: k.resource, Metric: k.metric(&one.of), Attributes: one.of.Attributes}
	}
	if k.journal == nil {
		return
	}
	of.Series, of.State, of.Gate, of.Read = one.series, one.isState(), one.of.Gate, one.read
	slot, err := k.journal.Add(of)
	if err != nil {
		k.refused[one.series.Metric.Name] = true
		k.problems = append(k.problems, fmt.Errorf("exporter: not kept in a journal: %w", err))
		return
	}
	one.slot.Store(slot)
}

// isCounted reports whether a series is to be collected.
func (one *kept) isCounted() bool {
	var v recording.Value
	one.read(&v)
	return v.Int != 0 || v.Float != 0 || v.Count != 0 || v.Moves != 0
}

func (one *kept) isState() bool {
	return one.of.Declaration.Kind == otelusage.KindState && one.of.Suffix == ""
}

// read is called by the journal.
func (one *kept) read(v *recording.Value) {
	one.mu.Lock()
	defer one.mu.Unlock()
	r := &one.reading
	one.of.Read(r)
	switch {
	case one.isState():
		v.State, v.Moves = r.State, r.Moves
	case one.of.Suffix != "":
		v.Int = r.Int
	case one.of.Declaration.Kind == otelusage.KindTimer:
		v.Count, v.Float, v.Buckets = r.Count, r.Sum, append(v.Buckets[:0], r.Buckets...)
	default:
		v.Int, v.Float = r.Int, r.Float
	}
}

// metric returns the handle of an instrument, as a collection would find it.
func (k *keeper) metric(of *otelusage.Kept) *series.Metric {
	d := &of.Declaration
	name := d.Name + of.Suffix
	if m := k.metrics[name]; m != nil {
		return m
	}
	m := &series.Metric{
		Scope: &series.Scope{Name: otelusage.ScopeName, Version: otelusage.Version,
			Attributes: attribute.NewSet(otelusage.KindKey.String(d.Kind.String()))},
		Name: name, Description: d.Description, Type: series.TypeSum, Monotonic: true,
	}
	switch {
	case of.Suffix != "":
	case d.Kind == otelusage.KindStatistic:
		m.Unit, m.Monotonic, m.Float = d.Unit, d.Monotonic, d.Float
	case d.Kind == otelusage.KindState:
		m.Type, m.Monotonic = series.TypeGauge, false
	case d.Kind == otelusage.KindTimer:
		m.Type, m.Monotonic, m.Unit, m.Float, m.Bounds = series.TypeHistogram, false, "s", true, otelusage.TimerBoundaries()
	}
	k.metrics[name] = m
	return m
}

// learned is told the resource under which is recorded. Series that waited for it
// begin to be kept: nothing of them was recorded.
func (k *keeper) learned(r *series.Resource) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.resource != nil {
		return
	}
	k.resource = r
	for _, one := range k.list {
		k.add(one, recording.Kept{})
	}
}

// use keeps everything in another journal, which may be nil. recorded says what of a
// series is in the mirror.
func (k *keeper) use(j *recording.Journal, recorded func(*series.Series) recording.Value) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.journal = j
	clear(k.refused)
	for _, one := range k.list {
		one.slot.Store(nil)
		if j != nil && one.series != nil {
			k.add(one, recording.Kept{Recorded: recorded(one.series)})
		}
	}
}

// misses reports whether a series that was collected should be in the journal, and
// is not: the provider gives it another name or other attributes, or it was counted
// before there was a keeper.
func (k *keeper) misses(m *series.Metric) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.refused[m.Name]
}

// takeProblems returns what is to be reported.
func (k *keeper) takeProblems() []error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	problems := k.problems
	k.problems = nil
	return problems
}

// giveUp ends the keeping for good.
func (k *keeper) giveUp(reason error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.given, k.journal = true, nil
	k.problems = append(k.problems, reason)
	for _, one := range k.list {
		one.slot.Store(nil)
	}
	k.list, k.unseen = nil, nil
}

func (k *keeper) isKeeping() bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.given
}

// startJournal is called once, before a series can be kept.
func (e *Exporter) startJournal() {
	e.keeper = newKeeper()
	if e.config.resource != nil {
		e.keeper.resource = e.resourceFor(nil)
	} else {
		e.keeper.learn = func() {
			if r := e.reader.Load(); r != nil {
				go r.learn()
			}
		}
	}
	e.renewJournal()
	e.store.KeepWith(e.keeper.keep)
}

// renewJournal begins a journal where there is none: at the start, and once
// recording was switched on again, or the disk has room again. The caller holds the
// lock.
func (e *Exporter) renewJournal() {
	if !e.keeper.isKeeping() || e.unresolved != nil || e.writer.Journal() != nil {
		return
	}
	j, err := e.writer.Keep(recording.JournalConfig{})
	if err != nil {
		e.keeper.mu.Lock()
		e.keeper.problems = append(e.keeper.problems, fmt.Errorf("exporter: %w", err))
		e.keeper.mu.Unlock()
	}
	e.keeper.use(j, e.recorded)
}

// recorded returns what is in the mirror of a series that this run counts in.
func (e *Exporter) recorded(of *series.Series) recording.Value {
	s := e.streamOf(of)
	switch {
	case s == nil:
		return recording.Value{}
	case of.Metric.Type == series.TypeGauge:
		return recording.Value{Moves: s.moves}
	}
	return recording.ValueOf(s.committed)
}

// streamOf returns the stream of a series of this package's scope, nil before it was
// collected.
func (e *Exporter) streamOf(of *series.Series) *stream {
	m := of.Metric
	for _, known := range e.metrics[keyOf(of.Resource, m)] {
		if slices.Equal(known.handle.Bounds, m.Bounds) {
			return known.streams[of.Attributes.Equivalent()]
		}
	}
	return nil
}

var errNotAsDeclared = errors.New("exporter: no journal is kept: the provider collects other series than the trackables count, " +
	"because of its views, or because they counted before there was a ledger")

// check gives the journal up where a series was collected that it does not know: it
// would hold the same counts under another name, and a recovery would count them
// twice. The caller holds the lock.
func (c *collection) check(m *knownMetric) {
	if c.journal != nil && c.e.keeper.misses(m.handle) {
		c.giveUp(m.handle)
	}
}

func (c *collection) giveUp(of *series.Metric) {
	c.e.writer.DropJournal()
	c.e.keeper.giveUp(fmt.Errorf("%w: %q", errNotAsDeclared, of.Name))
	c.journal = nil
	for i := range c.recording.Changes {
		c.recording.Changes[i].Slot = nil
	}
	for i := range c.recording.Moves {
		c.recording.Moves[i].Slot = nil
	}
}

// checkUnseen gives the journal up where a series that had counted something before
// the latest collection was in none. The caller holds the lock.
func (c *collection) checkUnseen() {
	if c.journal == nil {
		return
	}
	missing := c.e.keeper.missing(func(of *series.Series) bool { return c.e.streamOf(of) != nil })
	if missing != nil {
		c.giveUp(missing.Metric)
	}
}

// missing returns a series that should have been collected, nil for none.
func (k *keeper) missing(collected func(*series.Series) bool) (missing *series.Series) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unseen = slices.DeleteFunc(k.unseen, func(one *kept) bool { return one.series != nil && collected(one.series) })
	for _, one := range k.unseen {
		if one.counted {
			return one.series
		}
		one.counted = one.series != nil && one.isCounted()
	}
	return nil
}

// learn finds the provider's resource: under which series are kept.
func (r *Reader) learn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.quit:
		return
	default:
	}
	r.exporter.learn(r)
}
