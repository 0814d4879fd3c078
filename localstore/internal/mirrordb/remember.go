package mirrordb

// Adopt takes over what the file says. After a change by another process,
// remembered totals do not hold; after a change of epoch or a fold of
// former versions, rows may be gone.
func (s *DB) Adopt(h Header) {
	if s.last.Mirror != "" && (s.last.Mirror != h.Mirror || s.last.Erasures != h.Erasures) {
		// Another file, or this one erased or filled anew in place: it knows
		// neither what this process declared nor the rows that it remembers.
		s.hooks.Replaced()
		s.Forget()
	}
	folded := s.last.former != h.former
	s.identity, s.last = h.Identity, h
	if folded {
		s.Forget()
	}
	if h.DataVersion != s.dataVersion {
		s.dataVersion = h.DataVersion
		s.hooks.Changed()
	}
	if h.Epoch != s.epoch {
		s.epoch = h.Epoch
		s.Forget()
	}
}

// Forget drops all that is remembered of the file.
func (s *DB) Forget() {
	s.generation++
	s.hooks.Forgot()
}
