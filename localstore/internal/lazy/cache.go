package lazy

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
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

	waits    [journalpool.Size]bool
	heritage []*journalpool.Found
	nonce    uint64
}

// shape tells caches of this layout from all others: a sum over the types above.
const shape uint32 = 0x4897ff49

// Waits says which journals hold something.
func (c *Cache) Waits() *[journalpool.Size]bool { return &c.waits }

// Heritage returns those with which a run may go on.
func (c *Cache) Heritage() []*journalpool.Found { return c.heritage }

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
	b := c.encode()
	if len(b) > warm.MaxContent {
		return 0, nil
	}
	return warm.Write(db.Path(), b)
}

func (c *Cache) encode() []byte {
	return appendPlain(binary.LittleEndian.AppendUint32(nil, shape), reflect.ValueOf(c).Elem())
}

func decode(b []byte) (*Cache, error) {
	if len(b) < 4 || binary.LittleEndian.Uint32(b) != shape {
		return nil, fmt.Errorf("%w of this layout", warm.ErrNone)
	}
	c := new(Cache)
	if err := readPlain(b[4:], c); err != nil {
		return nil, err
	}
	if c.Known == nil || c.Facts == nil {
		return nil, warm.ErrNone
	}
	return c, nil
}
