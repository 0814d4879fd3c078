package mirrordb

import (
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// soundness is what was last found to hold no text that is too long, and no view in
// place of a table.
type soundness struct {
	of          *sqlitedb.Conn
	dataVersion int64 // 0: nothing was looked at yet
	schema      int64 // its number
	least       int64 // bytes in use, since the texts were looked at
}

// refuseNews is refuseLong for what is in the file since it was opened, or since
// another process wrote to it. What somebody wants to erase is not refused. Other
// processes write all the time, and the tables may have thousands of rows: they
// are looked at where the schema is another one, or the file has grown by as much
// as such a text takes.
func (s *DB) refuseNews(h Header) error {
	known := s.accepted
	if known.of != s.Conn {
		known = soundness{of: s.Conn}
	}
	if s.ReadOnly || s.Existing || h.DataVersion == known.dataVersion {
		return nil
	}
	number, inUse, err := schema.Extent(s.Conn)
	if err != nil {
		return err
	}
	opened := known.dataVersion == 0
	if opened || number != known.schema {
		if err := schema.RefuseViews(s.Conn, series.ErrUnreadable); err != nil {
			return err
		}
	}
	queries, least := []string(nil), min(inUse, known.least)
	if opened || inUse-least >= schema.MaxText {
		queries, least = []string{schema.LongTexts}, inUse
	}
	if opened {
		queries = append(queries, schema.LongAttributes)
	}
	if err := schema.RefuseLong(s.Conn, queries...); err != nil {
		return err
	}
	s.accepted = soundness{s.Conn, h.DataVersion, number, least}
	return nil
}
