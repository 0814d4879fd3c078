package mirrordb

import (
	"context"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// Until runs f, whose queries and waits for other processes end with ctx. The
// caller holds db.mu.
func (db *DB) Until(ctx context.Context, f func() error) error {
	former := db.readUntil(sqlitedb.OrBackground(ctx))
	defer db.readUntil(former)
	return f()
}

// Context is that of the work under way.
func (db *DB) Context() context.Context { return sqlitedb.OrBackground(db.ends) }

// readUntil sets the context of what is read, nil for none, and returns the
// former one.
func (db *DB) readUntil(ctx context.Context) (former context.Context) {
	former, db.ends = db.ends, ctx
	if db.Conn != nil {
		db.Conn.EndWith(ctx)
	}
	return former
}
