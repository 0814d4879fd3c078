package lazy

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/warm"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// maxAge is how old a cache may be: what was counted reaches the mirror, and what is
// due is done, at the first start after it.
const maxAge = time.Hour

// Find returns the cache of a mirror, if a start can do without opening that, nil
// otherwise. ImportWaits asks whether something is to be imported. The caller holds the
// lock.
func Find(db *mirrordb.DB, maxSeries int64, importWaits func(*mirrordb.Header) bool) *Cache {
	if _, err := db.Locate(); err != nil {
		return nil
	}
	file, err := warm.Open(db.Path())
	if err != nil {
		return nil
	}
	defer file.Close()
	c, err := decode(file.Content)
	if err != nil || !c.fits(db) || importWaits(&c.Header) || !c.addWaiting(db.Path(), maxSeries) {
		return nil
	}
	if !file.IsCurrent() { // what waited may have been recorded meanwhile
		return nil
	}
	c.nonce = file.Nonce
	return c
}

// LetSleep makes a mirror know what the cache does.
func (c *Cache) LetSleep(db *mirrordb.DB) { db.Sleep(c.Header, c.nonce, c.Decision) }

// fits reports whether the cache is one for this process, at this time.
func (c *Cache) fits(db *mirrordb.DB) bool {
	now := db.Now().UnixNano()
	switch {
	case c.Library != otelusage.Version || c.Schema != schema.Version || c.Header.Version != schema.Version || c.Header.ErasePending:
		return false
	case db.InstallationID != "" && db.InstallationID != c.Header.Installation:
		return false
	case now < c.Written || now-c.Written >= int64(maxAge) || instant.Day(now) != instant.Day(c.Written):
		return false
	}
	return db.ReadDecision() == c.Decision
}
