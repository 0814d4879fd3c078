package localstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// erasePatience is how long Erase waits for other processes to let it clean the
// file.
const erasePatience = 5 * time.Second

// Erase deletes everything that was recorded, sent or is to be sent, gives the
// installation and the mirror new ids, overwrites what was deleted in the file and
// its log, and removes files that were set aside. What the person decided stays; so
// does a database of the Python library that was imported, which is another
// program's and is not imported again. Other processes that have the mirror open
// notice with their next recording, and drop what they counted before. While one of
// them keeps the file from being cleaned, Erase waits for up to five seconds or
// until the context ends, and then returns [ErrErasePending]; also, without a wait, while processes that keep a journal have
// not overwritten it yet, which their next recordings do. The context limits
// only this wait and the wait for another process that is writing: everything is
// deleted even when it has ended. The caller must ensure that nothing is collected
// for this Store's writer meanwhile.
//
// What was sent to a destination of deltas is to be deleted there, and a batch that
// was under way may still arrive. If sending is allowed, tombstones are kept for
// both: the old ids, and the names and values of the states in the batch. They are
// sent until the destination has taken the request for deletion, otelusage.erased,
// and has taken these states back, see [outbox.Outbox.BeginRetraction], and then
// overwritten. Without consent to send, Erase also deletes tombstones. Where batches
// have ids of their own there is nothing to ask for.
func (s *Store) Erase(ctx context.Context) error {
	_, err := s.EraseAndRetract(ctx, false)
	return err
}

// EraseAndRetract is Erase, and also returns parts that take back the other states
// that destinations count this installation in: one part per resource, with -1 for
// each state, and another one for states that were sent under former ids. They are to be sent once and not kept. There are none without consent
// to send, or if maySend is false.
func (s *Store) EraseAndRetract(ctx context.Context, maySend bool) ([]*series.Part, error) {
	if s.missing() {
		return nil, ErrNotOpen
	}
	ctx = sqlitedb.OrBackground(ctx)
	s.db.Lock()
	defer s.db.Unlock()
	var once []*batch.Payload
	s.supersede()
	err := s.db.Update(ctx, mirrordb.Durable, func(tx *mirrordb.Tx) (err error) { once, err = s.erase(tx); return err })
	if err != nil {
		return nil, mirrordb.Wrap("erase", err)
	}
	s.eraseJournals()
	var retraction []*series.Part
	if maySend {
		retraction = partsOf(once)
	}
	h, err := s.db.ReadHeader()
	if err != nil {
		return retraction, mirrordb.Wrap("erase", err)
	}
	s.db.Adopt(h) // the new ids
	s.recorder.Erased(&h)
	for until := time.Now().Add(erasePatience); ; {
		if err = s.db.FinishErase(); !errors.Is(err, ErrErasePending) || time.Now().After(until) {
			err = errors.Join(err, s.journalsErased())
			return retraction, mirrordb.Wrap("erase", err)
		}
		select {
		case <-ctx.Done():
			return retraction, mirrordb.Wrap("erase", err)
		case <-time.After(mirrordb.ErasePause):
		}
	}
}

// partsOf returns the parts of payloads, except for payloads that cannot be read.
func partsOf(payloads []*batch.Payload) (parts []*series.Part) {
	for _, p := range payloads {
		if part, err := p.Part(0, 0); err == nil {
			parts = append(parts, part)
		}
	}
	return parts
}

// erase returns what is to be taken back once.
func (s *Store) erase(tx *mirrordb.Tx) ([]*batch.Payload, error) {
	if err := tx.OverwriteDeleted(); err != nil {
		return nil, err
	}
	kept, once, err := batch.Withdraw(tx)
	if err != nil {
		return nil, fmt.Errorf("read states: %w", err)
	}
	for _, table := range schema.Erased {
		if err := tx.Run("DELETE FROM " + table); err != nil {
			return nil, fmt.Errorf("empty %s: %w", table, err)
		}
	}
	if err := batch.Bury(tx, kept); err != nil {
		return nil, err
	}
	if err := batch.EraseIdentity(tx); err != nil {
		return nil, err
	}
	// How many rows there ever were tells of the past, too. Ids begin anew: what
	// a process remembers of the rows is forgotten with the epoch, and the
	// outcome of a submission needs a lease, which is gone.
	if err := tx.Run("DELETE FROM sqlite_sequence"); err != nil {
		return nil, fmt.Errorf("empty counters: %w", err)
	}
	err = tx.Run(`UPDATE mirror SET mirror_id = ?1, installation_id = ?2, created_at = ?3, sealed_until = ?4,
		epoch = epoch + 1, erasures = erasures + 1, erase_pending = 1, shared_mark = 0, lease_token = NULL, lease_until = 0,
		cut_off = 0, waited_at = 0, recorded_day = 0`, uuid.NewString(), uuid.NewString(), tx.Now, instant.StartOfDay(tx.Now))
	return once, mirrordb.Wrap("renew ids", err)
}
