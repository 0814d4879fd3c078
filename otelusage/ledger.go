package otelusage

import "go.opentelemetry.io/otel/attribute"

// Ledger remembers trackables across the runs of an application.
// *localstore.Store is one.
//
// A Tracker declares each of its trackables once. Implementations must be safe
// for concurrent use and must answer from memory after the first call: a
// declaration is part of an application's start.
type Ledger interface {
	// Declare registers a trackable, so that it is known before its first
	// use, and returns what earlier runs recorded for it: the zero Lifetime
	// when they recorded nothing. After an error the trackable still counts,
	// and its lifetime is unknown.
	Declare(d Declaration) (Lifetime, error)
}

// Declaration describes a trackable to a [Ledger].
type Declaration struct {
	Name        string
	Kind        Kind
	Description string
	Unit        string   // UCUM; "s" for a Timer
	Float       bool     // a FloatStatistic
	Monotonic   bool     // a Statistic that never goes down
	Checkpoints []string // of a Sequence, in order

	// RenamedFrom are the names that the trackable had in former releases. What
	// was recorded under them belongs to it. See [RenamedFrom].
	RenamedFrom []string
}

// Lifetime is what earlier runs recorded for a trackable.
type Lifetime struct {
	// Series holds a Statistic's totals, a Timer's runs or a Sequence's
	// completions, one entry per attribute set.
	Series []SeriesLifetime

	// State is the last state. HasState says whether one was ever recorded:
	// a State that was cleared has HasState and State == NoState.
	State    string
	HasState bool

	// Changes is how often a State was entered.
	Changes int64

	// Incomplete says that earlier runs recorded more that cannot be read yet.
	Incomplete bool
}

// SeriesLifetime is what earlier runs recorded for one attribute set.
type SeriesLifetime struct {
	Attributes attribute.Set
	Int        int64   // total of a Statistic; completions of a Sequence
	Float      float64 // total of a FloatStatistic; seconds of a Timer
	Count      int64   // runs of a Timer
}
