package otelusage

import "go.opentelemetry.io/otel/attribute"

// Keeper is what a [Ledger] may be besides: it keeps counts outside the process,
// so that they survive its death.
//
// The first Keeper of a MeterProvider keeps all that is attached to the provider
// from then on, by whichever Tracker. What was attached before is not kept: nobody
// knows how much of it was collected already.
type Keeper interface {
	// Keep begins to keep a series, before anything of it can be collected. It
	// returns what is to be called after a change, nil where the series is not
	// kept. It is called while the trackable is locked: neither it nor what it
	// calls may use the Tracker. A series is kept once.
	//
	// Changed is called from any goroutine while nothing is locked. It must not
	// wait. Calls that come too often or late must do no harm.
	Keep(s Kept) (changed func())
}

// Kept is a series of an instrument.
type Kept struct {
	Declaration Declaration
	Suffix      string // what the instrument's name has behind that of the trackable, as [ChangesSuffix]
	Attributes  attribute.Set
	Gate        Gate

	// Read reads what this run counted. It may be called from any goroutine and
	// waits for no other code.
	Read func(*Reading)
}

// Gate says whether the next change of a series is to be told. A Keeper arms it
// before it reads the series; so it is told of what it did not read. Its methods
// may be called concurrently and wait for no other code.
type Gate interface {
	// Arm calls for the next change.
	Arm()

	// Disarm takes that back and reports whether the gate was armed, be it in
	// part. What it was armed for may have happened already: whoever disarms it
	// reads the series later.
	Disarm() (was bool)

	// Armed reports whether the gate is armed. A change of which nobody was told
	// yet may have happened.
	Armed() bool
}

// Reading is what a run counted in one series since it started. It has what the
// series' instrument reports; other fields are undefined.
type Reading struct {
	Int   int64   // of a Statistic, of a Sequence, of entries into a state
	Float float64 // of a FloatStatistic

	// Of a Timer: Buckets has one more element than [TimerBoundaries]. Its array is
	// used again.
	Count   uint64
	Sum     float64 // seconds
	Buckets []uint64

	// Of the gauge of a State, which is the series without a suffix: the state it is
	// in, and how often any was entered.
	State string
	Moves int64
}
