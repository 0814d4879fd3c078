package mirrordb

import "github.com/anonymoususage/anonymoususage-go/localstore/consent"

// SetCircumstances sets what this process knows beside the mirror.
func (s *DB) SetCircumstances(x consent.Circumstances) {
	s.Lock()
	defer s.Unlock()
	s.circumstances = &x
}

// Circumstances returns what setCircumstances set, else those of a viewer.
func (s *DB) Circumstances() consent.Circumstances {
	s.Lock()
	defer s.Unlock()
	if s.circumstances == nil {
		return consent.Circumstances{Viewer: true}
	}
	return *s.circumstances
}

// ConsentOf is what the Store says of consent. The caller holds s.mu.
func (s *DB) ConsentOf(h *Header) consent.Consent {
	if s.circumstances == nil {
		return h.Consent()
	}
	return s.circumstances.ApplyTo(h.Consent(), h.SharedMark > 0)
}
