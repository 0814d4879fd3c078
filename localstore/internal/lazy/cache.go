package lazy

import (
	"encoding/json"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/warm"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Cache is what a start needs of a mirror.
type Cache struct {
	Library string // its version: another one may record other series
	Schema  int64
	Written int64 // nanoseconds since 1970

	Header   mirrordb.Header
	Decision decision.Decision // beside the mirror
	Known    *ledger.Kept
	States   map[string]recording.KnownState
	Series   int64 // how many there are
	Facts    *outbox.Facts

	// Waits says which journals hold something.
	Waits [journal.PoolSize]bool `json:"-"`

	nonce uint64
}

// Write writes the cache of a mirror from its transaction, which has the write lock.
// The nonce is 0 where there is nothing that a start could do without.
func Write(db *mirrordb.DB, tx *mirrordb.Tx, out *outbox.Outbox) (nonce uint64, err error) {
	if tx.ErasePending {
		return 0, nil
	}
	c := Cache{
		Library: otelusage.Version, Schema: schema.Version, Written: tx.Now, Header: tx.Header, Decision: db.ReadDecision(),
	}
	var ok bool
	if c.Facts, ok, err = out.FactsOf(tx); err != nil || !ok {
		return 0, err
	}
	if c.Known, err = ledger.Keep(tx); err != nil {
		return 0, err
	}
	if c.States, err = statesOf(tx); err != nil {
		return 0, err
	}
	if c.Series, err = tx.Find(`SELECT count(*) FROM series`); err != nil {
		return 0, err
	}
	b, err := json.Marshal(&c)
	if err != nil || len(b) > warm.MaxContent {
		return 0, mirrordb.Wrap("write cache", err)
	}
	return warm.Write(db.Path(), b)
}

// read returns the cache of a mirror.
func read(mirror string) (*Cache, error) {
	b, nonce, err := warm.Read(mirror)
	if err != nil {
		return nil, err
	}
	c := &Cache{nonce: nonce}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("read cache: %w", err)
	}
	if c.Known == nil || c.Facts == nil {
		return nil, warm.ErrNone
	}
	return c, nil
}
