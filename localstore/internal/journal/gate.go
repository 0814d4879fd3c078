package journal

import "sync/atomic"

// Gate is beside a cell, or in it. While it is armed the next change is to call
// [Slot.Changed], after it changed the cell; otherwise a change needs no action:
// nobody keeps the cell, or a write of it is on its way, which arms the gate before
// it reads the cell. Its methods are called concurrently, while the journal is
// locked, and wait for nothing. With atomics, or one lock around the gate and the
// cell, no change is missed.
type Gate interface {
	Arm()
	Disarm() (was bool) // of concurrent calls one sees that it was armed
	Armed() bool
}

// Flag is a Gate of its own beside a cell that is an atomic, or has a lock. The
// zero value is not armed.
type Flag struct{ armed atomic.Uint32 }

// Arm calls for the next change.
func (f *Flag) Arm() { f.armed.Store(1) }

// Disarm takes that back.
func (f *Flag) Disarm() (was bool) { return f.armed.Load() != 0 && f.armed.CompareAndSwap(1, 0) }

// Armed costs one load.
func (f *Flag) Armed() bool { return f.armed.Load() != 0 }
