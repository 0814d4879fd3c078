package series

import (
	"math/rand/v2"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/bucketed"
)

func TestHistogramsAddAndSubtractLikeTheirObservations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		all := make([]float64, random.IntN(50))
		for i := range all {
			all[i] = float64(random.IntN(1000)) / 4 // sums of these are exact
		}
		k := random.IntN(len(all) + 1)
		earlier, rest, later := observe(timerBounds, all[:k]...), observe(timerBounds, all[k:]...), observe(timerBounds, all...)
		if got := earlier.Add(rest); !got.Equal(later) {
			t.Fatalf("%s + %s = %s, want %s", earlier, rest, got, later)
		}
		if got, ok := later.Sub(earlier); !ok || !got.Equal(rest) {
			t.Fatalf("%s - %s = %s, %v, want %s", later, earlier, got, ok, rest)
		}
	}
}

func TestHistogramOperationsLeaveTheirOperands(t *testing.T) {
	a, b := observe(timerBounds, 5, 50), observe(timerBounds, 5)
	a.Add(b)
	a.Sub(b)
	if !a.Equal(observe(timerBounds, 5, 50)) || !b.Equal(observe(timerBounds, 5)) {
		t.Errorf("operands became %s and %s", a, b)
	}
}

func TestHistogramsThatDoNotContinueEachOther(t *testing.T) {
	later := observe(timerBounds, 5, 50)
	for name, earlier := range map[string]Value{
		"a bucket fell":    observe(timerBounds, 500),
		"the count fell":   observe(timerBounds, 5, 50, 50),
		"other boundaries": observe([]float64{1, 10}, 5),
		"another kind":     ExponentialValue(naive([]float64{5}, 3)),
	} {
		if _, ok := later.Sub(earlier); ok {
			t.Errorf("%s: subtracted", name)
		}
	}
	if got := later.Add(observe([]float64{1, 10}, 5)); !got.Equal(later) {
		t.Errorf("added other boundaries: %s", got)
	}
}

var timerBounds = []float64{1, 10, 100}

// observe buckets seconds between explicit boundaries.
func observe(bounds []float64, values ...float64) Value {
	count, sum, buckets := bucketed.Histogram(bounds, values...)
	return HistogramValue(&Histogram{Count: count, Sum: sum, Bounds: bounds, Buckets: buckets})
}
