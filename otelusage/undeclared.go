package otelusage

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/sequence"
)

// folding returns what holds now: attaching and later declarations may restrict it.
func (m *definition) folding() folding {
	fold, _ := m.entering()
	return fold
}

// entering returns what a State looks at when it is set, in one look.
func (m *definition) entering() (fold folding, keepRedundant bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return folding{m.opts.declared, m.tracker.isStrict()}, m.opts.keepRedundant
}

var errUndeclaredKey = fmt.Errorf("%w: an attribute whose key is not declared was left out", ErrUndeclared)

// reportUndeclared names the call of With, once per cause.
func (m *definition) reportUndeclared(u *undeclared) {
	if u == nil {
		return
	}
	for _, key := range u.values {
		m.reportFirst("undeclared value of "+string(key), func() error {
			return fmt.Errorf("%w: a value of attribute %q was recorded as %q, at %v", ErrUndeclared, key, OtherValue, here())
		})
	}
	if u.keys {
		m.reportFirst("undeclared key", func() error { return fmt.Errorf("%w, at %v", errUndeclaredKey, here()) })
	}
}

func (m *definition) reportUndeclaredState() {
	m.reportFirst("undeclared state", func() error {
		return fmt.Errorf("%w: a state was recorded as %q, at %v", ErrUndeclared, OtherValue, here())
	})
}

// reportCheckpoint reports one that a Sequence does not have: without it where only
// what is declared may be told.
func (m *definition) reportCheckpoint(checkpoint string, err error) {
	if !m.tracker.isStrict() {
		m.report("checkpoint "+cut(checkpoint), err)
		return
	}
	m.reportFirst("undeclared checkpoint", func() error {
		return fmt.Errorf("%w: hit one that is not declared, at %v", sequence.ErrInvalidCheckpoint, here())
	})
}

// errUndeclaredStates is the error of a State without WithStates where only
// declared values are recorded.
var errUndeclaredStates = fmt.Errorf("%w: DeclaredOnly needs WithStates, every state is recorded as %q", ErrUndeclared, OtherValue)
