package mirrordb

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

func (s *DB) inspect(conn *sqlitedb.Conn) error {
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
	s.Conn = conn
	s.Forget()
	h, err := s.ReadHeader()
	if err != nil {
		s.Conn = nil
		return err
	}
	s.Adopt(h)
	return nil
}
