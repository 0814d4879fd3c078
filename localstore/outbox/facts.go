package outbox

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// Facts are what tells whether a submission is due, in a form that can be stored.
type Facts struct {
	Progress map[Forwarder]Progress
	Open     bool // a batch is sealed and not settled

	Unlinkable bool // batches are sealed under ids of their own
}

// Progress is what a forwarder's submissions have come to.
type Progress struct{ AcceptedAt, Accepted, RetryAt int64 }

// FactsOf reads the facts. ok is false where more than they say is to be done: what
// an erasure left is to be taken back, or an import waits.
func (out *Outbox) FactsOf(tx *mirrordb.Tx) (f *Facts, ok bool, err error) {
	switch {
	case out.missing():
		return nil, false, mirrordb.ErrNotOpen
	case out.importer.Pending() != nil:
		return nil, false, nil
	}
	n, err := tx.Find(`SELECT EXISTS (SELECT 1 FROM tombstones)`)
	if err != nil || n != 0 {
		return nil, false, mirrordb.Wrap("read tombstones", err)
	}
	f = &Facts{Progress: make(map[Forwarder]Progress)}
	if f.Open, err = batchOpen(tx); err != nil {
		return nil, false, err
	}
	i, err := batch.IdentityOf(tx)
	if err != nil {
		return nil, false, err
	}
	f.Unlinkable = i.Unlinkable
	for _, kind := range [...]Forwarder{Delta, Cumulative} {
		p, err := progressOf(tx, kind)
		if err != nil {
			return nil, false, fmt.Errorf("read submissions: %w", err)
		}
		f.Progress[kind] = Progress{p.acceptedAt, p.accepted, p.retryAt}
	}
	return f, true, nil
}

// IsKnownUnlinkable reports whether batches are sealed under ids of their own, as far
// as the facts of a sleeping mirror say it. The caller holds the lock.
func (out *Outbox) IsKnownUnlinkable() bool {
	return !out.missing() && out.facts != nil && out.facts.Unlinkable
}

// Adopt makes Due answer from facts as long as the mirror is asleep. The caller
// holds the lock.
func (out *Outbox) Adopt(f *Facts) {
	if !out.missing() {
		out.facts = f
	}
}

// dueAsleep is Due while the mirror is asleep. Where something forbids a submission
// there is none to be made: whoever makes one wakes the mirror, which says why.
func (out *Outbox) dueAsleep(r Request) bool {
	h, p := out.db.LastHeader(), out.facts.Progress[r.Forwarder]
	now := out.db.Now().UnixNano()
	if !r.MaySend || !h.MaySend() || h.Leased(now) {
		return false
	}
	switch timingOf(&h, r, progress{acceptedAt: p.AcceptedAt, accepted: p.Accepted, retryAt: p.RetryAt}, now) {
	case timely:
		return true
	case early:
		return r.Forwarder == Delta && out.facts.Open
	}
	return false
}
