package mirrordb

import (
	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
)

// afterLoss returns the header of a mirror that replaces a lost one. The decision
// file applies, or else a strict mode that was found in the lost one; otherwise
// sending requires a new decision.
func (db *DB) afterLoss(h Header) Header {
	if db.decision.Read(db.path, db.asked).Mode != consent.ModeUnset || h.Mode == consent.ModeOff || h.Mode == consent.ModeLocal {
		return h
	}
	h.Mode, h.ModeSince = consent.ModeUnset, 0
	if h.RequireConsent == NotRequired {
		h.RequireConsent = requiredAfterLoss
	}
	return h
}

// followDecision brings the mirror in line with the decision file, so that an
// administrator's edit withholds the same counts as SetMode.
func (db *DB) followDecision(tx *Tx) error {
	if tx.Mode == tx.Stored {
		return nil
	}
	to := tx.Mode
	tx.Mode = tx.Stored
	return db.SwitchMode(tx, to)
}

// SwitchMode stores a different mode, and withholds what is pending when nothing
// may be sent any more.
func (db *DB) SwitchMode(tx *Tx, to consent.Mode) error {
	before := tx.MaySend()
	tx.Mode, tx.Stored, tx.ModeSince = to, to, tx.Now
	if before && !tx.MaySend() {
		if err := db.hooks.Withhold(tx); err != nil {
			return err
		}
	}
	tx.Epoch++
	return tx.Run(`UPDATE mirror SET mode = ?1, mode_since = ?2, epoch = ?3`, int64(to), tx.Now, tx.Epoch)
}

// RememberRequired notes that sending takes a decision, for the next file to
// take over. It reads nothing: whatever becomes of this one, what was just
// written to it holds. The caller holds mu.
func (db *DB) RememberRequired() { db.last.RequireConsent = Required }
