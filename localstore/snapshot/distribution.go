package snapshot

import (
	"math"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Bin counts values above Low, up to and including High.
type Bin struct {
	Low, High float64
	Count     uint64
}

// Distribution is a histogram of either kind. Its bins are in ascending order and
// do not overlap. The first and the last may be open.
type Distribution struct {
	Bins  []Bin
	Count uint64
}

// Distributions returns the histograms of a Timer. Series with the same
// boundaries are added up.
func (t *Trackable) Distributions() []Distribution {
	if t == nil {
		return nil
	}
	var sums []series.Value
next:
	for _, x := range t.Series {
		counted := x.Counted()
		if x.Role != series.RoleValue || (counted.Histogram() == nil && counted.Exponential() == nil) || counted.IsZero() {
			continue
		}
		for i, sum := range sums {
			if joined := sum.Add(counted); !joined.Equal(sum) { // histograms with different boundaries cannot be added
				sums[i] = joined
				continue next
			}
		}
		sums = append(sums, counted)
	}
	var list []Distribution
	for _, sum := range sums {
		if h := sum.Histogram(); h != nil {
			list = append(list, explicit(h))
		} else {
			list = append(list, exponential(sum.Exponential()))
		}
	}
	return list
}

func explicit(h *series.Histogram) Distribution {
	d := Distribution{Count: h.Count}
	low := 0.0 // durations are not negative
	if len(h.Bounds) > 0 && h.Bounds[0] <= 0 {
		low = math.Inf(-1)
	}
	for i, n := range h.Buckets {
		high := math.Inf(1)
		if i < len(h.Bounds) {
			high = h.Bounds[i]
		}
		d.Bins = append(d.Bins, Bin{low, high, n})
		low = high
	}
	return d
}

// exponential follows the OpenTelemetry data model: bucket i of scale s holds
// values above base^i, up to and including base^(i+1), where base is 2^(2^-s).
func exponential(h *series.ExponentialHistogram) Distribution {
	d := Distribution{Count: h.Count}
	bound := func(i int) float64 { return math.Exp2(math.Ldexp(float64(i), -int(h.Scale))) }
	for i := len(h.Negative.Counts) - 1; i >= 0; i-- {
		at := int(h.Negative.Offset) + i
		d.Bins = append(d.Bins, Bin{-bound(at + 1), -bound(at), h.Negative.Counts[i]})
	}
	if h.ZeroCount > 0 {
		d.Bins = append(d.Bins, Bin{-h.ZeroThreshold, h.ZeroThreshold, h.ZeroCount})
	}
	for i, n := range h.Positive.Counts {
		at := int(h.Positive.Offset) + i
		d.Bins = append(d.Bins, Bin{bound(at), bound(at + 1), n})
	}
	return d
}

// Quantile returns the value that a fraction of the values does not exceed. It
// assumes that values are spread evenly within a bin. In an open bin it is the
// known end, and open is set.
func (d Distribution) Quantile(q float64) (at float64, open bool) {
	rank := q * float64(d.Count)
	below := 0.0
	for _, b := range d.Bins {
		n := float64(b.Count)
		if n == 0 || below+n < rank {
			below += n
			continue
		}
		switch {
		case math.IsInf(b.High, 1):
			return b.Low, true
		case math.IsInf(b.Low, -1):
			return b.High, true
		}
		return b.Low + (b.High-b.Low)*(rank-below)/n, false
	}
	return 0, false
}

// Shown returns the bins from the first to the last non-empty one.
func (d Distribution) Shown() []Bin {
	first, last := -1, -1
	for i, b := range d.Bins {
		if b.Count > 0 {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return nil
	}
	return d.Bins[first : last+1]
}
