package otelusage

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
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
	about() *definition
	connect(e *connection) error
	reset()
	measure(yield func(label string, m peek.Measure))
}

// definition is what a declaration said. Bound trackables share their parent's.
type definition struct {
	name  string
	given string // lower case, spaces kept: "unit system" is not "unit_system"
	kind  Kind
	// float, monotonic and checkpoints never change after the declaration.
	float       bool
	monotonic   bool
	checkpoints []string
	at          callSite // of the first declaration

	tracker *Tracker
	rep     *reporter

	mu   sync.RWMutex // guards what a later declaration may add
	opts options
}

func (m *definition) key() string { return strings.ToLower(m.name) }

func (m *definition) options() options {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.opts
}

// report tells the tracker once per trackable and cause.
func (m *definition) report(cause string, err error) {
	if err != nil {
		m.rep.report(m.key()+" "+cause, fmt.Errorf("%s %q: %w", m.kind, m.name, err))
	}
}

// reportFirst is report for an error that is made only where nobody was told yet.
func (m *definition) reportFirst(cause string, err func() error) {
	if m.rep.knows(m.key() + " " + cause) {
		return
	}
	m.report(cause, err())
}

// declaration returns what a Ledger is told.
func (m *definition) declaration() Declaration {
	o := m.options()
	return Declaration{
		Name: m.name, Kind: m.kind, Description: o.description, Unit: o.unit,
		Float: m.float, Monotonic: m.monotonic, Checkpoints: slices.Clone(m.checkpoints),
		RenamedFrom: m.formerNames(),
	}
}

// conflict returns why d cannot be the same trackable as m.
func (m *definition) conflict(d *definition) error {
	mine, theirs := m.options(), d.options()
	switch {
	case m.given != d.given:
		return m.differs(d, fmt.Sprintf("it was spelled %q before", m.given))
	case m.kind != d.kind:
		return m.differs(d, fmt.Sprintf("it was a %s before", m.kind))
	case m.float != d.float:
		return m.differs(d, "it was declared with another number type before")
	case d.monotonic && !m.monotonic:
		return m.differs(d, "it was not monotonic before")
	case mine.unit != "" && theirs.unit != "" && mine.unit != theirs.unit:
		return m.differs(d, fmt.Sprintf("its unit was %q before", mine.unit))
	case !slices.Equal(m.checkpoints, d.checkpoints):
		return m.differs(d, "it had other checkpoints before")
	}
	if other := theirs.declared.conflict(mine.declared); other != "" {
		return m.differs(d, other)
	}
	return nil
}

// differs names both declarations: they are often in two packages that do not
// know of each other.
func (m *definition) differs(d *definition, what string) error {
	return fmt.Errorf("declare %s %q at %v: %w: %s, at %v", d.kind, d.name, d.at, ErrConflict, what, m.at)
}

// adopt takes over what only the later declaration d gave, and returns what it
// said that is not kept. reported says that the instruments exist.
func (m *definition) adopt(d *definition, reported bool) (kept error) {
	theirs := d.options()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.opts.description == "":
		m.opts.description = theirs.description
	case theirs.description != "" && theirs.description != m.opts.description:
		kept = fmt.Errorf("declared again at %v with another description, %q; kept %q of %v", d.at, theirs.description, m.opts.description, m.at)
	}
	if m.opts.unit == "" && theirs.unit != "" {
		if reported {
			kept = fmt.Errorf("declared again at %v with unit %q after it was reported without one, declared at %v", d.at, theirs.unit, m.at)
		} else {
			m.opts.unit = theirs.unit
		}
	}
	both, more := m.opts.declared.and(theirs.declared)
	if m.opts.declared = both; more && reported {
		kept = fmt.Errorf("declared again at %v with values after it was reported without them, declared at %v: what was bound until then keeps its attributes", d.at, m.at)
	}
	m.opts.keepRedundant = m.opts.keepRedundant || theirs.keepRedundant
	if former := missing(theirs.renamedFrom, m.opts.renamedFrom); len(former) > 0 {
		if reported {
			kept = fmt.Errorf("declared again at %v as renamed from %q after it was reported without that, declared at %v", d.at, former, m.at)
		} else {
			m.opts.renamedFrom = append(slices.Clip(m.opts.renamedFrom), former...)
		}
	}
	return kept
}
