package localstore

import "math"

// SQLite turns a whole number that overflows into a float, and Go wraps it:
// counts stop at the ends of int64 instead.

func saturatingAdd(a, b int64) int64 {
	sum := a + b
	if (a^sum)&(b^sum) < 0 {
		return limit(a)
	}
	return sum
}

func saturatingSub(a, b int64) int64 {
	difference := a - b
	if (a^b)&(a^difference) < 0 {
		return limit(a)
	}
	return difference
}

func limit(sign int64) int64 {
	if sign < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

// addFloat adds what is finite: an observation that is no number, or has no
// end, must not take the others with it.
func addFloat(a, b float64) float64 { return clampFloat(finite(a) + finite(b)) }

func subFloat(a, b float64) float64 {
	if a != finite(a) || b != finite(b) {
		return 0
	}
	return clampFloat(a - b)
}

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// clampFloat keeps sums from running over to infinity.
func clampFloat(f float64) float64 {
	return max(-math.MaxFloat64, min(math.MaxFloat64, f))
}

func clampInt(f float64) int64 {
	if f >= math.MaxInt64 {
		return math.MaxInt64
	}
	if f <= math.MinInt64 {
		return math.MinInt64
	}
	return int64(f)
}

func saturatedCount(n uint64) int64 {
	return int64(min(n, math.MaxInt64))
}
