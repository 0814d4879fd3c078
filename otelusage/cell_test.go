package otelusage

import (
	"math"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
)

func saturated(n *big.Int) int64 {
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() > 0:
		return math.MaxInt64
	}
	return math.MinInt64
}

func TestCellIsExactBeyondItsLimits(t *testing.T) {
	amounts := []int64{0, 1, -1, 2, 1000, -1000, edge, -edge, edge - 1, 1 - edge, edge + 1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var c cell
		sum := new(big.Int)
		for range 40 {
			n := amounts[random.IntN(len(amounts))]
			if random.IntN(3) == 0 {
				n = int64(random.Uint64())
			}
			c.add(n)
			if want := saturated(sum.Add(sum, big.NewInt(n))); c.load() != want {
				t.Fatalf("load() = %d, want %d", c.load(), want)
			}
		}
		c.clearCarry()
		if want := saturated(sum); c.load() != want {
			t.Fatalf("cleared: %d, want %d", c.load(), want)
		}
		step := int64(-5)
		if sum.Sign() < 0 {
			step = 5
		}
		if c.add(step); c.load() != saturated(sum)+step {
			t.Fatalf("%d after clearing and adding %d to %d", c.load(), step, saturated(sum))
		}
	}
}

func TestCellIsExactUnderConcurrentCarries(t *testing.T) {
	var c cell
	c.add(edge - 5)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			n := int64(1) << 58
			if g%2 == 1 {
				n = -n
			}
			for range 2000 {
				c.add(n)
				c.add(1)
				c.load()
			}
		})
	}
	wg.Wait()
	if got := c.load(); got != edge-5+16_000 {
		t.Errorf("load() = %d, off by %d", got, got-(edge-5+16_000))
	}
}

func TestPlusAndMinusSaturate(t *testing.T) {
	values := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, edge, -edge}
	for _, a := range values {
		for _, b := range values {
			x, y := big.NewInt(a), big.NewInt(b)
			if got, want := plus(a, b), saturated(new(big.Int).Add(x, y)); got != want {
				t.Errorf("%d + %d = %d, want %d", a, b, got, want)
			}
			if got, want := minus(a, b), saturated(new(big.Int).Sub(x, y)); got != want {
				t.Errorf("%d - %d = %d, want %d", a, b, got, want)
			}
		}
	}
	if plus(math.MaxFloat64, math.MaxFloat64) != math.MaxFloat64 || minus(-math.MaxFloat64, math.MaxFloat64) != -math.MaxFloat64 {
		t.Error("floats do not saturate")
	}
}
