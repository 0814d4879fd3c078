package localstore

import "slices"

// Histogram counts observations between explicit boundaries. Buckets has one
// element more than Bounds; bucket i holds what is above Bounds[i-1] and at
// most Bounds[i].
type Histogram struct {
	Count   uint64    `json:"count"`
	Sum     float64   `json:"sum"`
	Bounds  []float64 `json:"-"` // kept once, with the metric
	Buckets []uint64  `json:"buckets"`
}

func (h *Histogram) add(o *Histogram) *Histogram {
	if !slices.Equal(h.Bounds, o.Bounds) || len(h.Buckets) != len(o.Buckets) {
		return h
	}
	sum := &Histogram{Count: h.Count + o.Count, Sum: addFloat(h.Sum, o.Sum), Bounds: h.Bounds, Buckets: slices.Clone(h.Buckets)}
	for i, n := range o.Buckets {
		sum.Buckets[i] += n
	}
	return sum
}

func (h *Histogram) sub(o *Histogram) (*Histogram, bool) {
	if !slices.Equal(h.Bounds, o.Bounds) || len(h.Buckets) != len(o.Buckets) || h.Count < o.Count {
		return h, false
	}
	rest := &Histogram{Count: h.Count - o.Count, Sum: subFloat(h.Sum, o.Sum), Bounds: h.Bounds, Buckets: slices.Clone(h.Buckets)}
	for i, n := range o.Buckets {
		if rest.Buckets[i] < n {
			return h, false
		}
		rest.Buckets[i] -= n
	}
	return rest, true
}

func (h *Histogram) equal(o *Histogram) bool {
	return h.Count == o.Count && h.Sum == o.Sum && slices.Equal(h.Bounds, o.Bounds) && slices.Equal(h.Buckets, o.Buckets)
}
