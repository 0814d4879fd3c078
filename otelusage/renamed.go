package otelusage

import (
	"fmt"
	"slices"
	"strings"
)

// formerNames are the trackables by the names that they had, in lower case. A
// former name stays taken: a process of an older release may still count under
// it, and nobody could tell its counts from those of something else.
type formerNames map[string]*definition

// add enters the former names of m.
func (f *formerNames) add(m *definition) {
	for _, name := range m.formerNames() {
		if *f == nil {
			*f = make(formerNames)
		}
		(*f)[strings.ToLower(name)] = m
	}
}

// conflict returns why m cannot be declared, given what is: its name was
// another's, or one that it had is. declared finds what has a name.
func (f formerNames) conflict(m *definition, declared func(key string) *definition) error {
	if other := f[m.key()]; other != nil && other.key() != m.key() {
		return other.differs(m, fmt.Sprintf("%q is called %q now", m.name, other.name))
	}
	for _, name := range m.formerNames() {
		key := strings.ToLower(name)
		if other := declared(key); other != nil {
			return other.differs(m, fmt.Sprintf("its former name %q is declared, too", name))
		}
		if other := f[key]; other != nil && other.key() != m.key() {
			return other.differs(m, fmt.Sprintf("%q was called %q already", other.name, name))
		}
	}
	return nil
}

// formerNames returns the names that m had, as they were reported.
func (m *definition) formerNames() (names []string) {
	for _, given := range m.options().renamedFrom {
		name := formerName(given)
		same := func(other string) bool { return strings.EqualFold(name, other) }
		if !same(m.name) && !slices.ContainsFunc(names, same) {
			names = append(names, name)
		}
	}
	return names
}

// formerName returns the name under which something was reported, or imported
// from the Python library.
func formerName(given string) string {
	if name, err := checkName(given); err == nil {
		return name
	}
	return SuggestName(spaced(given))
}

func checkFormerNames(given []string) error {
	if slices.Contains(given, "") {
		return fmt.Errorf("%w: RenamedFrom has an empty one", ErrInvalidName)
	}
	return nil
}
