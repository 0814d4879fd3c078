package otelusage

import (
	"errors"
	"fmt"
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// connection is what a Tracker connects its trackables to.
type connection struct {
	registry *registry
	ledger   Ledger

	// changed are series that joined counts which are kept. The declaring lock of
	// the Tracker guards it.
	changed changes
}

// takeChanged returns what a Keeper is to be told of once nothing is locked.
func (to *connection) takeChanged() changes {
	if to == nil {
		return nil
	}
	changed := to.changed
	to.changed = nil
	return changed
}

// core is what the trackers of one MeterProvider share of a name: the counts
// that its instruments report.
type core interface {
	// keep is called once, with the registry locked, before there are instruments:
	// so nothing is collected of a series before it is kept. unreported is called
	// when they could not be created.
	keep(k Keeper, d Declaration) error
	unreported() changes

	// connected is called once, with the registry locked, when the instruments
	// were created or could not be. The core holds the registry from then on:
	// the callback of its instruments holds the core.
	connected(r *registry)
}

// earlierRuns is what the ledger says about the runs before this one.
type earlierRuns struct {
	Lifetime
	known  bool // false when the ledger failed
	ledger bool // there is one
}

// connect joins a trackable to the core that other trackers on the provider
// have for its name, or makes its own core that one. join makes the trackable
// use shared, or its own core where shared is nil, and returns the core in use.
// create creates the instruments of a core.
//
// The registry is locked throughout. So of two trackers that connect one name,
// the second finds a core that is complete. join comes before create: what was
// counted early is corrected before a callback can report it.
func connect[C core](to *connection, d *definition, cores map[string]C,
	join func(shared C, earlier earlierRuns) (C, changes, error), create func(metric.Meter, C) error) error {
	r := to.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.conflict(d); err != nil {
		return err
	}
	earlier, ledgerErr := to.declare(d)
	shared, found := cores[d.key()]
	mine, changed, joinErr := join(shared, earlier)
	to.changed = append(to.changed, changed...)
	if joinErr != nil {
		joinErr = fmt.Errorf("%s %q: %w", d.kind, d.name, joinErr)
	}
	var keepErr, createErr error
	if !found {
		cores[d.key()] = mine
		if keeper := r.keeperOf(to.ledger); keeper != nil {
			keepErr = mine.keep(keeper, d.declaration())
		}
		if err := r.report(d, func(m metric.Meter) error { return create(m, mine) }); err != nil {
			createErr = fmt.Errorf("report %s %q: %w", d.kind, d.name, err)
			to.changed = append(to.changed, mine.unreported()...)
		}
		mine.connected(r)
	}
	return errors.Join(ledgerErr, joinErr, keepErr, createErr)
}

// declare asks the ledger for the lifetime.
func (to *connection) declare(d *definition) (earlierRuns, error) {
	if to.ledger == nil {
		return earlierRuns{known: true}, nil
	}
	var life Lifetime
	err := safely(func() (err error) {
		life, err = to.ledger.Declare(d.declaration())
		return err
	})
	if err != nil {
		return earlierRuns{ledger: true}, &restoreError{d.kind, d.name, err}
	}
	return earlierRuns{Lifetime: life, known: true, ledger: true}, nil
}

// bySet adds up the lifetimes of each attribute set, as it is recorded now.
func bySet[V any](series []SeriesLifetime, fold folding, add func(V, SeriesLifetime) V) map[attribute.Distinct]V {
	lives := make(map[attribute.Distinct]V, len(series))
	for _, s := range series {
		set := fold.recorded(normalSet(s.Attributes))
		lives[set.Equivalent()] = add(lives[set.Equivalent()], s)
	}
	return lives
}

func addInt(sum int64, l SeriesLifetime) int64 { return plus(sum, l.Int) }

func addFloat(sum float64, l SeriesLifetime) float64 {
	if math.IsNaN(l.Float) || math.IsInf(l.Float, 0) {
		return sum
	}
	return plus(sum, l.Float)
}

func addRuns(sum measured, l SeriesLifetime) measured {
	return sum.plus(measured{l.Count, seconds(l.Float)})
}

// restoreError is reported once for all trackables with the same cause: a
// ledger that cannot be read fails for each of them.
type restoreError struct {
	kind Kind
	name string
	err  error
}

func (e *restoreError) Error() string {
	return fmt.Sprintf("restore %s %q: %v", e.kind, e.name, e.err)
}

func (e *restoreError) Unwrap() error { return e.err }
