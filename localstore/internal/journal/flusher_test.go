package journal

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// never is a delay that does not end while the test runs.
func never(time.Duration) <-chan time.Time { return nil }

// TestBudget: a thousand changes are written by the calls that make them, the next
// by the flusher, and after a while calls write again.
func TestBudget(t *testing.T) {
	path := mirrorPath(t)
	clock, tick := newClock(), make(chan time.Time)
	var asked atomic.Int64
	c := configOf(t, path)
	c.now = clock.now
	c.after = func(d time.Duration) <-chan time.Time {
		if d >= FlushWithin {
			t.Errorf("waits for %v", d)
		}
		asked.Add(1)
		return tick
	}
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	inFile := func() int64 {
		if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) == 1 {
			return d[0].Delta.Int64()
		}
		return 0
	}
	for range Budget {
		n.count("")
	}
	if got := inFile(); got != Budget || asked.Load() != 0 {
		t.Fatalf("%d of %d are in the file, %d flushers", got, Budget, asked.Load())
	}
	for range 50 {
		n.count("")
	}
	if got := inFile(); got != Budget {
		t.Errorf("%d are in the file", got)
	}
	if n.flag.Armed() {
		t.Error("a change would act again while it waits")
	}
	tick <- clock.at
	j.waiting.done.Wait() // nothing waits: the flusher has ended
	if got := inFile(); got != Budget+50 || asked.Load() != 1 {
		t.Errorf("%d are in the file, %d flushers", got, asked.Load())
	}
	clock.at = clock.at.Add(10 * time.Millisecond)
	for range 10 {
		n.count("")
	}
	if got := inFile(); got != Budget+60 || asked.Load() != 1 {
		t.Errorf("%d are in the file, %d flushers", got, asked.Load())
	}
	clock.at = clock.at.Add(-time.Hour) // stops nothing for an hour
	n.count("")
	clock.at = clock.at.Add(time.Second)
	n.count("")
	if got := inFile(); got != Budget+62 {
		t.Errorf("%d are in the file", got)
	}
	n.count("")
	if err := j.Close(false); err != nil {
		t.Error(err)
	}
	if got := inFile(); got != Budget+63 {
		t.Errorf("%d are in the file after the end", got)
	}
}

// TestChangesWhileOneIsWritten wait for nobody and are all in the file.
func TestChangesWhileOneIsWritten(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	c.after = never
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	j.mu.Lock() // a disk that stands still
	n.count("")
	n.count("")
	j.mu.Unlock()
	if err := j.Begin(1, sharing, nil); err != nil {
		t.Fatal(err)
	}
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(1); len(d) != 1 || d[0].Delta.Int64() != 2 {
		t.Errorf("differences %v", d)
	}
}

// TestManyGoroutines count into few series, with every way to write at once. What
// the file holds at the end is all.
func TestManyGoroutines(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	const goroutines, counts, cells = 4, 5000, 3
	type cell struct {
		v    atomic.Int64
		flag Flag
		slot *Slot
	}
	all := make([]*cell, cells)
	for i := range all {
		c := &cell{}
		var err error
		c.slot, err = j.Add(Kept{numberOf(string(rune('a' + i))), false, &c.flag, func(v *journalfile.Value) { v.Int = c.v.Load() }, journalfile.Value{}})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = c
	}
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range counts {
				c := all[(g+i)%cells]
				c.v.Add(1)
				if c.flag.Armed() {
					c.slot.Changed()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	for seq := int64(1); ; seq++ {
		if err := j.Begin(seq, sharing, nil); err != nil {
			t.Fatal(err)
		}
		j.Settle(true)
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	j.waiting.stop()
	for _, c := range all {
		if !c.flag.Armed() {
			t.Error("a change waits for nobody")
		}
	}
	die(j)
	content := contentOf(t, journalpool.Path(path, 0))
	sum := int64(0)
	for _, d := range content.Differences(j.seq) {
		sum += d.Delta.Int64()
	}
	if sum != goroutines*counts || len(content.Damage) > 0 {
		t.Errorf("%d of %d, %v", sum, goroutines*counts, content.Damage)
	}
}

// TestSeveralCellsOfASeries: each has a flag of its own.
func TestSeveralCellsOfASeries(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	a := keep(t, j, numberOf("n"))
	var other Flag
	a.v.Int = 3 // counted before
	a.slot.Watch(&other)
	if !a.flag.Armed() || !other.Armed() {
		t.Error("not armed")
	}
	a.v.Int = 5
	if other.Armed() {
		a.slot.Changed()
	}
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 1 || d[0].Delta.Int64() != 5 {
		t.Errorf("differences %v", d)
	}
}

// TestAChangeThatTheWriteMisses, because the value was read already, calls for the
// next write.
func TestAChangeThatTheWriteMisses(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	c.after = never
	j := take(t, c)
	var flag Flag
	var slot *Slot
	n, between := int64(0), func() {}
	slot, err := j.Add(Kept{numberOf("n"), false, &flag, func(v *journalfile.Value) {
		v.Int = n
		between()
	}, journalfile.Value{}})
	if err != nil {
		t.Fatal(err)
	}
	change := func() {
		n++
		if flag.Armed() {
			slot.Changed()
		}
	}
	between = func() {
		between = func() {}
		change()
	}
	change()
	j.waiting.stop()
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 1 || d[0].Delta.Int64() != 2 {
		t.Errorf("differences %v", d)
	}
}

// TestAChangeWaitsForARecording that is being written, and is then in the file
// itself: a process that dies at once loses nothing.
func TestAChangeWaitsForARecording(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	c.after, c.now = never, newClock().now // its patience does not end
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	var counting sync.WaitGroup
	j.mu.Lock()
	counting.Go(func() { n.count("") })
	for n.flag.Armed() {
		runtime.Gosched()
	}
	j.mu.Unlock()
	counting.Wait()
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 1 || d[0].Delta.Int64() != 1 {
		t.Errorf("differences %v", d)
	}
}

// TestTheNextChangeWritesWhatWaits, because a write took longer than is waited for.
func TestTheNextChangeWritesWhatWaits(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	clock := newClock()
	c.after, c.now = never, func() time.Time { clock.at = clock.at.Add(FlushWithin); return clock.at }
	j := take(t, c)
	n, m := keep(t, j, numberOf("n")), keep(t, j, numberOf("m"))
	j.mu.Lock() // a disk that stands still
	n.count("")
	j.mu.Unlock()
	m.count("")
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 2 {
		t.Errorf("differences %v, want both", d)
	}
}
