package journal

import (
	"errors"
	"os"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestAValueIsOneWriteWithinAPage, once its series is known.
func TestAValueIsOneWriteWithinAPage(t *testing.T) {
	var writes []write
	c := configOf(t, mirrorPath(t))
	c.wrap = func(f *os.File) journalfile.File { return &spy{File: f, writes: &writes} }
	j := take(t, c)
	bounds := make([]float64, journalfile.MaxBuckets-1)
	for i := range bounds {
		bounds[i] = float64(i)
	}
	wide := timesOf("wide")
	wide.Metric.Bounds = bounds
	all := []*counter{keep(t, j, wide), keep(t, j, numberOf("n")), keep(t, j, stateOf("s")), keep(t, j, floatOf("f")), keep(t, j, timesOf("t"))}
	for range 100 { // and any mixture of them
		all = append(all, keep(t, j, another(timesOf("t"))), keep(t, j, another(stateOf("s"))), keep(t, j, another(numberOf("n"))))
	}
	for i := range 2 {
		for _, c := range all {
			writes = nil
			c.count("x")
			if i == 1 && len(writes) != 1 {
				t.Errorf("%s: %d writes", c.series.Metric.Name, len(writes))
			}
			for k := range 2 {
				from := c.slot.bases.offset + int64(c.slot.baseAt+k*c.shape.BaseStride())
				if from/journalfile.PageSize != (from+int64(c.shape.BaseSize())-1)/journalfile.PageSize {
					t.Errorf("%s: base %d at %d crosses a page", c.series.Metric.Name, k, from)
				}
			}
			for _, w := range writes {
				at := c.slot.value.offset + int64(c.slot.valueAt)
				if i == 1 && w.offset <= at && at < w.offset+int64(w.size) && w.offset/journalfile.PageSize != (w.offset+int64(w.size)-1)/journalfile.PageSize {
					t.Errorf("%s: %d bytes at %d cross a page", c.series.Metric.Name, w.size, w.offset)
				}
			}
		}
	}
	wide.Metric.Bounds = append(bounds, 1e6)
	if _, err := j.Add(Kept{wide, false, new(Flag), func(*journalfile.Value) {}, journalfile.Value{}}); !errors.Is(err, journalfile.ErrTooLarge) {
		t.Errorf("a wider one: %v", err)
	}
}

// TestTenThousandSeries are written and recorded in a few writes.
func TestTenThousandSeries(t *testing.T) {
	path := mirrorPath(t)
	var writes []write
	c := configOf(t, path)
	c.wrap = func(f *os.File) journalfile.File { return &spy{File: f, writes: &writes} }
	c.now = newClock().now // the budget is never refilled
	c.after = never
	j := take(t, c)
	const series = 10_000
	all := make([]*counter, series)
	metric := numberOf("n").Metric
	for i := range all {
		s := numberOf("n", attribute.Int("i", i))
		s.Metric = metric
		all[i] = keep(t, j, s)
		all[i].count("")
	}
	changes := make([]Change, series)
	for i, c := range all {
		changes[i] = c.change()
	}
	writes = nil
	if err := j.Begin(1, sharing, changes); err != nil {
		t.Fatal(err)
	}
	if len(writes) > 150 {
		t.Errorf("the first recording took %d writes", len(writes))
	}
	j.Settle(true)
	writes = nil
	for _, c := range all[:1000] {
		c.settle(c.v)
		c.count("")
	}
	for i, c := range all[:1000] {
		changes[i] = c.change()
	}
	if err := j.Begin(2, sharing, changes[:1000]); err != nil {
		t.Fatal(err)
	}
	if len(writes) > 20 {
		t.Errorf("a recording of 1,000 changes took %d writes", len(writes))
	}
	j.Settle(true)
	for _, c := range all[:3] {
		c.count("")
	}
	j.waiting.stop() // writes what waits
	die(j)
	found := journalpool.List(path)[0]
	if n := found.Content.Count(); n != series || len(found.Content.Damage) > 0 {
		t.Errorf("%d series, %v", n, found.Content.Damage)
	}
	if d := found.Content.Differences(2); len(d) != 3 || d[0].Delta.Int64() != 1 {
		t.Errorf("differences %v", d)
	}
	if found.Size > 3<<20 {
		t.Errorf("%d bytes", found.Size)
	}
}

type write struct {
	offset int64
	size   int
}

type spy struct {
	*os.File
	writes *[]write
}

func (s *spy) WriteAt(b []byte, offset int64) (int, error) {
	*s.writes = append(*s.writes, write{offset, len(b)})
	return s.File.WriteAt(b, offset)
}
