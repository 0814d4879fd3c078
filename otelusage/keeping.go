package otelusage

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// keeping is what a core knows of the Keeper of its series.
type keeping struct {
	// mu is held while a series begins to be kept, so that nobody counts in it
	// before. It is taken before the lock of the core.
	mu          sync.Mutex
	keeper      Keeper // nil: nothing is kept
	declaration Declaration

	// unreported says that the instruments could not be created. What the provider
	// does not report is not to be recovered either.
	unreported atomic.Bool
}

// keep begins to keep a series. k.mu is held.
func (k *keeping) keep(s *keptSeries, of Kept) error {
	if k.keeper == nil {
		return nil
	}
	of.Declaration = k.declaration
	read := of.Read
	of.Read = func(r *Reading) {
		if k.unreported.Load() {
			*r = Reading{Buckets: r.Buckets[:0]}
			return
		}
		read(r)
	}
	var changed func()
	err := safely(func() error {
		changed = k.keeper.Keep(of)
		return nil
	})
	if changed == nil {
		of.Gate.Disarm()
		if err != nil {
			return fmt.Errorf("keep %s %q: %w", k.declaration.Kind, k.declaration.Name+of.Suffix, err)
		}
		return nil
	}
	s.begin(changed)
	return nil
}

// keptSeries tells a Keeper of changes.
type keptSeries struct {
	changed atomic.Pointer[func()] // nil until the Keeper has the series
	missed  atomic.Bool            // a change came before that
}

func (s *keptSeries) begin(changed func()) {
	s.changed.Store(&changed)
	if s.missed.Load() {
		s.tell()
	}
}

// tell is called after a change that found the gate armed, while nothing is
// locked.
func (s *keptSeries) tell() {
	changed := s.changed.Load()
	if changed == nil {
		s.missed.Store(true)
		if changed = s.changed.Load(); changed == nil { // else begin may not have seen it
			return
		}
	}
	defer func() { _ = recover() }() // a Keeper that panics must not reach the application
	(*changed)()
}

// changes are series of which a Keeper is to be told when nothing is locked.
type changes []*keptSeries

func (c changes) tell() {
	for _, s := range c {
		s.tell()
	}
}

// lockedGate is the Gate of what a lock guards. A change looks at armed while it
// holds the lock.
type lockedGate struct {
	keptSeries
	mu    sync.Locker
	armed bool
}

func (g *lockedGate) Arm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = true
}

func (g *lockedGate) Disarm() (was bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was, g.armed = g.armed, false
	return was
}

func (g *lockedGate) Armed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.armed
}
