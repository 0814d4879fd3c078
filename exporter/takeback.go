package exporter

import (
	"context"
	"time"
)

// takeBack sends what erasures left to be taken back at the destination, if any of
// it is due. After an error the destination takes nothing else now either.
func (s *sender) takeBack(ctx context.Context, force bool) error {
	sub, err := s.e.store.Outbox().BeginRetraction(ctx, s.request(force))
	if err != nil || sub == nil {
		return err
	}
	_, err = s.sendParts(ctx, sub)
	return err
}

// erase erases the mirror, and within the retraction timeout sends what takes the
// states back. What depends on a request under way is retried until it is
// accepted. The rest is sent once: what does not arrive stays at the destination,
// because nothing of it is remembered.
//
// The mirror is erased first, in one transaction that also reads the states: so
// what other processes recorded until then is known, and nothing is taken back if
// erasing fails.
func (s *sender) erase(ctx context.Context) error {
	began := time.Now()
	s.erased.Store(true)
	waiting, cancel := context.WithTimeout(ctx, retractionTimeout)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-waiting.Done(): // the attempt under way finds out about the erasure when it settles
		return s.e.store.Erase(ctx)
	}
	left := retractionTimeout - time.Since(began)
	parts, err := s.e.store.EraseAndRetract(ctx, s.e.maySend)
	sending, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	for _, part := range parts {
		_, _ = s.send(sending, part)
	}
	if sending.Err() == nil {
		_ = s.takeBack(sending, false) // at worst a later check does it
	}
	return err
}
