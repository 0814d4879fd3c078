package localstore

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestReadingsEndWithTheirContext while another call keeps the Store, and while
// a query runs.
func TestReadingsEndWithTheirContext(t *testing.T) {
	s, _ := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	for name, read := range map[string]func(context.Context) error{
		"snapshot": func(ctx context.Context) error { _, err := s.Snapshot(ctx, Query{}); return err },
		"balance":  func(ctx context.Context) error { _, err := s.Balance(ctx); return err },
		"preview":  func(ctx context.Context) error { _, err := s.Preview(ctx, request(Delta)); return err },
		"sent":     func(ctx context.Context) error { _, err := s.Sent(ctx, 0); return err },
		"revision": func(ctx context.Context) error { _, err := s.Revision(ctx); return err },
		"consent":  func(ctx context.Context) error { _, err := s.Consent(ctx); return err },
		"examine":  func(ctx context.Context) error { _, err := s.Examine(ctx, nil); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		s.lock()
		ended := make(chan error)
		go func() { ended <- read(ctx) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s of a store in use = %v", name, err)
		}
		s.unlock()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	s.lock()
	err := s.conn.readingWith(ctx, func() error {
		_, err := s.conn.find(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c`)
		return err
	})
	s.unlock()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("endless query = %v", err)
	}
	checkBalance(t, s, "n{}", wants{recorded: 1, pending: 1})
}
