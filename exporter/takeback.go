package exporter

import (
	"context"
	"time"
)

// takeBack sends what erasures left to be taken back at the destination, if some
// of it is due. An error says that the destination takes nothing now.
func (s *sender) takeBack(ctx context.Context, force bool) error {
	sub, err := s.e.store.Outbox().BeginRetraction(ctx, s.request(force))
	if err != nil || sub == nil {
		return err
	}
	_, err = s.sendParts(ctx, sub)
	return err
}

// erase erases the mirror and sends within the retraction timeout what takes the
// states back. What depends on a request under way is sent again and again until
// it is accepted; of the rest, what does not arrive now stays at the destination,
// for nobody will know it any more.
//
// The mirror comes first: what another process makes of it until then is known,
// and nothing is taken back where erasing fails.
func (s *sender) erase(ctx context.Context) error {
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, retractionTimeout)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-waiting.Done(): // what is under way here tells its outcome when it knows
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
		_ = s.takeBack(sending, false) // at worst a later look does it
	}
	return err
}
