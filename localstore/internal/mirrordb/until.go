package mirrordb

import "context"

// Until runs f, whose queries and waits for other processes end with ctx. The
// caller holds s.mu.
func (s *DB) Until(ctx context.Context, f func() error) error {
	former := s.readUntil(OrBackground(ctx))
	defer s.readUntil(former)
	return f()
}

// Context is that of the work under way.
func (s *DB) Context() context.Context { return OrBackground(s.ends) }

// readUntil sets the context of what is read, nil for none, and returns the
// former one.
func (s *DB) readUntil(ctx context.Context) (former context.Context) {
	former, s.ends = s.ends, ctx
	if s.Conn != nil {
		s.Conn.EndWith(ctx)
	}
	return former
}
