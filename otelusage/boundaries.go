package otelusage

import "slices"

// boundaries are constants of the module: they are part of what makes two
// histograms the same.
var boundaries = []float64{
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
	5 * 60, 15 * 60, 30 * 60, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600, 7 * 24 * 3600,
}

// TimerBoundaries returns the bucket boundaries of every Timer, in seconds,
// ascending, from 1 ms to 7 days. A boundary belongs to the bucket below it.
func TimerBoundaries() []float64 { return slices.Clone(boundaries) }

// bucket counts what was measured before there was a histogram to record it.
type bucket struct {
	n       int64
	seconds float64
}

func bucketOf(seconds float64) int {
	i, _ := slices.BinarySearch(boundaries, seconds)
	return i
}

// mean returns the bucket's mean, inside the bucket whatever rounding did.
func (b bucket) mean(i int) float64 {
	mean := b.seconds / float64(b.n)
	if i < len(boundaries) {
		mean = min(mean, boundaries[i])
	}
	if i > 0 && mean <= boundaries[i-1] {
		mean = boundaries[i-1] * (1 + 1e-15)
	}
	return mean
}
