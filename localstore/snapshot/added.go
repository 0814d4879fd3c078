package snapshot

import (
	"maps"
	"slices"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// KeptDays is the number of days for which the mirror keeps totals.
const KeptDays = totals.KeepDays

const day = 24 * time.Hour

// Amount is what was added in a period. For a Timer it has seconds and runs.
type Amount struct {
	Value series.Value
	Count int64
}

// Plus returns the sum of two amounts.
func (a Amount) Plus(b Amount) Amount {
	sum := a.Value.Add(b.Value)
	if _, same := a.Value.Sub(b.Value); !same { // the number type changed with a version
		sum = series.Float64Value(a.Value.Float64() + b.Value.Float64())
	}
	return Amount{sum, a.Count + b.Count}
}

func (a Amount) isZero() bool { return a.Count == 0 && a.Value.IsZero() }

// amountOf returns what was counted: of a histogram its sum and count.
func amountOf(v series.Value) Amount {
	if h := v.Histogram(); h != nil {
		return Amount{series.Float64Value(h.Sum), saturate.Count(h.Count)}
	} else if h := v.Exponential(); h != nil {
		return Amount{series.Float64Value(h.Sum), saturate.Count(h.Count)}
	}
	return Amount{Value: v}
}

// Added has the amounts of each hour or UTC day.
type Added struct {
	length time.Duration
	sums   map[int64]Amount // by the number of the period since 1970
}

// AddedByDay returns what was added to the trackable on each day since a time. For
// a State that is its changes. It needs a Snapshot with [Query].Days. The first
// total of a series is the base for the next, unless the series began with it:
// older ones than [KeptDays] before now are gone. What waits in journals was added
// now, as far as anyone can tell.
func (t *Trackable) AddedByDay(from, now time.Time) Added {
	oldest := now.Add(-(KeptDays - 1) * day).Truncate(day)
	sum := t.added(from, day, func(x *SeriesCounts) ([]Sample, bool) {
		return x.Days, len(x.Days) == 0 || x.Days[0].At.After(oldest)
	})
	if t != nil && !t.Unrecorded.isZero() && !now.Before(from) {
		sum.sums[sum.period(now)] = sum.In(now).Plus(t.Unrecorded)
	}
	return sum
}

// AddedByHour returns what was recorded in each hour since a time, like AddedByDay. It
// needs a Snapshot with [Query].History: the mirror keeps only the latest recordings.
func (t *Trackable) AddedByHour(from time.Time) Added {
	return t.added(from, time.Hour, func(x *SeriesCounts) ([]Sample, bool) {
		return x.History, int64(len(x.History)) >= x.Recordings
	})
}

// added adds up over the series of the trackable. samples returns running totals
// of one, and whether they go back to where it began.
func (t *Trackable) added(from time.Time, length time.Duration, samples func(*SeriesCounts) (list []Sample, whole bool)) Added {
	if t == nil {
		return Added{}
	}
	role := series.RoleValue
	if t.Kind == otelusage.KindState {
		role = series.RoleChanges
	}
	most := 0
	for _, x := range t.Series {
		most = max(most, len(x.Days), len(x.History))
	}
	sum := Added{length, make(map[int64]Amount, most)}
	for _, x := range t.Series {
		if x.Role == role {
			list, whole := samples(x)
			sum.addSeries(x, list, whole, from)
		}
	}
	return sum
}

// addSeries adds the differences between running totals from a time on. Where
// they do not go back to the beginning, the first says nothing about its period.
func (a Added) addSeries(x *SeriesCounts, samples []Sample, whole bool, from time.Time) {
	var before Sample
	next := func(s Sample, known bool) {
		change := Amount{minus(s.Value, before.Value), s.Count - before.Count}
		before = s
		if known && !s.At.Before(from) && (change.Count != 0 || !change.Value.IsZero()) {
			a.sums[a.period(s.At)] = a.In(s.At).Plus(change)
		}
	}
	for i := range samples {
		next(samples[i], whole || i > 0)
	}
	if !x.UpdatedAt.IsZero() {
		next(x.current(), whole || len(samples) > 0)
	}
}

// current returns the total now, which is the one after the last export.
func (x *SeriesCounts) current() Sample {
	recorded := amountOf(x.Recorded)
	return Sample{At: x.UpdatedAt, Value: recorded.Value, Count: recorded.Count}
}

// minus subtracts numbers. A zero may have lost its type in the file.
func minus(a, b series.Value) series.Value {
	if difference, ok := a.Sub(b); ok {
		return difference
	}
	return series.Float64Value(a.Float64() - b.Float64())
}

func (a Added) period(at time.Time) int64 { return at.Unix() / int64(a.length/time.Second) }

// In returns what was added in the period that contains a time.
func (a Added) In(at time.Time) Amount {
	if a.length == 0 { // of no trackable
		return Amount{}
	}
	return a.sums[a.period(at)]
}

// Starts returns the beginnings of the periods in which something was added,
// oldest first.
func (a Added) Starts() []time.Time {
	var list []time.Time
	for _, period := range slices.Sorted(maps.Keys(a.sums)) {
		list = append(list, time.Unix(period*int64(a.length/time.Second), 0).UTC())
	}
	return list
}

// Last returns what was added on each of the last days, that of now last.
func (a Added) Last(days int, now time.Time) []float64 {
	list := make([]float64, max(days, 0))
	for i := range list {
		list[i] = a.In(now.Add(-time.Duration(days-1-i) * day)).Value.Float64()
	}
	return list
}
