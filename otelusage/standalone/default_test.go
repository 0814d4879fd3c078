package standalone

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// A package variable, as in any package of an application.
var forgotten = otelusage.NewStatistic("forgotten")

// TestPackageVariablesAreRecorded without anybody naming their tracker, and the
// second start with it, which would lose what they count, says so. Default is
// attached once in a process: this runs in one of its own.
func TestPackageVariablesAreRecorded(t *testing.T) {
	const child = "OTELUSAGE_CHILD_DEFAULT"
	if os.Getenv(child) == "" {
		again := exec.Command(os.Args[0], "-test.run=^TestPackageVariablesAreRecorded$", "-test.v")
		again.Env = append(os.Environ(), child+"=1")
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "usage.db")
	u, err := Start(t.Context(), Config{FilePath: path, ApplicationName: "game"})
	must(t, err)
	if u.Tracker() != otelusage.Default() {
		t.Error("the tracker is not Default")
	}
	forgotten.Add(3)
	checkSecondStart(t)
	forgotten.Add(4)
	must(t, u.Close())
	if got := lifetime(t, path, "forgotten"); got != 7 {
		t.Errorf("the mirror holds %d, want 7", got)
	}
	checkStartAfterClose(t)
}

// checkStartAfterClose: it records what its own tracker counts, and says that
// package variables are left out.
func checkStartAfterClose(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "later.db")
	var reported []error
	u, err := Start(t.Context(), Config{FilePath: path, ApplicationName: "game", OnError: func(err error) { reported = append(reported, err) }})
	must(t, err)
	if u.Tracker() == otelusage.Default() {
		t.Error("the tracker is Default, which was closed")
	}
	if len(reported) != 1 || !errors.Is(reported[0], otelusage.ErrClosed) || !errors.Is(u.Err(), otelusage.ErrAttached) {
		t.Errorf("reported: %v; Err: %v", reported, u.Err())
	}
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(2)
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 2 {
		t.Errorf("the mirror holds %d, want 2", got)
	}
}

// checkSecondStart changes nothing of the first.
func checkSecondStart(t *testing.T) {
	t.Helper()
	before := forgotten.Value()
	u, err := Start(t.Context(), Config{FilePath: filepath.Join(t.TempDir(), "second.db"), ApplicationName: "game"})
	if !errors.Is(err, otelusage.ErrAttached) || !errors.Is(u.Err(), otelusage.ErrAttached) || !strings.Contains(err.Error(), "Config.Tracker") {
		t.Errorf("a second start: %v; Err: %v", err, u.Err())
	}
	must(t, u.Disable(t.Context())) // its mirror can be asked and told
	must(t, u.Erase(t.Context()))
	if forgotten.Value() != before {
		t.Errorf("the second one's Erase left %d of the first one's %d", forgotten.Value(), before)
	}
	must(t, u.Close())
}

// TestSecondStartLeavesTheTrackerOpen: its Close ends nothing of the first.
func TestSecondStartLeavesTheTrackerOpen(t *testing.T) {
	tracker, path := new(otelusage.Tracker), filepath.Join(t.TempDir(), "usage.db")
	first := start(t, Config{FilePath: path, ApplicationName: "game", Tracker: tracker})
	second, err := Start(t.Context(), Config{FilePath: path, ApplicationName: "game", Tracker: tracker})
	if !errors.Is(err, otelusage.ErrAttached) {
		t.Errorf("a second start: %v", err)
	}
	must(t, second.Close())
	n, err := tracker.Statistic("n")
	must(t, err)
	n.Add(2)
	must(t, first.Close())
	if got := lifetime(t, path, "n"); got != 2 {
		t.Errorf("the mirror holds %d, want 2", got)
	}
}
