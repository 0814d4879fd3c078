package series

import (
	"math"
	"math/rand/v2"
	"testing"
)

// naive buckets observations at a scale, one by one.
func naive(values []float64, scale int32) *ExponentialHistogram {
	h := &ExponentialHistogram{Scale: scale}
	sides := [2]map[int32]uint64{{}, {}}
	for _, v := range values {
		h.Count++
		h.Sum += v
		switch {
		case v == 0:
			h.ZeroCount++
		case v > 0:
			sides[0][bucketOf(v, scale)]++
		default:
			sides[1][bucketOf(-v, scale)]++
		}
	}
	h.Positive, h.Negative = consecutive(sides[0]), consecutive(sides[1])
	return h
}

func unsummed(h *ExponentialHistogram) *ExponentialHistogram {
	h.Sum = 0
	return h
}

func bucketOf(v float64, scale int32) int32 {
	return int32(math.Ceil(math.Log2(v)*math.Exp2(float64(scale)))) - 1
}

func consecutive(counts map[int32]uint64) ExponentialBuckets {
	if len(counts) == 0 {
		return ExponentialBuckets{}
	}
	first, last := int32(math.MaxInt32), int32(math.MinInt32)
	for i := range counts {
		first, last = min(first, i), max(last, i)
	}
	b := ExponentialBuckets{Offset: first, Counts: make([]uint64, last-first+1)}
	for i, n := range counts {
		b.Counts[i-first] = n
	}
	return b
}

// fits reports whether a scale keeps both sides within the bound.
func fits(values []float64, scale int32) bool {
	for _, sign := range []float64{1, -1} {
		first, last := math.Inf(1), math.Inf(-1)
		for _, v := range values {
			if v *= sign; v > 0 {
				i := float64(bucketOf(v, scale))
				first, last = min(first, i), max(last, i)
			}
		}
		if last-first >= MaxExponentialBuckets {
			return false
		}
	}
	return true
}

// observations are spread over spread powers of two, on both sides of 1.
func observations(random *rand.Rand, n int, spread float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		v := math.Exp2((random.Float64() - 0.5) * spread)
		switch random.IntN(8) {
		case 0:
			v = -v
		case 1:
			v = 0
		}
		values[i] = v
	}
	return values
}

// finest returns the finest scale, at most the given one, for the values.
func finest(values []float64, scale int32) int32 {
	for !fits(values, scale) {
		scale--
	}
	return scale
}

func TestExponentialHistogramsMergeLikeTheirObservations(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		spread := math.Exp2(random.Float64() * 9)
		all := observations(random, 1+random.IntN(60), spread)
		k := random.IntN(len(all) + 1)
		a := naive(all[:k], finest(all[:k], int32(random.IntN(22)-2)))
		b := naive(all[k:], finest(all[k:], int32(random.IntN(22)-2)))
		got := a.add(b)
		want := finest(all, min(a.Scale, b.Scale))
		if got.Scale != want {
			t.Fatalf("scales %d and %d merged to %d, want %d", a.Scale, b.Scale, got.Scale, want)
		}
		if !(ExponentialValue(got)).Nearly(ExponentialValue(naive(all, want))) {
			t.Fatalf("%v at scales %d and %d merged to %+v", all, a.Scale, b.Scale, got)
		}
		if len(got.Positive.Counts) > MaxExponentialBuckets || len(got.Negative.Counts) > MaxExponentialBuckets {
			t.Fatalf("%d and %d buckets", len(got.Positive.Counts), len(got.Negative.Counts))
		}
	}
}

func TestExponentialHistogramsSubtractAnEarlierStateOfAnyScale(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		all := observations(random, 1+random.IntN(60), math.Exp2(random.Float64()*9))
		k := random.IntN(len(all) + 1)
		earlier := naive(all[:k], finest(all[:k], MaxScale))
		later := naive(all, min(finest(all, MaxScale), earlier.Scale-int32(random.IntN(4))))
		got, ok := later.sub(earlier)
		earlier.Sum, got.Sum, later.Sum = 0, 0, 0 // floats so far apart do not subtract
		if !ok || !ExponentialValue(got).Nearly(ExponentialValue(unsummed(naive(all[k:], later.Scale)))) {
			t.Fatalf("%v after %d: %+v, %v", all, k, got, ok)
		}
		if again := earlier.add(got); !ExponentialValue(again).Nearly(ExponentialValue(later)) {
			t.Fatalf("earlier + difference = %+v, want %+v", again, later)
		}
	}
}

func TestExponentialHistogramsFarApartMergeInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a benchmark")
	}
	far := []float64{math.MaxFloat64, 1e-300}
	var got *ExponentialHistogram
	bytes := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			got = naive(far[:1], MaxScale).add(naive(far[1:], MaxScale))
		}
	}).AllocedBytesPerOp()
	if bytes > 1<<16 {
		t.Errorf("merging allocated %d bytes", bytes)
	}
	if want := naive(far, finest(far, MaxScale)); !got.equal(want) {
		t.Errorf("merged to %+v, want %+v", got, want)
	}
}

func TestBucketsGetCoarserTowardsMinusInfinity(t *testing.T) {
	b := ExponentialBuckets{Offset: -5, Counts: []uint64{1, 2, 3, 4, 5, 6, 7}} // -5 to 1
	for _, tt := range []struct {
		steps int32
		want  ExponentialBuckets
	}{
		{0, b},
		{1, ExponentialBuckets{Offset: -3, Counts: []uint64{1, 5, 9, 13}}},
		{2, ExponentialBuckets{Offset: -2, Counts: []uint64{1, 14, 13}}},
		{3, ExponentialBuckets{Offset: -1, Counts: []uint64{15, 13}}},
		{31, ExponentialBuckets{Offset: -1, Counts: []uint64{15, 13}}},
		{40, ExponentialBuckets{Offset: -1, Counts: []uint64{15, 13}}},
	} {
		if got := b.coarser(tt.steps); !got.equal(tt.want) {
			t.Errorf("coarser(%d) = %+v, want %+v", tt.steps, got, tt.want)
		}
	}
}

func TestExponentialHistogramsThatDoNotContinueEachOther(t *testing.T) {
	later := naive([]float64{2, 3, 0}, 2)
	for name, earlier := range map[string]*ExponentialHistogram{
		"the count fell":      naive([]float64{2, 3, 0, 5}, 2),
		"a bucket fell":       naive([]float64{5}, 2),
		"the zero count fell": naive([]float64{0, 0}, 2),
		"the scale rose":      naive([]float64{2}, 1),
		"another sign":        naive([]float64{-2}, 2),
	} {
		if _, ok := later.sub(earlier); ok {
			t.Errorf("%s: subtracted", name)
		}
	}
}
