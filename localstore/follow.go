package localstore

import (
	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
)

// afterLoss is what holds in the place of a mirror that was lost: what the
// decision file says, or what was found and is strict, or nothing is sent.
func (s *DB) afterLoss(h header) header {
	if s.decision.Read(s.path, s.asked).Mode != consent.ModeUnset || h.mode == consent.ModeOff || h.mode == consent.ModeLocal {
		return h
	}
	h.mode, h.modeSince = consent.ModeUnset, 0
	if h.requireConsent == notRequired {
		h.requireConsent = requiredAfterLoss
	}
	return h
}

// followDecision brings the mirror in line with the decision file, so that an
// administrator's edit withholds what SetMode would.
func (s *DB) followDecision(tx *transaction) error {
	if tx.mode == tx.stored {
		return nil
	}
	to := tx.mode
	tx.mode = tx.stored
	return s.switchMode(tx, to)
}

// switchMode stores a mode that is another one, and withholds what waits when
// nothing may be sent any more.
func (s *DB) switchMode(tx *transaction, to consent.Mode) error {
	before := tx.maySend()
	tx.mode, tx.stored, tx.modeSince = to, to, tx.now
	if before && !tx.maySend() {
		if err := s.hooks.withhold(tx); err != nil {
			return err
		}
	}
	tx.epoch++
	return tx.Run(`UPDATE mirror SET mode = ?1, mode_since = ?2, epoch = ?3`, int64(to), tx.now, tx.epoch)
}
