package otelusage

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Tracker holds the trackables of an application. The zero value declares and
// counts, unattached; [Tracker.Attach] connects it. A Tracker must not be
// copied. All methods are safe for concurrent use and on nil.
type Tracker struct {
	// declaring serialises declarations and Attach, which call the provider
	// and the ledger. It is taken before mu.
	declaring sync.Mutex

	// mu guards what follows up to runs. It is never held while other code is
	// called, so that an application's callbacks may use the tracker.
	mu         sync.Mutex
	byName     map[string]trackable
	former     formerNames
	names      metricNames
	connection *connection // nil until attached
	closed     bool
	runs       map[*Run]struct{}

	strict atomic.Bool // only what is declared is recorded
	rep    reporter
	now    func() time.Time // nil: time.Now
}

// New returns a Tracker that is attached. The Tracker is usable even with an
// error, which is that of [Tracker.Attach].
func New(opts ...Option) (*Tracker, error) {
	t := new(Tracker)
	return t, t.Attach(opts...)
}

// Attach connects the tracker to a MeterProvider and a Ledger, once. Counts made
// before are kept and reported, lifetimes are restored, and later declarations
// are connected at once. It returns [ErrAttached] when it was called before,
// [ErrClosed] after Close, or both. Otherwise it returns all errors so far,
// joined: declarations that were refused, lifetimes that could not be read,
// instruments that could not be created. Everything else is still connected.
func (t *Tracker) Attach(opts ...Option) error {
	if t == nil {
		return fmt.Errorf("attach: %w", errNilTracker)
	}
	c := newConfig(opts)
	t.declaring.Lock()
	t.mu.Lock()
	if t.connection != nil || t.closed {
		var err error
		if t.connection != nil {
			err = ErrAttached
		}
		if t.closed {
			err = errors.Join(err, ErrClosed)
		}
		t.mu.Unlock()
		t.declaring.Unlock()
		return fmt.Errorf("attach: %w", err)
	}
	e := &connection{registry: registryOf(c.provider), ledger: c.ledger}
	t.connection = e
	t.strict.Store(c.strict)
	t.mu.Unlock()
	early := t.rep.attach(c.handler)
	var failures []error
	for _, tr := range t.sorted() {
		if err := tr.connect(e); err != nil {
			failures = append(failures, err)
		}
	}
	changed := e.takeChanged()
	t.declaring.Unlock()
	changed.tell()
	t.rep.reportAll(errors.Join(failures...))
	return errors.Join(append(failures, early)...)
}

// Close stops the running timers, so that they are recorded. Counts stay in the
// MeterProvider, whose last collection reports them. Counting continues, but
// nothing new can be declared. Close is idempotent.
func (t *Tracker) Close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	t.closed = true
	runs := slices.Collect(maps.Keys(t.runs))
	t.mu.Unlock()
	for _, r := range runs {
		r.Stop()
	}
	return nil
}

// Reset forgets lifetimes and counts: every value is 0 again. A State keeps its
// value and forgets its changes. Running timers and sequences in progress
// continue. Cumulative values that were reported do not fall. Reset also affects
// other trackers on the same MeterProvider, because they share the counts.
func (t *Tracker) Reset() {
	if t == nil {
		return
	}
	for _, tr := range t.sorted() {
		tr.reset()
	}
}

// Err returns the errors so far, joined and once per cause; nil for none. At most
// 100 errors are kept.
func (t *Tracker) Err() error {
	if t == nil {
		return nil
	}
	return t.rep.err()
}

// All returns the trackables by kind, then by name. Bound ones and those whose
// declaration failed are not among them.
func (t *Tracker) All() iter.Seq[Trackable] {
	return func(yield func(Trackable) bool) {
		if t == nil {
			return
		}
		for _, tr := range t.sorted() {
			if !yield(tr) {
				return
			}
		}
	}
}

// Lookup returns the trackable of that name, in any case.
func (t *Tracker) Lookup(name string) (Trackable, bool) {
	if t == nil {
		return nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	tr, ok := t.byName[strings.ToLower(spaced(name))]
	return tr, ok
}

func (t *Tracker) sorted() []trackable {
	t.mu.Lock()
	list := make([]trackable, 0, len(t.byName))
	for _, tr := range t.byName {
		list = append(list, tr)
	}
	t.mu.Unlock()
	slices.SortFunc(list, func(a, b trackable) int {
		if d := a.Kind() - b.Kind(); d != 0 {
			return int(d)
		}
		return strings.Compare(a.about().key(), b.about().key())
	})
	return list
}

func (t *Tracker) isStrict() bool { return t != nil && t.strict.Load() }

// clock returns the time, with its monotonic reading.
func (t *Tracker) clock() time.Time {
	if t == nil || t.now == nil {
		return time.Now()
	}
	return t.now()
}
