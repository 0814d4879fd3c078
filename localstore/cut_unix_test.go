//go:build unix

package localstore

import (
	"os"
	"os/exec"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// TestAFileThatIsCutWhileItIsOpen: what was counted before may be gone, what is
// counted from then on is not, in this process and in one beside it.
func TestAFileThatIsCutWhileItIsOpen(t *testing.T) {
	cut := func(path string) error { return os.Truncate(path, 0) }
	for name, harm := range map[string]func(path string) error{
		"database":    cut,
		"log":         func(path string) error { return cut(path + "-wal") },
		"log removed": func(path string) error { return os.Remove(path + "-wal") },
	} {
		for _, processes := range []int{1, 2} {
			t.Run(name+map[int]string{1: "", 2: " beside another process"}[processes], func(t *testing.T) {
				var told reports
				s, c := fresh(t, WithErrorHandler(told.handle))
				n := statistic(version("1"), "n")
				writers := []*recording.Writer{newWriter(t, s)}
				if processes == 2 {
					other := open(t, s.Path(), c, WithErrorHandler(told.handle))
					writers = append(writers, newWriter(t, other))
				}
				for _, w := range writers {
					record(t, w, add(n, 100))
				}
				if err := harm(s.Path()); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					for _, w := range writers {
						record(t, w, add(n, 1))
					}
				}
				if names := damagedFiles(t, s.Path()); len(names) != 1 || len(told.errs) != processes {
					t.Errorf("set aside: %v; told: %v", names, told.errs)
				}
				checkBalance(t, s, "n{}", wants{recorded: int64(3 * processes), pending: int64(3 * processes)})
				closeStore(t, s)
				checkBalance(t, open(t, s.Path(), c), "n{}", wants{recorded: int64(3 * processes), pending: int64(3 * processes)})
			})
		}
	}
}

// TestALogThatWasMergedIsNotCut, by another process.
func TestALogThatWasMergedIsNotCut(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	execute(t, s, `PRAGMA wal_checkpoint(TRUNCATE)`)
	if log, err := os.Stat(s.Path() + "-wal"); err != nil || log.Size() != 0 {
		t.Fatalf("the log = %v, %v", log, err)
	}
	record(t, w, add(n, 2))
	record(t, w, add(n, 4))
	if names := damagedFiles(t, s.Path()); len(names) != 0 {
		t.Errorf("set aside: %v", names)
	}
	checkBalance(t, s, "n{}", wants{recorded: 7, pending: 7})
}

// TestAMirrorWhoseLocksWereDroppedIsKept: who reads the files in this process
// drops its locks, and another process then leaves as if it were the last.
func TestAMirrorWhoseLocksWereDroppedIsKept(t *testing.T) {
	const other = "LOCALSTORE_LAST_TO_CLOSE"
	if path := os.Getenv(other); path != "" {
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		return
	}
	var told reports
	s, _ := fresh(t, WithErrorHandler(told.handle))
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	for range 3 {
		for _, suffix := range []string{"", "-shm"} {
			if _, err := os.ReadFile(s.Path() + suffix); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), other+"="+s.Path(), "GORACE=atexit_sleep_ms=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if _, err := os.Stat(s.Path() + "-wal"); err == nil {
			t.Fatal("the other process left the log")
		}
		record(t, w, add(n, 2))
	}
	if names := damagedFiles(t, s.Path()); len(names) != 0 || len(told.errs) != 0 {
		t.Errorf("set aside: %v; told: %v", names, told.errs)
	}
	checkBalance(t, s, "n{}", wants{recorded: 7, pending: 7})
}
