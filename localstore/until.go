package localstore

import "context"

// until runs f, whose queries and waits for other processes end with ctx. The
// caller holds s.mu.
func (s *DB) until(ctx context.Context, f func() error) error {
	former := s.readUntil(orBackground(ctx))
	defer s.readUntil(former)
	return f()
}

// context is that of the work under way.
func (s *DB) context() context.Context { return orBackground(s.ends) }

// readUntil sets the context of what is read, nil for none, and returns the
// former one.
func (s *DB) readUntil(ctx context.Context) (former context.Context) {
	former, s.ends = s.ends, ctx
	if s.conn != nil {
		s.conn.EndWith(ctx)
	}
	return former
}
