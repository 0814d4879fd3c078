package journal

import "testing"

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
	content := contentOf(t, Path(path, 0))
	if d := content.Differences(1); len(d) > 0 || len(content.Damage) > 0 {
		t.Errorf("after the commit %v, %v, want nothing", d, content.Damage)
	}
	before := content.Differences(0)
	if len(before) != len(all) || len(content.Damage) > 0 {
		t.Fatalf("before the commit %v, %v", before, content.Damage)
	}
	for i, d := range before {
		if want := all[i].shape.seriesValue(&all[i].v, testBounds); !d.Delta.Nearly(want) || d.Moves != all[i].v.Moves {
			t.Errorf("before the commit %s is %v and %d, want %+v", d.Series.Metric.Name, d.Delta, d.Moves, all[i].v)
		}
	}
}
