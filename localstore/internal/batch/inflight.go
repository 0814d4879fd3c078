package batch

import (
	"database/sql"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Flying are the values of sealed points, as JSON, by series.
type Flying map[int64][][]byte

// Sum adds up those of one series.
func (f Flying) Sum(id int64, m *series.Metric) (series.Value, error) {
	sum := m.Zero()
	for _, text := range f[id] {
		v, err := m.ParseJSON(text)
		if err != nil {
			return series.Value{}, err
		}
		sum = sum.Add(v)
	}
	return sum, nil
}

var selectSealed = `SELECT id, ` + schema.Within("payload", schema.MaxPayload, schema.Nothing) + ` FROM parts WHERE state = 'sealed'`

// InFlight returns the values of all sealed points by series, and the parts that
// are too long to be looked at.
func InFlight(tx *mirrordb.Tx) (flying Flying, long []int64, err error) {
	flying = make(Flying)
	err = tx.Each(selectSealed, func(rows *sql.Rows) error {
		var id int64
		var text sql.NullString
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		if !text.Valid {
			long = append(long, id)
			return nil
		}
		p, err := Decode(text.String)
		if err != nil {
			return err
		}
		for _, point := range p.Points {
			if point.Series != 0 {
				flying[point.Series] = append(flying[point.Series], point.Value)
			}
		}
		return nil
	})
	return flying, long, err
}
