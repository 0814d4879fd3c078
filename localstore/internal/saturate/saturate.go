// Package saturate counts up to the ends of a type and stops there: SQLite turns
// a whole number that overflows into a float, and Go wraps it.
package saturate

import "math"

// Add returns a + b.
func Add(a, b int64) int64 {
	sum := a + b
	if (a^sum)&(b^sum) < 0 {
		return limit(a)
	}
	return sum
}

// Sub returns a - b.
func Sub(a, b int64) int64 {
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

// AddFloat adds what is finite: an observation that is no number, or has no
// end, must not take the others with it.
func AddFloat(a, b float64) float64 { return Float(Finite(a) + Finite(b)) }

// SubFloat returns a - b, 0 where one of them is not finite.
func SubFloat(a, b float64) float64 {
	if a != Finite(a) || b != Finite(b) {
		return 0
	}
	return Float(a - b)
}

// Finite returns f, 0 where it is no number or has no end.
func Finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// Float keeps sums from running over to infinity.
func Float(f float64) float64 {
	return max(-math.MaxFloat64, min(math.MaxFloat64, f))
}

// Int returns the nearest whole number towards 0.
func Int(f float64) int64 {
	if f >= math.MaxInt64 {
		return math.MaxInt64
	}
	if f <= math.MinInt64 {
		return math.MinInt64
	}
	return int64(f)
}

// Count returns n as SQLite can keep it.
func Count(n uint64) int64 {
	return int64(min(n, math.MaxInt64))
}
