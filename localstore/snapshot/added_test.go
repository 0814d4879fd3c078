package snapshot

import (
	"slices"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// ago is a running total as it was at the end of the day so many days before.
func ago(days int, total int64) Sample {
	return Sample{At: noon.Truncate(day).AddDate(0, 0, -days), Value: series.Int64Value(total)}
}

func counted(role string, now int64, days ...Sample) *SeriesCounts {
	return &SeriesCounts{Role: role, Recorded: series.Int64Value(now), UpdatedAt: noon, Days: days}
}

func TestAddedByDay(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kind   otelusage.Kind
		series []*SeriesCounts
		from   int // days ago
		want   []float64
	}{
		{"from the beginning", otelusage.KindStatistic, []*SeriesCounts{counted(series.RoleValue, 9, ago(2, 5), ago(1, 6))}, 2, []float64{5, 1, 3}},
		{"since", otelusage.KindStatistic, []*SeriesCounts{counted(series.RoleValue, 9, ago(2, 5), ago(1, 6))}, 1, []float64{0, 1, 3}},
		{"all series", otelusage.KindStatistic, []*SeriesCounts{counted(series.RoleValue, 9, ago(1, 6)), counted(series.RoleValue, 1)}, 2, []float64{0, 6, 4}},
		{"the days before are gone", otelusage.KindStatistic, []*SeriesCounts{counted(series.RoleValue, 9, ago(KeptDays, 5), ago(1, 6))}, 2 * KeptDays, []float64{0, 1, 3}},
		{"the changes of a State", otelusage.KindState, []*SeriesCounts{counted(series.RoleChanges, 2, ago(1, 1)), counted(series.RoleValue, 7)}, 2, []float64{0, 1, 1}},
		{"no value of a Statistic", otelusage.KindStatistic, []*SeriesCounts{counted(series.RoleChanges, 2, ago(1, 1))}, 2, []float64{0, 0, 0}},
	} {
		x := &Trackable{Declaration: otelusage.Declaration{Kind: tt.kind}, Series: tt.series}
		added := x.AddedByDay(noon.Truncate(day).AddDate(0, 0, -tt.from), noon)
		if got := added.Last(3, noon); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		starts := 0
		for _, f := range tt.want {
			if f != 0 {
				starts++
			}
		}
		if got := added.Starts(); len(got) != starts {
			t.Errorf("%s: something was added on %v", tt.name, got)
		}
	}
}

// TestAddedByHour: of the latest exports the first says what was before.
func TestAddedByHour(t *testing.T) {
	x := counted(series.RoleValue, 9)
	for i := range int64(3) {
		x.History = append(x.History, Sample{At: noon.Add(time.Duration(i-2) * time.Hour), Value: series.Int64Value(5 + 2*i)})
	}
	one := &Trackable{Declaration: otelusage.Declaration{Kind: otelusage.KindStatistic}, Series: []*SeriesCounts{x}}
	for exports, first := range map[int64]int64{3: 5, 4: 0} {
		x.Recordings = exports
		added := one.AddedByHour(time.Time{})
		if got := added.In(noon.Add(-2 * time.Hour)).Value.Int64(); got != first {
			t.Errorf("of %d exports the first added %d, want %d", exports, got, first)
		}
		if got := added.In(noon.Add(time.Minute)).Value.Int64(); got != 2 {
			t.Errorf("the last hour added %d, want 2", got)
		}
	}
}

func TestDistributions(t *testing.T) {
	of := func(bounds []float64, buckets ...uint64) *SeriesCounts {
		h := &series.Histogram{Bounds: bounds, Buckets: buckets}
		for _, n := range buckets {
			h.Count += n
		}
		return &SeriesCounts{Role: series.RoleValue, Recorded: series.HistogramValue(h)}
	}
	x := &Trackable{Series: []*SeriesCounts{of([]float64{1, 10}, 0, 1, 1), of([]float64{1, 10}, 0, 7, 1), of([]float64{1, 5}, 2, 0, 0)}}
	list := x.Distributions()
	if len(list) != 2 || list[0].Count != 10 || list[1].Count != 2 {
		t.Fatalf("distributions are %+v", list)
	}
	if shown := list[0].Shown(); len(shown) != 2 || shown[0] != (Bin{1, 10, 8}) || shown[1].Low != 10 {
		t.Errorf("shown are %+v", shown)
	}
	for q, want := range map[float64]float64{0.4: 5.5, 0.9: 10} {
		if at, open := list[0].Quantile(q); at != want || open != (q > 0.8) {
			t.Errorf("quantile %g is %g, open %v, want %g", q, at, open, want)
		}
	}
}
