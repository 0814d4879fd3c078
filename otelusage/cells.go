package otelusage

import (
	"slices"
	"sync/atomic"
)

// cells are what one series counts in; they are summed. There is more than one
// where several trackers had counted before they were attached: a cell is never
// exchanged, so that Add needs no lookup. They are their own Gate.
type cells[N number, C cellOf[N]] struct {
	list atomic.Pointer[[]C]
	kept keptSeries
}

type intCells = cells[int64, *cell]

func (s *cells[N, C]) init(c C) { s.list.Store(&[]C{c}) }

func (s *cells[N, C]) first() C { return (*s.list.Load())[0] }

func (s *cells[N, C]) sum() N {
	var sum N
	for _, c := range *s.list.Load() {
		sum = plus(sum, c.load())
	}
	return sum
}

// join takes in the cells of another tracker. Calls are serialised. Where the
// series is kept, its Keeper is to be told.
func (s *cells[N, C]) join(other *cells[N, C], kept bool) {
	more := *other.list.Load()
	if kept {
		for _, c := range more {
			c.tellBy(&s.kept)
		}
	}
	all := slices.Concat(*s.list.Load(), more)
	s.list.Store(&all)
}

// keep begins to keep the series. k.mu is held.
func (s *cells[N, C]) keep(k *keeping, of Kept) error {
	if k.keeper == nil {
		return nil
	}
	for _, c := range *s.list.Load() {
		c.tellBy(&s.kept)
	}
	of.Gate, of.Read = s, s.read
	return k.keep(&s.kept, of)
}

func (s *cells[N, C]) read(r *Reading) {
	switch sum := any(s.sum()).(type) {
	case int64:
		r.Int = sum
	case float64:
		r.Float = sum
	}
}

// Arm arms all cells, among them those that join meanwhile.
func (s *cells[N, C]) Arm() {
	for {
		list := s.list.Load()
		for _, c := range *list {
			c.arm()
		}
		if s.list.Load() == list {
			return
		}
	}
}

func (s *cells[N, C]) Disarm() (was bool) {
	for _, c := range *s.list.Load() {
		if c.disarm() {
			was = true
		}
	}
	return was
}

func (s *cells[N, C]) Armed() bool {
	for _, c := range *s.list.Load() {
		if !c.isArmed() {
			return false
		}
	}
	return true
}
