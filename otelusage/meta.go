package otelusage

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Trackable is what the four kinds have in common. It is sealed: only this
// package implements it. All methods are safe for concurrent use and on nil.
type Trackable interface {
	// Name returns the name under which the trackable is reported.
	Name() string

	// Kind returns its kind.
	Kind() Kind

	// Description returns what [WithDescription] said first.
	Description() string

	// String returns its name and what it holds, for people.
	String() string

	sealed()
}

// trackable is a Trackable as its Tracker sees it.
type trackable interface {
	Trackable
	about() *meta
	connect(e *env) error
	reset()
	values(yield func(label, value string))
}

// meta is what a declaration said. Bound trackables share their parent's.
type meta struct {
	name  string
	given string // lower case, spaces kept: "unit system" is not "unit_system"
	kind  Kind
	// float, monotonic and checkpoints never change after the declaration.
	float       bool
	monotonic   bool
	checkpoints []string

	tracker *Tracker
	rep     *reporter

	mu   sync.RWMutex // guards what a later declaration may add
	opts options
}

func (m *meta) key() string { return strings.ToLower(m.name) }

func (m *meta) options() options {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.opts
}

// report tells the tracker once per trackable and cause.
func (m *meta) report(cause string, err error) {
	if err != nil {
		m.rep.report(m.key()+" "+cause, fmt.Errorf("%s %q: %w", m.kind, m.name, err))
	}
}

// declaration returns what a Ledger is told.
func (m *meta) declaration() Declaration {
	o := m.options()
	return Declaration{
		Name: m.name, Kind: m.kind, Description: o.description, Unit: o.unit,
		Float: m.float, Monotonic: m.monotonic, Checkpoints: slices.Clone(m.checkpoints),
	}
}

// conflict returns why d cannot be the same trackable as m.
func (m *meta) conflict(d *meta) error {
	var what string
	mine, theirs := m.options(), d.options()
	switch {
	case m.given != d.given:
		what = fmt.Sprintf("it was spelled %q before", m.given)
	case m.kind != d.kind:
		what = fmt.Sprintf("it was a %s before", m.kind)
	case m.float != d.float:
		what = "it was declared with another number type before"
	case d.monotonic && !m.monotonic:
		what = "it was not monotonic before"
	case mine.unit != "" && theirs.unit != "" && mine.unit != theirs.unit:
		what = fmt.Sprintf("its unit was %q before", mine.unit)
	case !slices.Equal(m.checkpoints, d.checkpoints):
		what = "it had other checkpoints before"
	default:
		return nil
	}
	return fmt.Errorf("declare %s %q: %w: %s", d.kind, d.name, ErrConflict, what)
}

// adopt takes over what only the later declaration d gave, and returns what it
// said that is not kept. reported says that the instruments exist.
func (m *meta) adopt(d *meta, reported bool) (kept error) {
	theirs := d.options()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.opts.description == "":
		m.opts.description = theirs.description
	case theirs.description != "" && theirs.description != m.opts.description:
		kept = fmt.Errorf("declared again with another description, %q; kept %q", theirs.description, m.opts.description)
	}
	if m.opts.unit == "" && theirs.unit != "" {
		if reported {
			kept = fmt.Errorf("declared again with unit %q after it was reported without one", theirs.unit)
		} else {
			m.opts.unit = theirs.unit
		}
	}
	m.opts.keepRedundant = m.opts.keepRedundant || theirs.keepRedundant
	return kept
}
