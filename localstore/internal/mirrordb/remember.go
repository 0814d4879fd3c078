package mirrordb

// Adopt takes over what the file says. After a change by another process,
// remembered totals are outdated; after a change of epoch or a fold of former
// versions, remembered rows may be gone.
func (db *DB) Adopt(h Header) {
	if db.last.Mirror != "" && (db.last.Mirror != h.Mirror || db.last.Erasures != h.Erasures) {
		// Another file, or this one erased or filled anew in place: it knows
		// neither what this process declared nor the rows that it remembers.
		db.hooks.Replaced()
		db.Forget()
	}
	folded := db.last.Former != h.Former
	db.identity, db.last = h.Identity, h
	if folded {
		db.Forget()
	}
	if h.DataVersion != db.dataVersion {
		db.dataVersion = h.DataVersion
		db.hooks.Changed()
	}
	if h.Epoch != db.epoch {
		db.epoch = h.Epoch
		db.Forget()
	}
}

// Forget drops all that is remembered of the file.
func (db *DB) Forget() {
	db.generation++
	db.hooks.Forgot()
}
