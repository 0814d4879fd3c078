package localstore

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// coldSyncs are what a program waits for that makes a mirror, records into it and ends:
// the fresh mirror, before it has its name, so that a power failure leaves a whole one or
// none; the log's first bytes and the directory that names it, before a commit counts;
// the log before it is merged, and the mirror before the log is removed.
const coldSyncs = 5

// TestAColdStartWaitsForTheDiskSeldom. strace counts.
func TestAColdStartWaitsForTheDiskSeldom(t *testing.T) {
	calls := newFaults(t, false).calls(t)
	if n := calls["fsync"] + calls["fdatasync"]; n != coldSyncs {
		t.Errorf("%d times, want %d", n, coldSyncs)
	}
}

// TestAColdStartThatIsKilled, at whichever system call, leaves nothing or a mirror, and
// the next start counts.
func TestAColdStartThatIsKilled(t *testing.T) {
	f := newFaults(t, false)
	for call, n := range f.calls(t) {
		runs := min(n, 6)
		if os.Getenv(killsEnv) != "" {
			runs = n
		}
		for at := range runs {
			when := 1 + at*n/runs
			t.Run(fmt.Sprintf("at %s %d", call, when), func(t *testing.T) {
				t.Parallel()
				f.kill(t, call, when)
			})
		}
	}
}

// kill lets a process die at a system call, and another one count.
func (f faults) kill(t *testing.T, call string, when int) {
	t.Helper()
	path := newPath(t)
	mkdir(t, filepath.Dir(path))
	cmd := f.command(t, path, filepath.Join(t.TempDir(), "strace"), fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, when))
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Logf("it ended before:\n%s", out) // its calls differ from run to run
	}
	s := open(t, path, newClock())
	before := balances(t, s)["n{}"].Recorded.Int64()
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 100))
	if after := balances(t, s)["n{}"].Recorded.Int64(); before > 31 || before&(before+1) != 0 || after != before+100 {
		t.Errorf("%d counts, then %d", before, after)
	}
	if names := damagedFiles(t, path); len(names) > 0 {
		t.Errorf("set aside: %v", names)
	}
	closeStore(t, s)
	if exists(path + mirrordb.FreshSuffix) {
		t.Error("half a mirror is left")
	}
}

// newFaults skips where it takes too long.
func newFaults(t *testing.T, beside bool) faults {
	t.Helper()
	if os.Getenv("OTELUSAGE_E2E") != "1" {
		t.Skip("takes seconds and needs strace: OTELUSAGE_E2E=1 runs it")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	return faults{strace: strace, beside: beside}
}
