package localstore

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// TestOneSystemCallThatFails, whichever it is, costs no count and sets no mirror
// aside, neither of a mirror that is being made nor of one that another process
// has open. strace makes it fail.
func TestOneSystemCallThatFails(t *testing.T) {
	if path := os.Getenv("LOCALSTORE_MIRROR"); path != "" {
		countUnderFaults(t, path)
		return
	}
	// How many of the calls of one name are made to fail, each in a run of its own.
	often := map[string]int{"pread64": 5, "pwrite64": 8, "fcntl": 8}
	for _, beside := range []bool{false, true} {
		f := newFaults(t, beside)
		for call, n := range f.calls(t) {
			runs := min(n, max(often[call], 1))
			for at := range runs {
				when := 1 + (2*at+1)*n/(2*runs)
				code := [...]string{"EIO", "ENOSPC", "EACCES", "EINVAL", "EINTR"}[when%5]
				t.Run(fmt.Sprintf("beside another: %v, %s %d is %s", beside, call, when, code), func(t *testing.T) {
					t.Parallel()
					f.run(t, fmt.Sprintf("inject=%s:error=%s:when=%d", call, code, when))
				})
			}
		}
	}
}

// faultyCalls are those that SQLite and this package make.
const faultyCalls = "pread64,pwrite64,fsync,fdatasync,openat,fcntl,ftruncate,newfstatat,fstat,unlink,unlinkat,rename,renameat,mmap"

// faults runs a program under strace.
type faults struct {
	strace string
	beside bool // another process has the mirror open
}

// calls returns how often each is made when none fails.
func (f faults) calls(t *testing.T) map[string]int {
	t.Helper()
	calls := make(map[string]int)
	for line := range strings.Lines(f.run(t, "trace="+faultyCalls)) {
		if _, rest, ok := strings.Cut(line, " "); ok { // PID NAME(
			name, _, _ := strings.Cut(strings.TrimSpace(rest), "(")
			calls[name]++
		}
	}
	for name := range calls {
		if !strings.Contains(faultyCalls, name) {
			delete(calls, name) // a line of another kind
		}
	}
	if len(calls) < 5 {
		t.Fatalf("strace saw only %v", calls)
	}
	return calls
}

// run lets a process count and record, and returns what strace saw of it.
func (f faults) run(t *testing.T, expression string) string {
	t.Helper()
	path := newPath(t)
	mkdir(t, filepath.Dir(path))
	var other *Store
	var w *recording.Writer
	n := statistic(version("1"), "beside")
	if f.beside {
		other = open(t, path, newClock())
		w = newWriter(t, other)
		record(t, w, add(n, 1))
	}
	log := filepath.Join(t.TempDir(), "strace")
	if out, err := f.command(t, path, log, expression).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if f.beside {
		record(t, w, add(n, 2))
		checkBalance(t, other, "beside{}", wants{recorded: 3, pending: 3})
		closeStore(t, other)
	}
	s := open(t, path, newClock())
	// A decision that could not be looked up withholds what is recorded then.
	if got := balances(t, s)["n{}"].Recorded.Int64(); got != 31 {
		t.Errorf("%d of 31 counts were kept", got)
	}
	if names := damagedFiles(t, path); len(names) > 0 {
		t.Errorf("set aside: %v", names)
	}
	closeStore(t, s)
	seen, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		for line := range strings.Lines(string(seen)) {
			if strings.Contains(line, "INJECTED") {
				t.Log(line)
			}
		}
	}
	return string(seen)
}

// command returns the program under strace.
func (f faults) command(t *testing.T, path, log, expression string) *exec.Cmd {
	args := []string{"-f", "-qq", "-o", log, "-e", "trace=" + faultyCalls, "-e", expression, "-P", filepath.Dir(path)}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock", ".new", ".new-wal", ".new-shm", ".consent"} {
		args = append(args, "-P", path+suffix)
	}
	cmd := exec.CommandContext(t.Context(), f.strace, append(args, os.Args[0], "-test.run=^TestOneSystemCallThatFails$")...)
	cmd.Env = append(os.Environ(), "LOCALSTORE_MIRROR="+path, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// countUnderFaults is the program: it counts to 31, keeps for the next recording
// what one could not write, and has no next after the last one.
func countUnderFaults(t *testing.T, path string) {
	runtime.LockOSThread() // system calls are counted by thread
	opts := []Option{WithBusyTimeout(200 * time.Millisecond), WithErrorHandler(func(err error) { t.Errorf("error handler: %v", err) })}
	s, err := Open(path, opts...)
	if err != nil { // as standalone does
		s, err = Open(path, opts...)
	}
	var w *recording.Writer
	if err == nil {
		w, err = s.Writer(true)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := statistic(version("1"), "n")
	waits := int64(0)
	for i := range 5 {
		waits += 1 << i
		_ = w.Notice(t.Context(), true)
		err = w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, waits)}, MaySend: true})
		if errors.Is(err, recording.ErrUnknownOutcome) {
			var committed bool
			if committed, err = w.Resolve(t.Context()); committed {
				err = nil
			}
		}
		if err == nil {
			waits = 0
		}
	}
	if err != nil {
		t.Errorf("the last recording: %v", err)
	}
	w.Close()
	closeStore(t, s)
}
