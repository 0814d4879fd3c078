// Package bucketed makes the histograms that tests expect. It knows no type of the
// other packages, so that the tests of each of them can use it.
package bucketed

// Histogram counts values between explicit boundaries, each of which belongs to the
// bucket below it.
func Histogram(bounds []float64, values ...float64) (count uint64, sum float64, buckets []uint64) {
	buckets = make([]uint64, len(bounds)+1)
	for _, v := range values {
		i := 0
		for i < len(bounds) && v > bounds[i] {
			i++
		}
		buckets[i]++
		count++
		sum += v
	}
	return count, sum, buckets
}
