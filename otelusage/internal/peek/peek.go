// Package peek lets otelusagetest see every series of a tracker, and begin it
// anew, without exported methods for it. Package otelusage sets its variables.
package peek

import "time"

// Measure is what one series holds.
type Measure struct {
	Kind  Kind
	Count int64         // of a Statistic, completions of a Sequence, runs of a Timer
	Float float64       // of a FloatStatistic
	Total time.Duration // of a Timer's runs
	State string        // "" for none
}

// Kind is what a Measure holds.
type Kind int

// The kinds of measures.
const (
	Statistic Kind = iota
	FloatStatistic
	State
	Timer
	Sequence
)

// Measures returns what an *otelusage.Tracker holds, by name and attributes.
var Measures func(tracker any) map[string]Measure

// Text returns a Measure as people read it.
var Text func(Measure) string

// Restart brings an *otelusage.Tracker to where it was when its trackables were
// declared: counts are 0, States initial, Timers idle and Sequences at their
// beginning. What runs is not recorded.
var Restart func(tracker any)
