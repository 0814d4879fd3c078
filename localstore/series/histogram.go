package series

import (
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
)

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
	sum := &Histogram{Count: h.Count + o.Count, Sum: saturate.AddFloat(h.Sum, o.Sum), Bounds: h.Bounds, Buckets: slices.Clone(h.Buckets)}
	for i, n := range o.Buckets {
		sum.Buckets[i] += n
	}
	return sum
}

func (h *Histogram) sub(o *Histogram) (*Histogram, bool) {
	if !slices.Equal(h.Bounds, o.Bounds) || len(h.Buckets) != len(o.Buckets) || h.Count < o.Count {
		return h, false
	}
	rest := &Histogram{Count: h.Count - o.Count, Sum: saturate.SubFloat(h.Sum, o.Sum), Bounds: h.Bounds, Buckets: slices.Clone(h.Buckets)}
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

// Coarser returns h with some of its boundaries alone. For nil it is nil.
func (h *Histogram) Coarser(bounds []float64) *Histogram {
	if h == nil {
		return nil
	}
	c := &Histogram{Count: h.Count, Sum: h.Sum, Bounds: bounds, Buckets: make([]uint64, len(bounds)+1)}
	to := 0
	for i, n := range h.Buckets {
		c.Buckets[to] += n
		if to < len(bounds) && i < len(h.Bounds) && h.Bounds[i] == bounds[to] {
			to++
		}
	}
	return c
}
