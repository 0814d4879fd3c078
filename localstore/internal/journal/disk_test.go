package journal

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestAFailingDisk costs one report and no count that a later recording could still
// write.
func TestAFailingDisk(t *testing.T) {
	path := mirrorPath(t)
	var broken atomic.Bool
	var reports []error
	c := configOf(t, path)
	c.OnError = func(err error) { reports = append(reports, err) }
	c.wrap = func(f *os.File) journalfile.File { return &breaking{File: f, broken: &broken} }
	j := take(t, c)
	n, s := keep(t, j, numberOf("n")), keep(t, j, stateOf("s"))
	n.count("")
	broken.Store(true)
	for range 3 {
		n.count("")
		s.count("on")
	}
	if len(reports) != 1 || !errors.Is(reports[0], errBroken) {
		t.Errorf("reports %v", reports)
	}
	if n.flag.Armed() || s.flag.Armed() {
		t.Error("each change costs a write that fails")
	}
	// A recording goes on without the journal.
	changes := []Change{n.change(), s.change()}
	if err := j.Begin(1, sharing, changes); !errors.Is(err, errBroken) {
		t.Errorf("began with %v", err)
	}
	j.Settle(true)
	n.taken, s.taken = n.v, s.v
	if seq, _, _, ok := contentOf(t, journalpool.Path(path, 0)).Holding(1, true); ok {
		t.Errorf("recording %d holds for one that was made without the journal", seq)
	}
	broken.Store(false)
	n.count("")
	if err := j.Begin(2, sharing, nil); err != nil { // that comes to nothing
		t.Fatal(err)
	}
	j.Settle(false)
	n.count("")
	die(j)
	content := contentOf(t, journalpool.Path(path, 0))
	for row, known := range map[int64]bool{1: true, 2: true} {
		seq, _, _, ok := content.Holding(row, known)
		if d := content.Differences(seq); !ok || len(d) != 1 || d[0].Delta.Int64() != 2 {
			t.Errorf("row %d: %v, %v", row, d, content.Damage)
		}
	}
}

// TestCloseWritesWhatTheDiskRefused before.
func TestCloseWritesWhatTheDiskRefused(t *testing.T) {
	path := mirrorPath(t)
	var broken atomic.Bool
	c := configOf(t, path)
	c.OnError = nil
	c.wrap = func(f *os.File) journalfile.File { return &breaking{File: f, broken: &broken} }
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	n.count("")
	broken.Store(true)
	n.count("")
	n.count("")
	broken.Store(false)
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 1 || d[0].Delta.Int64() != 3 {
		t.Errorf("differences %v", d)
	}
}

var errBroken = errors.New("broken")

type breaking struct {
	*os.File
	broken *atomic.Bool
}

func (b *breaking) WriteAt(p []byte, offset int64) (int, error) {
	if b.broken.Load() {
		return 0, errBroken
	}
	return b.File.WriteAt(p, offset)
}
