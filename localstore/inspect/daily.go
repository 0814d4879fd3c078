package inspect

import (
	"maps"
	"slices"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// keptDays is the number of days for which the mirror keeps totals.
const keptDays = 400

// amount is what was added in a period. For a Timer it has seconds and runs.
type amount struct {
	value series.Value
	count int64
}

func (a amount) plus(b amount) amount {
	sum := a.value.Add(b.value)
	if _, same := a.value.Sub(b.value); !same { // the number type changed with a version
		sum = series.Float64Value(a.value.Float64() + b.value.Float64())
	}
	return amount{sum, a.count + b.count}
}

// added has the amounts of each hour or day.
type added struct {
	length time.Duration
	sums   map[int64]amount // by the number of the period since 1970
}

// periods has the length of the periods and the samples to compute them from.
type periods struct {
	length  time.Duration
	samples func(*snapshot.SeriesCounts) (list []snapshot.Sample, whole bool)
}

// byDay reads the totals at the ends of days. The first is the base for the next,
// unless the series began with it.
func byDay(now time.Time) periods {
	oldest := now.Add(-(keptDays - 1) * day).Truncate(day)
	return periods{day, func(x *snapshot.SeriesCounts) ([]snapshot.Sample, bool) {
		return x.Days, len(x.Days) == 0 || x.Days[0].At.After(oldest)
	}}
}

// byHour reads the totals after exports. The mirror keeps only the latest.
func byHour() periods {
	return periods{time.Hour, func(x *snapshot.SeriesCounts) ([]snapshot.Sample, bool) {
		return x.History, int64(len(x.History)) >= x.Exports
	}}
}

const day = 24 * time.Hour

// of returns what was added to a trackable since a time. For a State that is its
// changes.
func (p periods) of(t *snapshot.Trackable, from time.Time) added {
	role := series.RoleValue
	if t.Kind == otelusage.KindState {
		role = series.RoleChanges
	}
	most := 0
	for _, x := range t.Series {
		most = max(most, len(x.Days), len(x.History))
	}
	sum := added{p.length, make(map[int64]amount, most)}
	for _, x := range t.Series {
		if x.Role == role {
			p.addSeries(sum, x, from)
		}
	}
	return sum
}

func (p periods) addSeries(sum added, x *snapshot.SeriesCounts, from time.Time) {
	samples, whole := p.samples(x)
	var before snapshot.Sample
	next := func(s snapshot.Sample, known bool) {
		change := amount{minus(s.Value, before.Value), s.Count - before.Count}
		before = s
		if known && !s.At.Before(from) && (change.count != 0 || !change.value.IsZero()) {
			sum.add(s.At, change)
		}
	}
	for i := range samples {
		next(samples[i], whole || i > 0)
	}
	if !x.UpdatedAt.IsZero() {
		next(current(x), whole || len(samples) > 0)
	}
}

func (a added) add(at time.Time, change amount) {
	period := a.period(at)
	a.sums[period] = a.sums[period].plus(change)
}

func (a added) period(at time.Time) int64 { return at.Unix() / int64(a.length/time.Second) }

// in returns what was added in the period that contains a time.
func (a added) in(at time.Time) amount { return a.sums[a.period(at)] }

// current returns the total now, which is the one after the last export.
func current(x *snapshot.SeriesCounts) snapshot.Sample {
	s := snapshot.Sample{At: x.UpdatedAt, Value: x.Recorded}
	if h := x.Recorded.Histogram(); h != nil {
		s.Value, s.Count = series.Float64Value(h.Sum), int64(h.Count)
	} else if h := x.Recorded.Exponential(); h != nil {
		s.Value, s.Count = series.Float64Value(h.Sum), int64(h.Count)
	}
	return s
}

// minus subtracts numbers. A zero may have lost its type in the file.
func minus(a, b series.Value) series.Value {
	if difference, ok := a.Sub(b); ok {
		return difference
	}
	return series.Float64Value(a.Float64() - b.Float64())
}

// starts returns the beginnings of the periods in which something was added,
// oldest first.
func (a added) starts() []time.Time {
	var list []time.Time
	for _, period := range slices.Sorted(maps.Keys(a.sums)) {
		list = append(list, time.Unix(period*int64(a.length/time.Second), 0).UTC())
	}
	return list
}

// last returns what was added on each of the last days, today last.
func (a added) last(days int, now time.Time) []float64 {
	list := make([]float64, days)
	for i := range list {
		list[i] = a.in(now.Add(-time.Duration(days-1-i) * day)).value.Float64()
	}
	return list
}

var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws one column per number: a dot for zero, otherwise a bar. The
// greatest number has the full height.
func sparkline(list []float64) string {
	top := 0.0
	for _, f := range list {
		top = max(top, f, -f)
	}
	line := make([]rune, len(list))
	for i, f := range list {
		f = max(f, -f)
		if f == 0 || top == 0 {
			line[i] = '·'
			continue
		}
		line[i] = bars[min(int(f/top*float64(len(bars))), len(bars)-1)]
	}
	return string(line)
}
