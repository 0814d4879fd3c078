package journal

import (
	"os"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestABaseIsNeverAheadOfItsValue: a count that was collected is recorded before the
// goroutine that made it tells the journal. Whether the process dies before the
// commit or after it, nothing is taken away from the mirror.
func TestABaseIsNeverAheadOfItsValue(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	all := []*counter{keep(t, j, numberOf("n")), keep(t, j, floatOf("f")), keep(t, j, timesOf("t")), keep(t, j, stateOf("s"))}
	var changes []Change
	for _, c := range all {
		c.count("first")
		slot := c.slot
		c.slot = nil // its caller has not come to that yet
		c.count("second")
		c.slot = slot
		if !c.flag.Armed() {
			t.Fatal("the gate is not armed")
		}
		changes = append(changes, c.change())
	}
	if err := j.Begin(1, sharing, changes); err != nil {
		t.Fatal(err)
	}
	die(j)
	content := contentOf(t, journalpool.Path(path, 0))
	if d := content.Differences(1); len(d) > 0 || len(content.Damage) > 0 {
		t.Errorf("after the commit %v, %v, want nothing", d, content.Damage)
	}
	before := content.Differences(0)
	if len(before) != len(all) || len(content.Damage) > 0 {
		t.Fatalf("before the commit %v, %v", before, content.Damage)
	}
	for i, d := range before {
		if want := all[i].shape.SeriesValue(&all[i].v, testBounds); !d.Delta.Nearly(want) || d.Moves != all[i].v.Moves {
			t.Errorf("before the commit %s is %v and %d, want %+v", d.Series.Metric.Name, d.Delta, d.Moves, all[i].v)
		}
	}
}

// TestHolding: the row in the mirror decides which bases hold.
func TestHolding(t *testing.T) {
	tagOf := func(seq int64) journalfile.Tag { return journalfile.Tag{Ok: seq >= 0, Seq: seq} }
	for name, c := range map[string]struct {
		a, b, row int64
		known     bool
		want      int64 // -1 for nothing
	}{
		"nothing recorded":               {0, -1, 0, false, 0},
		"the first one came to nothing":  {0, 1, 0, false, 0},
		"the first one is there":         {0, 1, 1, true, 1},
		"the latest came to nothing":     {4, 5, 4, true, 4},
		"the latest is there":            {4, 5, 5, true, 5},
		"it was under way":               {4, -1, 4, true, 4},
		"it was recorded without":        {4, -1, 5, true, -1},
		"and the next was begun":         {4, 6, 5, true, 6},
		"a backup was brought back":      {4, 5, 2, true, 4},
		"the row was purged":             {4, 5, 0, false, 5},
		"no tag is left":                 {-1, -1, 3, true, -1},
		"no tag is left, and no row":     {-1, -1, 0, false, -1},
		"a recovery was under way":       {5, -1, 5, true, 5},
		"a recovery came to nothing yet": {5, 6, 5, true, 5},
		"a recovery is there":            {5, 6, 6, true, 6},
	} {
		t.Run(name, func(t *testing.T) {
			for _, h := range []journalfile.Header{{Tags: [2]journalfile.Tag{tagOf(c.a), tagOf(c.b)}}, {Tags: [2]journalfile.Tag{tagOf(c.b), tagOf(c.a)}}} {
				got, ok := h.Holding(c.row, c.known)
				if ok != (c.want >= 0) || ok && got.Seq != c.want {
					t.Errorf("holds %d, %v, want %d", got.Seq, ok, c.want)
				}
			}
		})
	}
}

// TestARecordingUnderWay leaves no tag whose bases it writes over, to be taken for
// what a mirror that was brought back says.
func TestARecordingUnderWay(t *testing.T) {
	path := mirrorPath(t)
	left := 1 << 30
	c := configOf(t, path)
	c.wrap = func(f *os.File) journalfile.File { return &dying{File: f, left: &left} }
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	for seq := int64(1); seq <= 3; seq++ {
		n.count("")
		changes := []Change{n.change()}
		n.taken = n.v
		if seq == 3 {
			left = 3 // its bases, but not its tag
		}
		if err := j.Begin(seq, sharing, changes); (err != nil) != (seq == 3) {
			t.Fatal(err)
		}
		j.Settle(seq < 3)
	}
	die(j)
	content := contentOf(t, journalpool.Path(path, 0))
	for row, want := range map[int64]int64{1: 2, 2: 2} {
		if seq, _, _, ok := content.Holding(row, true); seq != want || !ok {
			t.Errorf("row %d: %d holds, %v", row, seq, ok)
		}
	}
	if d := content.Differences(2); len(d) != 1 || d[0].Delta.Int64() != 1 {
		t.Errorf("differences %v, %v", d, content.Damage)
	}
}
