package localstore

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"
	"testing/quick"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

func TestWholeNumbersSaturate(t *testing.T) {
	tests := []struct{ a, b, sum, difference int64 }{
		{1, 2, 3, -1},
		{math.MaxInt64, 1, math.MaxInt64, math.MaxInt64 - 1},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, 0},
		{math.MinInt64, -1, math.MinInt64, math.MinInt64 + 1},
		{math.MinInt64, 1, math.MinInt64 + 1, math.MinInt64},
		{math.MinInt64, math.MinInt64, math.MinInt64, 0},
		{math.MaxInt64, math.MinInt64, -1, math.MaxInt64},
		{math.MinInt64, math.MaxInt64, -1, math.MinInt64},
		{0, math.MinInt64, math.MinInt64, math.MaxInt64},
		{-1, math.MinInt64, math.MinInt64, math.MaxInt64},
	}
	for _, tt := range tests {
		a, b := series.Int64Value(tt.a), series.Int64Value(tt.b)
		if got := a.Add(b).Int64(); got != tt.sum {
			t.Errorf("%d + %d = %d, want %d", tt.a, tt.b, got, tt.sum)
		}
		if got, ok := a.Sub(b); got.Int64() != tt.difference || !ok {
			t.Errorf("%d - %d = %s, %v, want %d", tt.a, tt.b, got, ok, tt.difference)
		}
	}
}

func TestWholeNumbersAreExactWhereverTheyFit(t *testing.T) {
	within := func(n *big.Int) int64 {
		switch {
		case n.Cmp(big.NewInt(math.MaxInt64)) > 0:
			return math.MaxInt64
		case n.Cmp(big.NewInt(math.MinInt64)) < 0:
			return math.MinInt64
		}
		return n.Int64()
	}
	property := func(a, b int64) bool {
		x, y := big.NewInt(a), big.NewInt(b)
		difference, ok := series.Int64Value(a).Sub(series.Int64Value(b))
		return ok && series.Int64Value(a).Add(series.Int64Value(b)).Int64() == within(new(big.Int).Add(x, y)) &&
			difference.Int64() == within(new(big.Int).Sub(x, y))
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 10_000}); err != nil {
		t.Error(err)
	}
}

func TestFloatSumsStayFinite(t *testing.T) {
	tests := []struct{ a, b, want float64 }{
		{1.5, 2.5, 4},
		{math.MaxFloat64, math.MaxFloat64, math.MaxFloat64},
		{-math.MaxFloat64, -math.MaxFloat64, -math.MaxFloat64},
		{3, math.Inf(1), 3},
		{3, math.Inf(-1), 3},
		{3, math.NaN(), 3},
	}
	for _, tt := range tests {
		if got := series.Float64Value(tt.a).Add(series.Float64Value(tt.b)); !got.Equal(series.Float64Value(tt.want)) {
			t.Errorf("%g + %g = %s, want %g", tt.a, tt.b, got, tt.want)
		}
		h := series.HistogramValue(&series.Histogram{Count: 1, Sum: tt.a, Buckets: []uint64{1}})
		o := series.HistogramValue(&series.Histogram{Count: 1, Sum: tt.b, Buckets: []uint64{1}})
		if got := h.Add(o).Float64(); got != tt.want {
			t.Errorf("sum of histograms %g + %g = %g, want %g", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestDifferencesOfWhatIsNoNumberAreNothing(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, pair := range [][2]float64{{x, 1}, {1, x}, {x, x}} {
			if got, ok := series.Float64Value(pair[0]).Sub(series.Float64Value(pair[1])); !ok || got.Float64() != 0 {
				t.Errorf("%g - %g = %g, %v", pair[0], pair[1], got.Float64(), ok)
			}
		}
	}
}

func TestTheZeroValueTakesTheOtherKind(t *testing.T) {
	for _, v := range []series.Value{series.Int64Value(7), series.Float64Value(7.5), observe(timerBounds, 7), exponentialOf([]float64{7}, 3)} {
		if got := (series.Value{}).Add(v); !got.Equal(v) {
			t.Errorf("0 + %s = %s", v, got)
		}
		if got, ok := v.Sub(series.Value{}); !ok || !got.Equal(v) {
			t.Errorf("%s - 0 = %s, %v", v, got, ok)
		}
	}
}

func TestKindsDoNotMix(t *testing.T) {
	whole, histogram := series.Int64Value(7), observe(timerBounds, 7)
	if got := whole.Add(histogram); !got.Equal(whole) {
		t.Errorf("whole + histogram = %s", got)
	}
	if _, ok := whole.Sub(histogram); ok {
		t.Error("a histogram was subtracted from a number")
	}
}

func TestValuesRoundTripExactly(t *testing.T) {
	whole := &series.Metric{Name: "n", Type: series.TypeSum}
	float := &series.Metric{Name: "f", Type: series.TypeSum, Float: true}
	explicit := &series.Metric{Name: "h", Type: series.TypeHistogram, Float: true, Bounds: timerBounds}
	exponential := &series.Metric{Name: "e", Type: series.TypeExponential, Float: true}
	tests := []struct {
		metric *series.Metric
		value  series.Value
	}{
		{whole, series.Int64Value(0)},
		{whole, series.Int64Value(1<<53 + 1)},
		{whole, series.Int64Value(math.MaxInt64)},
		{whole, series.Int64Value(math.MinInt64)},
		{float, series.Float64Value(0)},
		{float, series.Float64Value(3)},
		{float, series.Float64Value(0.1 + 0.2)},
		{float, series.Float64Value(math.MaxFloat64)},
		{float, series.Float64Value(math.SmallestNonzeroFloat64)},
		{float, series.Float64Value(1<<60 + 1<<8)},
		{explicit, observe(timerBounds, 0.1, 0.2, 1, 10, 1e300)},
		{explicit, explicit.Zero()},
		{exponential, exponentialOf([]float64{1e-9, 0, -4, 1e9, 0.1}, 2)},
		{exponential, exponential.Zero()},
	}
	s, _ := fresh(t)
	execute(t, s, `CREATE TABLE trip (v ANY) STRICT`)
	for _, tt := range tests {
		encoded, err := json.Marshal(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tt.metric.ParseJSON(encoded); err != nil || !got.Equal(tt.value) {
			t.Errorf("JSON of %s came back as %s, %v", tt.value, got, err)
		}
		column, err := tt.value.SQL()
		if err != nil {
			t.Fatal(err)
		}
		execute(t, s, `DELETE FROM trip`)
		execute(t, s, `INSERT INTO trip VALUES (?1)`, column)
		var read any
		if err := s.db.Conn.QueryRow(`SELECT v FROM trip`).Scan(&read); err != nil {
			t.Fatal(err)
		}
		if got, err := tt.metric.ParseValue(read); err != nil || !got.Equal(tt.value) {
			t.Errorf("column of %s came back as %s, %v", tt.value, got, err)
		}
	}
}

func TestValuesThatAreNoneAreRefused(t *testing.T) {
	explicit := &series.Metric{Name: "h", Type: series.TypeHistogram, Float: true, Bounds: timerBounds}
	for _, tt := range []struct {
		metric *series.Metric
		column any
	}{
		{explicit, `{"count":1,"sum":1,"buckets":[1]}`},
		{explicit, `{`},
		{&series.Metric{Type: series.TypeSum}, `1.5`},
		{&series.Metric{Type: series.TypeExponential}, `[]`},
		{&series.Metric{Type: series.TypeSum}, true},
	} {
		if v, err := tt.metric.ParseValue(tt.column); err == nil {
			t.Errorf("%v was read as %s", tt.column, v)
		}
	}
}
