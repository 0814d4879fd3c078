package mirrordb

import "github.com/anonymoususage/anonymoususage-go/localstore/consent"

// SetCircumstances sets what this process knows beside the mirror.
func (db *DB) SetCircumstances(x consent.Circumstances) {
	db.Lock()
	defer db.Unlock()
	db.circumstances = &x
}

// Circumstances returns what SetCircumstances set, else those of a viewer.
func (db *DB) Circumstances() consent.Circumstances {
	db.Lock()
	defer db.Unlock()
	if db.circumstances == nil {
		return consent.Circumstances{Viewer: true}
	}
	return *db.circumstances
}

// ConsentOf is what the Store says of consent. The caller holds db.mu.
func (db *DB) ConsentOf(h *Header) consent.Consent {
	if db.circumstances == nil {
		return h.Consent()
	}
	return db.circumstances.ApplyTo(h.Consent(), h.SharedMark > 0)
}
