package mirrordb

import (
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/warm"
)

// Sleep takes over what a cache says, in place of opening the file. The caller holds mu.
func (db *DB) Sleep(h Header, cache uint64, said decision.Decision) {
	db.cache, db.said, db.identity, db.last, db.epoch = cache, said, h.Identity, h, h.Epoch
}

// IsAsleep reports whether the file was not needed yet. The caller holds mu.
func (db *DB) IsAsleep() bool { return db.cache != 0 && !db.closed }

// SaysTheSame reports whether the decision beside a sleeping mirror is the one that
// the cache knows. The caller holds mu.
func (db *DB) SaysTheSame() bool { return db.IsAsleep() && db.ReadDecision() == db.said }

// IsCurrent reports whether all that a sleeping mirror knows holds at this moment.
func (db *DB) IsCurrent() bool { return db.SaysTheSame() && warm.IsCurrent(db.path, db.cache) }
