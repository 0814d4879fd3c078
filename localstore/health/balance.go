package health

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Balance is where the counts of one series are. For every series
//
//	Recorded = Accepted + Partial + InFlight + Pending + SetAside + Withheld
//
// with whole numbers and buckets equal to the unit, and sums of floats to a
// relative 1e-9. What was counted is Recorded + Unrecorded, which journals hold.
type Balance struct {
	Name, Attributes, Resource                               string
	Recorded                                                 series.Value
	Accepted, Partial, InFlight, Pending, SetAside, Withheld series.Value
	Unrecorded                                               series.Value
	// Off is empty when the balance holds, and says how it does not.
	Off string
}

// Balances returns the balance of every series, by series, those last that only
// journals know. It reads one state of the file, whatever other processes write
// meanwhile, and ends with ctx.
func Balances(ctx context.Context, db *mirrordb.DB) ([]Balance, error) {
	if db == nil {
		return nil, mirrordb.ErrNotOpen
	}
	list, _, err := balances(ctx, db)
	return list, err
}

func balances(ctx context.Context, db *mirrordb.DB) (list []Balance, beyond *unrecorded.Reading, err error) {
	err = db.LockWithin(ctx)
	if err == nil {
		defer db.Unlock()
		err = unrecorded.Look(ctx, db, func(tx *mirrordb.Tx, r *unrecorded.Reading) (err error) {
			list, err = readBalances(tx, r)
			beyond = r
			return err
		})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read balance: %w", err)
	}
	return list, beyond, nil
}

var selectBalances = `SELECT s.id, ` + schema.Shown("m.name") + `, ` + schema.Loaded("s.attributes", schema.NoObject) + `, ` + schema.Loaded("r.attributes", schema.NoObject) + `,
		` + schema.Shown("m.type") + `, m.float, ` + schema.Loaded("m.bounds", schema.Unreadable) + `,
		` + schema.Loaded("o.recorded", schema.Unreadable) + `, ` + schema.Loaded("o.accepted", schema.Unreadable) + `, ` + schema.Loaded("o.partial", schema.Unreadable) + `,
		` + schema.Loaded("o.pending", schema.Unreadable) + `, ` + schema.Loaded("o.set_aside", schema.Unreadable) + `, ` + schema.Loaded("o.withheld", schema.Unreadable) + `
	FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
	JOIN resources r ON r.id = s.resource_id ORDER BY s.id`

func readBalances(tx *mirrordb.Tx, beyond *unrecorded.Reading) ([]Balance, error) {
	flying, long, err := batch.InFlight(tx)
	if err != nil {
		return nil, err
	}
	var list []Balance
	recorded := make(map[int64]bool)
	err = tx.Each(selectBalances,
		func(rows *sql.Rows) error {
			var id int64
			var b Balance
			var m series.Metric
			var bounds string
			var columns [6]any
			err := rows.Scan(&id, &b.Name, &b.Attributes, &b.Resource, &m.Type, &m.Float, &bounds,
				&columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5])
			if err != nil {
				return err
			}
			m.Name = b.Name
			if m.Bounds, err = series.DecodeBounds(bounds); err != nil {
				return err
			}
			values := [6]*series.Value{&b.Recorded, &b.Accepted, &b.Partial, &b.Pending, &b.SetAside, &b.Withheld}
			for i, v := range values {
				if *v, err = m.ParseValue(columns[i]); err != nil {
					return err
				}
			}
			if b.InFlight, err = flying.Sum(id, &m); err != nil {
				return err
			}
			delete(flying, id)
			b.Unrecorded, recorded[id] = m.Zero().Add(beyond.Of(id)), true
			b.check()
			list = append(list, b)
			return nil
		})
	if err != nil {
		return nil, err
	}
	for _, s := range beyond.Series {
		if !recorded[s.ID] {
			list = append(list, notRecorded(s))
		}
	}
	for id := range flying {
		list = append(list, Balance{Off: fmt.Sprintf("in flight for series %d, which has no total", id)})
	}
	for _, id := range long {
		list = append(list, Balance{Off: fmt.Sprintf("in flight in part %d, which is %v", id, schema.ErrTooLong)})
	}
	return list, nil
}

// notRecorded is the balance of a series of which nothing is recorded yet.
func notRecorded(s *unrecorded.Series) Balance {
	zero := s.Metric.Zero()
	return Balance{Name: s.Metric.Name, Attributes: s.Attributes, Resource: s.Resource, Recorded: zero, Accepted: zero, Partial: zero,
		InFlight: zero, Pending: zero, SetAside: zero, Withheld: zero, Unrecorded: s.Value}
}

func (b *Balance) check() {
	sum := b.Accepted
	for _, v := range []series.Value{b.Partial, b.InFlight, b.Pending, b.SetAside, b.Withheld} {
		sum = sum.Add(v)
	}
	if !sum.Nearly(b.Recorded) {
		b.Off = fmt.Sprintf("%s%s: recorded %s, accounted for %s", b.Name, b.Attributes, b.Recorded, sum)
	}
}
