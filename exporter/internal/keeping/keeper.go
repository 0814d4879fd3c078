// Package keeping hands what trackables count to the journal of a process, as the
// series that a collection would find.
package keeping

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Keeper knows the series that trackables asked to be kept. Its methods may be called
// concurrently; on nil they do nothing.
type Keeper struct {
	learn func() // begins to find out the resource

	// mu is taken while trackables are locked, and never held while they are
	// collected.
	mu       sync.Mutex
	resource *series.Resource // nil until it is known; until then series wait
	journal  *recording.Journal
	metrics  map[string]*series.Metric
	list     []*kept
	unseen   []*kept         // of list: no collection had them yet
	refused  map[string]bool // names of metrics of which the journal does not take every series
	over     bool            // see GiveUp
	problems []error         // to be reported once nothing is locked
	now      func() time.Time
}

// kept is a series that a trackable asked to be kept.
type kept struct {
	of      otelusage.Kept
	series  *series.Series // nil until the resource is known
	counted time.Time      // of an unseen one, when a collection came after its first count
	slot    atomic.Pointer[recording.Slot]

	mu      sync.Mutex
	reading otelusage.Reading // reused
}

// New returns a Keeper of what is recorded under a resource. Where that is nil, learn
// is called once there is something to keep: it is to find it out, in another
// goroutine, for [Keeper.Learned].
func New(r *series.Resource, learn func()) *Keeper {
	return &Keeper{learn: learn, resource: r, metrics: make(map[string]*series.Metric), refused: make(map[string]bool), now: time.Now}
}

// Keep is otelusage.Keeper's. The trackable is locked.
func (k *Keeper) Keep(of otelusage.Kept) (changed func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return nil
	}
	if k.resource == nil && len(k.list) == 0 && k.learn != nil {
		k.learn()
	}
	one := &kept{of: of}
	k.list, k.unseen = append(k.list, one), append(k.unseen, one)
	k.add(one, recording.Value{})
	return one.changed
}

// changed tells the journal, if there is one at the time.
func (one *kept) changed() { one.slot.Load().Changed() }

// add gives a series its slot. The lock is held.
func (k *Keeper) add(one *kept, recorded recording.Value) {
	if k.resource == nil {
		return
	}
	if one.series == nil {
		one.series = &series.Series{Resource: k.resource, Metric: k.metric(&one.of), Attributes: one.of.Attributes}
	}
	if k.journal == nil {
		return
	}
	slot, err := k.journal.Add(recording.Kept{
		Series: one.series, State: one.isState(), Gate: one.of.Gate, Read: one.read, Recorded: recorded,
	})
	if err != nil {
		k.refused[one.series.Metric.Name] = true
		k.problems = append(k.problems, fmt.Errorf("not kept in a journal: %w", err))
		return
	}
	one.slot.Store(slot)
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

// isCounted reports whether a series is to be collected.
func (one *kept) isCounted() bool {
	var v recording.Value
	one.read(&v)
	return v.Int != 0 || v.Float != 0 || v.Count != 0 || v.Moves != 0
}

// metric returns the handle of an instrument, as a collection would find it.
func (k *Keeper) metric(of *otelusage.Kept) *series.Metric {
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

// Learned tells the resource under which is recorded, before anything is. Series that
// waited for it begin to be kept.
func (k *Keeper) Learned(r *series.Resource) {
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
		k.add(one, recording.Value{})
	}
}

// Use keeps everything in another journal, which may be nil. Recorded says what of a
// series is in the mirror.
func (k *Keeper) Use(j *recording.Journal, recorded func(*series.Series) recording.Value) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.journal = j
	clear(k.refused)
	for _, one := range k.list {
		one.slot.Store(nil)
		if j != nil && one.series != nil {
			k.add(one, recorded(one.series))
		}
	}
}

// IsOn reports whether series are to be kept.
func (k *Keeper) IsOn() bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.over
}

// IsRefused reports whether the journal does not take every series of a metric.
func (k *Keeper) IsRefused(name string) bool {
	if k == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refused[name]
}

// Uncollected returns a series that had counted something before the latest
// collection, and was in none; nil for none. A Timer is kept before it is reported,
// and its goroutine may stand still in between.
func (k *Keeper) Uncollected(collected func(*series.Series) bool) *series.Series {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unseen = slices.DeleteFunc(k.unseen, func(one *kept) bool { return one.series != nil && collected(one.series) })
	for _, one := range k.unseen {
		switch {
		case one.counted.IsZero():
			if one.series != nil && one.isCounted() {
				one.counted = k.now()
			}
		case one.of.Declaration.Kind != otelusage.KindTimer || k.now().Sub(one.counted) > standstill:
			return one.series
		}
	}
	return nil
}

// standstill is longer than a goroutine stands still, but for a suspended machine, on
// which no time passes.
const standstill = 30 * time.Second

// GiveUp ends the keeping for good.
func (k *Keeper) GiveUp(reason error) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.list {
		one.slot.Store(nil)
	}
	k.over, k.journal, k.list, k.unseen = true, nil, nil, nil
	k.problems = append(k.problems, reason)
}

// Note adds what is to be reported.
func (k *Keeper) Note(err error) {
	if k == nil || err == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.problems = append(k.problems, err)
}

// TakeProblems returns what is to be reported, once.
func (k *Keeper) TakeProblems() []error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	problems := k.problems
	k.problems = nil
	return problems
}
