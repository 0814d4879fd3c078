package schema

import (
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Soundness is what was last found to hold no text that is too long, and no view in
// place of a table.
type Soundness struct {
	of          *sqlitedb.Conn
	dataVersion int64 // 0: nothing was looked at yet
	schema      int64 // its number
	least       int64 // bytes in use, since the texts were looked at
}

// RefuseNews refuses, as RefuseLong and RefuseViews do, what is in the file since it was
// opened, or since another process wrote to it. Other processes write all the time, and the tables may have thousands of rows: they
// are looked at where the schema is another one, or the file has grown by as much
// as such a text takes.
func (s *Soundness) RefuseNews(c *sqlitedb.Conn, dataVersion int64) error {
	if s.of != c {
		*s = Soundness{of: c}
	}
	known := *s
	if dataVersion == known.dataVersion {
		return nil
	}
	number, inUse, err := extent(c)
	if err != nil {
		return err
	}
	opened := known.dataVersion == 0
	if opened || number != known.schema {
		if err := RefuseViews(c, series.ErrUnreadable); err != nil {
			return err
		}
	}
	queries, least := []string(nil), min(inUse, known.least)
	if opened || inUse-least >= MaxText {
		queries, least = []string{LongTexts()}, inUse
	}
	if opened {
		queries = append(queries, LongAttributes())
	}
	if err := RefuseLong(c, queries...); err != nil {
		return err
	}
	*s = Soundness{c, dataVersion, number, least}
	return nil
}
