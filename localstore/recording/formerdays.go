package recording

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// sample is a running total, see days.
type sample struct {
	day    int64
	member *foldMember
	value  series.Value
	count  sql.NullInt64
	last   bool // from the totals: the day is not over in the file
}

// writeDays adds up the running totals of each group, day by day: the latest of
// each member as of that day.
func (f *fold) writeDays() error {
	samples, err := f.readDays()
	if err != nil {
		return err
	}
	var sums []sample
	for i := 0; i < len(samples); {
		day := samples[i].day
		touched := make(map[*foldGroup]bool)
		for ; i < len(samples) && samples[i].day == day; i++ {
			x := samples[i].member
			g := x.group
			x.day = samples[i]
			g.mixed = g.mixed || x != g.members[0]
			if (g.mixed || x.day.last) && day < instant.Day(g.total.updatedAt) {
				touched[g] = true
			}
		}
		for g := range touched {
			sums = append(sums, g.sum(day))
		}
	}
	return totals.InsertDays().Run(f.Conn, len(sums), func(i int, args []any) ([]any, error) {
		value, _ := sums[i].value.Number()
		return append(args, sums[i].day, sums[i].member.series, value, sums[i].count), nil
	})
}

// sum is the running total of a group as of a day.
func (g *foldGroup) sum(day int64) sample {
	sum := sample{day: day, member: g.members[0]}
	for _, x := range g.members {
		sum.value = sum.value.Add(x.day.value)
		if x.day.count.Valid {
			sum.count = sql.NullInt64{Int64: saturate.Add(sum.count.Int64, x.day.count.Int64), Valid: true}
		}
	}
	return sum
}

// readDays returns the days of all members whose groups change, and of each the
// total it stands at, in their order.
func (f *fold) readDays() ([]sample, error) {
	var ids []int64
	var last []sample
	for _, g := range f.order {
		for _, x := range g.members {
			if !x.total.counts || x.total.updatedAt == 0 {
				continue
			}
			ids = append(ids, x.series)
			value, count := x.total.values[0].Number()
			s := sample{day: instant.Day(x.total.updatedAt), member: x, value: totals.NumberValue(value), last: true}
			if n, ok := count.(int64); ok {
				s.count = sql.NullInt64{Int64: n, Valid: true}
			}
			last = append(last, s)
		}
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	var samples []sample
	err = f.Each(`SELECT day, series_id, value, count FROM days WHERE series_id IN (SELECT value FROM json_each(?1))`,
		func(rows *sql.Rows) error {
			var s sample
			var series int64
			var value any
			err := rows.Scan(&s.day, &series, &value, &s.count)
			s.member, s.value = f.member[series], totals.NumberValue(value)
			samples = append(samples, s)
			return err
		}, string(list))
	samples = append(samples, last...)
	slices.SortStableFunc(samples, func(a, b sample) int { return cmp.Compare(a.day, b.day) })
	return samples, err
}
