package mirrordb

import (
	"context"

	"go.opentelemetry.io/otel"
)

// Lock keeps others from the file. Most of what follows expects it.
func (s *DB) Lock() { s.mu.Lock() }

// LockWithin is Lock for a reading, which need not wait once ctx has ended.
func (s *DB) LockWithin(ctx context.Context) error {
	ctx = OrBackground(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.mu.TryLock() {
		return nil
	}
	locked := make(chan struct{})
	go func() {
		s.Lock()
		close(locked)
	}()
	select {
	case <-locked:
		return nil
	case <-ctx.Done():
		go func() {
			<-locked
			s.Unlock()
		}()
		return ctx.Err()
	}
}

// TryLock is lock, if nobody has it.
func (s *DB) TryLock() bool { return s.mu.TryLock() }

// Unlock hands over what was reported once the Store can be used again: a
// handler may call it.
func (s *DB) Unlock() {
	s.restLater()
	reports := s.reports
	s.reports = nil
	s.mu.Unlock()
	for _, err := range reports {
		if s.OnError != nil {
			s.OnError(err)
		} else {
			otel.Handle(err)
		}
	}
}

// UnlockSilently is unlock that leaves what is reported to the next one.
func (s *DB) UnlockSilently() { s.mu.Unlock() }
