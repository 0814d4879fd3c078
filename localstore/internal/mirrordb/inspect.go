package mirrordb

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

func (db *DB) inspect(conn *sqlitedb.Conn) error {
	if err := schema.Check(conn); err != nil {
		return err
	}
	version, err := schema.VersionOf(conn)
	if err != nil {
		return err
	}
	if version > schema.Version {
		return fmt.Errorf("%w: schema %d, this program knows %d", schema.ErrNewer, version, schema.Version)
	}
	if version == 0 {
		return fmt.Errorf("%w: %w", place.ErrNotMirror, ErrEmpty)
	}
	return db.connectTo(conn)
}

// connectTo makes a connection the one in use and takes over what its file says.
func (db *DB) connectTo(conn *sqlitedb.Conn) error {
	db.Conn = conn
	db.Forget()
	h, err := db.ReadHeader()
	if err != nil {
		db.Conn = nil
		return err
	}
	db.Adopt(h)
	return nil
}
