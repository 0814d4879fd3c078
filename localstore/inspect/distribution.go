package inspect

import (
	"math"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// bin counts values above low, up to and including high.
type bin struct {
	low, high float64
	n         uint64
}

// distribution is a histogram of either kind. Its bins are in ascending order and
// do not overlap. The first and the last may be open.
type distribution struct {
	bins  []bin
	count uint64
	sum   float64
}

// distributions returns the histograms of a trackable. Series with the same
// boundaries are added up.
func distributions(t *snapshot.Trackable) []distribution {
	var sums []series.Value
next:
	for _, x := range t.Series {
		if x.Role != series.RoleValue || (x.Recorded.Histogram() == nil && x.Recorded.Exponential() == nil) || x.Recorded.IsZero() {
			continue
		}
		for i, sum := range sums {
			if joined := sum.Add(x.Recorded); !joined.Equal(sum) { // histograms with different boundaries cannot be added
				sums[i] = joined
				continue next
			}
		}
		sums = append(sums, x.Recorded)
	}
	var list []distribution
	for _, sum := range sums {
		if h := sum.Histogram(); h != nil {
			list = append(list, explicit(h))
		} else {
			list = append(list, exponential(sum.Exponential()))
		}
	}
	return list
}

func explicit(h *series.Histogram) distribution {
	d := distribution{count: h.Count, sum: h.Sum}
	low := 0.0 // durations are not negative
	if len(h.Bounds) > 0 && h.Bounds[0] <= 0 {
		low = math.Inf(-1)
	}
	for i, n := range h.Buckets {
		high := math.Inf(1)
		if i < len(h.Bounds) {
			high = h.Bounds[i]
		}
		d.bins = append(d.bins, bin{low, high, n})
		low = high
	}
	return d
}

// exponential follows the OpenTelemetry data model: bucket i of scale s holds
// values above base^i, up to and including base^(i+1), where base is 2^(2^-s).
func exponential(h *series.ExponentialHistogram) distribution {
	d := distribution{count: h.Count, sum: h.Sum}
	bound := func(i int) float64 { return math.Exp2(math.Ldexp(float64(i), -int(h.Scale))) }
	for i := len(h.Negative.Counts) - 1; i >= 0; i-- {
		at := int(h.Negative.Offset) + i
		d.bins = append(d.bins, bin{-bound(at + 1), -bound(at), h.Negative.Counts[i]})
	}
	if h.ZeroCount > 0 {
		d.bins = append(d.bins, bin{-h.ZeroThreshold, h.ZeroThreshold, h.ZeroCount})
	}
	for i, n := range h.Positive.Counts {
		at := int(h.Positive.Offset) + i
		d.bins = append(d.bins, bin{bound(at), bound(at + 1), n})
	}
	return d
}

// quantile returns the value that a fraction of the values does not exceed. It
// assumes that values are spread evenly within a bin. In an open bin it is the
// known end, and over (or under) is set.
func (d distribution) quantile(q float64) (at float64, open bool) {
	rank := q * float64(d.count)
	below := 0.0
	for _, b := range d.bins {
		n := float64(b.n)
		if n == 0 || below+n < rank {
			below += n
			continue
		}
		switch {
		case math.IsInf(b.high, 1):
			return b.low, true
		case math.IsInf(b.low, -1):
			return b.high, true
		}
		return b.low + (b.high-b.low)*(rank-below)/n, false
	}
	return 0, false
}

// shown returns the bins from the first to the last non-empty one.
func (d distribution) shown() []bin {
	first, last := -1, -1
	for i, b := range d.bins {
		if b.n > 0 {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return nil
	}
	return d.bins[first : last+1]
}
