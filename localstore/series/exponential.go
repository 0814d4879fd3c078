package series

import (
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
)

const (
	// MaxScale is the finest scale of an exponential histogram, and where an
	// empty one starts: merging only ever makes it coarser.
	MaxScale = 20

	// MaxExponentialBuckets limits the buckets on each side of a merged histogram.
	// It is the SDK's default.
	MaxExponentialBuckets = 160
)

// ExponentialHistogram counts observations in buckets whose boundaries are the
// powers of 2^(2^-Scale), as the OpenTelemetry data model defines them.
type ExponentialHistogram struct {
	Count         uint64             `json:"count"`
	Sum           float64            `json:"sum"`
	Scale         int32              `json:"scale"`
	ZeroCount     uint64             `json:"zero_count"`
	ZeroThreshold float64            `json:"zero_threshold"`
	Positive      ExponentialBuckets `json:"positive"`
	Negative      ExponentialBuckets `json:"negative"`
}

// ExponentialBuckets holds consecutive buckets; Counts[i] is that of bucket
// Offset+i.
type ExponentialBuckets struct {
	Offset int32    `json:"offset"`
	Counts []uint64 `json:"counts"`
}

// add merges downwards: the result has the coarser of the two scales, coarser
// still where the buckets of both would not fit.
func (h *ExponentialHistogram) add(o *ExponentialHistogram) *ExponentialHistogram {
	scale := h.mergedScale(o)
	return &ExponentialHistogram{
		Count: h.Count + o.Count, Sum: saturate.AddFloat(h.Sum, o.Sum), Scale: scale,
		ZeroCount: h.ZeroCount + o.ZeroCount, ZeroThreshold: max(h.ZeroThreshold, o.ZeroThreshold),
		Positive: h.Positive.coarser(h.Scale - scale).add(o.Positive.coarser(o.Scale - scale)),
		Negative: h.Negative.coarser(h.Scale - scale).add(o.Negative.coarser(o.Scale - scale)),
	}
}

// mergedScale is found before any bucket is made: at a fine scale two
// observations can lie a thousand million buckets apart.
func (h *ExponentialHistogram) mergedScale(o *ExponentialHistogram) int32 {
	scale := min(h.Scale, o.Scale)
	for span(h.Positive, h.Scale-scale, o.Positive, o.Scale-scale) > MaxExponentialBuckets ||
		span(h.Negative, h.Scale-scale, o.Negative, o.Scale-scale) > MaxExponentialBuckets {
		scale--
	}
	return scale
}

// span returns how many buckets hold those of b and o, made coarser by steps.
func span(b ExponentialBuckets, bSteps int32, o ExponentialBuckets, oSteps int32) int64 {
	bFirst, bLast, bAny := b.reach(bSteps)
	oFirst, oLast, oAny := o.reach(oSteps)
	switch {
	case !bAny && !oAny:
		return 0
	case !oAny:
		return bLast - bFirst + 1
	case !bAny:
		return oLast - oFirst + 1
	}
	return max(bLast, oLast) - min(bFirst, oFirst) + 1
}

// reach returns the first and last bucket in use, made coarser by steps.
func (b ExponentialBuckets) reach(steps int32) (first, last int64, any bool) {
	b = b.trimmed()
	if len(b.Counts) == 0 {
		return 0, 0, false
	}
	return int64(b.Offset) >> steps, (int64(b.Offset) + int64(len(b.Counts)) - 1) >> steps, true
}

// sub takes an earlier state of the same stream from h. A stream's scale only
// ever falls, so the earlier state is brought to the scale of the later one.
func (h *ExponentialHistogram) sub(o *ExponentialHistogram) (*ExponentialHistogram, bool) {
	if h.Count < o.Count || h.ZeroCount < o.ZeroCount || h.Scale > o.Scale {
		return h, false
	}
	positive, ok := h.Positive.sub(o.Positive.coarser(o.Scale - h.Scale))
	if !ok {
		return h, false
	}
	negative, ok := h.Negative.sub(o.Negative.coarser(o.Scale - h.Scale))
	if !ok {
		return h, false
	}
	return &ExponentialHistogram{
		Count: h.Count - o.Count, Sum: saturate.SubFloat(h.Sum, o.Sum), Scale: h.Scale,
		ZeroCount: h.ZeroCount - o.ZeroCount, ZeroThreshold: h.ZeroThreshold,
		Positive: positive, Negative: negative,
	}, true
}

func (h *ExponentialHistogram) equal(o *ExponentialHistogram) bool {
	return h.Count == o.Count && h.Sum == o.Sum && h.Scale == o.Scale &&
		h.ZeroCount == o.ZeroCount && h.ZeroThreshold == o.ZeroThreshold &&
		h.Positive.equal(o.Positive) && h.Negative.equal(o.Negative)
}

// coarser merges each 2^steps neighbours, which lowers the scale by steps. The
// arithmetic shift rounds towards minus infinity, as bucket indexes need it.
func (b ExponentialBuckets) coarser(steps int32) ExponentialBuckets {
	if steps <= 0 || len(b.Counts) == 0 {
		return b
	}
	steps = min(steps, 31)
	first := b.Offset >> steps
	last := (b.Offset + int32(len(b.Counts)) - 1) >> steps
	merged := ExponentialBuckets{Offset: first, Counts: make([]uint64, last-first+1)}
	for i, n := range b.Counts {
		merged.Counts[(b.Offset+int32(i))>>steps-first] += n
	}
	return merged
}

func (b ExponentialBuckets) add(o ExponentialBuckets) ExponentialBuckets {
	b, o = b.trimmed(), o.trimmed()
	if len(b.Counts) == 0 {
		return o
	}
	if len(o.Counts) == 0 {
		return b
	}
	first := min(b.Offset, o.Offset)
	end := max(int64(b.Offset)+int64(len(b.Counts)), int64(o.Offset)+int64(len(o.Counts)))
	sum := ExponentialBuckets{Offset: first, Counts: make([]uint64, end-int64(first))}
	copy(sum.Counts[b.Offset-first:], b.Counts)
	for i, n := range o.Counts {
		sum.Counts[o.Offset-first+int32(i)] += n
	}
	return sum
}

func (b ExponentialBuckets) sub(o ExponentialBuckets) (ExponentialBuckets, bool) {
	rest := ExponentialBuckets{Offset: b.Offset, Counts: slices.Clone(b.Counts)}
	for i, n := range o.Counts {
		if n == 0 {
			continue
		}
		at := int64(o.Offset) + int64(i) - int64(b.Offset)
		if at < 0 || at >= int64(len(rest.Counts)) || rest.Counts[at] < n {
			return b, false
		}
		rest.Counts[at] -= n
	}
	return rest.trimmed(), true
}

func (b ExponentialBuckets) equal(o ExponentialBuckets) bool {
	b, o = b.trimmed(), o.trimmed()
	return b.Offset == o.Offset && slices.Equal(b.Counts, o.Counts)
}

// trimmed leaves out empty buckets at both ends.
func (b ExponentialBuckets) trimmed() ExponentialBuckets {
	for len(b.Counts) > 0 && b.Counts[0] == 0 {
		b.Offset, b.Counts = b.Offset+1, b.Counts[1:]
	}
	for len(b.Counts) > 0 && b.Counts[len(b.Counts)-1] == 0 {
		b.Counts = b.Counts[:len(b.Counts)-1]
	}
	if len(b.Counts) == 0 {
		return ExponentialBuckets{}
	}
	return b
}
