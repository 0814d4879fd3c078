package otelusage

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
)

// modelOf goes through the steps that program describes, on a cell and on a number
// without limits: whatever is added, and whether the cell is armed or not, it shows
// that number within the limits, and tells of each change that found it armed.
func modelOf(t *testing.T, program []byte) {
	t.Helper()
	m := &definition{}
	if len(program) > 0 {
		m.monotonic = program[0]&1 == 1
	}
	s := newStatistic(m)
	c, sum, armed, told := s.cell, new(big.Int), false, 0
	var kept keptSeries
	kept.begin(func() { told++ })
	c.tellBy(&kept)
	amounts := []int64{0, 1, -1, 2, -2, 1000, inline, inline - 1, -inline, 1 - inline, unit, -unit, edge, -edge, edge - 1, 1 - edge, 3 << 60, -3 << 60, math.MaxInt64, math.MinInt64}
	for len(program) >= 9 {
		op, n := program[0], int64(binary.LittleEndian.Uint64(program[1:]))
		program = program[9:]
		if op&0x80 == 0 {
			n = amounts[uint64(n)%uint64(len(amounts))]
		}
		told = 0
		switch op % 8 {
		case 0, 1:
			c.arm()
			armed = true
		case 2:
			if was := c.disarm(); was != armed {
				t.Fatalf("disarm() = %v, armed %v", was, armed)
			}
			armed = false
		case 3: // under a lock
			c.add(n)
			sum.Add(sum, big.NewInt(n))
		case 4:
			s.Set(n)
			if !m.monotonic || big.NewInt(n).Cmp(sum) >= 0 || saturated(sum) == n {
				sum.SetInt64(n)
			}
		default:
			s.Add(n)
			if m.monotonic && n < 0 {
				break
			}
			if sum.Add(sum, big.NewInt(n)); armed && told == 0 {
				t.Fatalf("nobody is told of Add(%d)", n)
			}
		}
		if c.isArmed() != armed {
			t.Fatalf("armed: %v, want %v", c.isArmed(), armed)
		}
		if want := saturated(sum); c.load() != want || s.Value() != want {
			t.Fatalf("load() = %d, Value() = %d, want %d", c.load(), s.Value(), want)
		}
	}
}

func FuzzCell(f *testing.F) {
	f.Add([]byte("0123456780123456781234567823456783456784567850123456781"))
	f.Fuzz(modelOf)
}

func TestCellIsExactArmedOrNot(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	program := make([]byte, 9*60)
	for range 2000 {
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		modelOf(t, program)
	}
}

// TestArmedCellMissesNothing adds from many goroutines, near the limits and far
// from them, while others arm, disarm and read the cell.
func TestArmedCellMissesNothing(t *testing.T) {
	for name, start := range map[string]int64{"zero": 0, "negative": -12345, "edge": edge - 5, "below": -edge + 5, "limit": math.MaxInt64 - 1<<61, "unit": unit} {
		t.Run(name, func(t *testing.T) {
			s := newStatistic(&definition{})
			s.Add(start)
			c := s.cell
			var kept keptSeries
			var read int64 // what a Keeper read last
			var mu sync.Mutex
			write := func() {
				mu.Lock()
				defer mu.Unlock()
				c.arm()
				read = c.load()
			}
			kept.begin(func() {
				if c.disarm() {
					write()
				}
			})
			c.tellBy(&kept)
			write()
			done := make(chan struct{})
			var writers, others sync.WaitGroup
			others.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						c.load()
						if c.disarm() {
							write()
						}
					}
				}
			})
			for range 4 {
				writers.Go(func() {
					for i := range 3000 {
						s.Inc()
						s.Add(inline - 1)
						s.Add(-inline / 2)
						s.Add(-inline/2 + 1)
						if i%100 == 0 {
							s.Add(edge)
							s.Add(-edge)
						}
					}
				})
			}
			writers.Wait()
			close(done)
			others.Wait()
			if want := start + 4*3000; c.load() != want || read != want {
				t.Errorf("counted %d, kept %d, want %d", c.load(), read, want)
			}
		})
	}
}
