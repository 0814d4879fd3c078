package keeping

import (
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestATimerIsKeptBeforeItIsReported: a collection that comes in between does not end
// the keeping. What is never collected does, at once where nothing comes in between.
func TestATimerIsKeptBeforeItIsReported(t *testing.T) {
	none := func(*series.Series) bool { return false }
	for kind, patient := range map[otelusage.Kind]bool{otelusage.KindTimer: true, otelusage.KindStatistic: false} {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		k := New(new(series.Resource), nil)
		k.now = func() time.Time { return at }
		k.Keep(otelusage.Kept{Declaration: otelusage.Declaration{Name: "x", Kind: kind},
			Read: func(r *otelusage.Reading) { r.Int, r.Count = 1, 1 }})
		if missing := k.Uncollected(none); missing != nil {
			t.Errorf("%v: %v is missing in the first collection", kind, missing.Metric)
		}
		at = at.Add(time.Second)
		if missing := k.Uncollected(none); (missing == nil) != patient {
			t.Errorf("%v: missing %v, want it: %v", kind, missing, !patient)
		}
		at = at.Add(time.Minute)
		if k.Uncollected(none) == nil {
			t.Errorf("%v: nothing is missing after a minute", kind)
		}
	}
}
