//go:build unix

package deaths

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// runSpoiled counts three times: before something happens to its journal, after that,
// and after a recording.
func runSpoiled(p program) {
	u, k := p.start()
	k.count("state 1st")
	fmt.Println("counted")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it is spoiled
	k.count("state 2nd")
	if err := u.Flush(context.Background()); err != nil {
		fmt.Println("error flush:", err)
	}
	k.count("state 3rd")
	if p.Close {
		if err := u.Close(); err != nil {
			fmt.Println("error close:", err)
		}
		os.Exit(0)
	}
	os.Exit(3)
}

func init() { jobs["spoiled"] = runSpoiled }

// spoils are what may happen to a journal while its program lives.
var spoils = map[string]func(path string) error{
	"nothing":           func(string) error { return nil },
	"removed":           os.Remove,
	"cut to nothing":    func(path string) error { return os.Truncate(path, 0) },
	"cut":               func(path string) error { return os.Truncate(path, 6000) },
	"zeroed":            func(path string) error { return overwrite(path, func(b []byte) { clear(b) }) },
	"header zeroed":     func(path string) error { return overwrite(path, func(b []byte) { clear(b[:4096]) }) },
	"bits flipped":      func(path string) error { return overwrite(path, flip) },
	"a directory":       func(path string) error { return replace(path, func() error { return os.Mkdir(path, 0o700) }) },
	"a pipe":            func(path string) error { return replace(path, func() error { return syscall.Mkfifo(path, 0o600) }) },
	"a link to nowhere": func(path string) error { return replace(path, func() error { return os.Symlink("/nowhere/x", path) }) },
	"a link to a device": func(path string) error {
		return replace(path, func() error { return os.Symlink("/dev/zero", path) })
	},
	"a second name": func(path string) error { return os.Link(path, path+".second") },
	"another user's": func(path string) error {
		if os.Geteuid() != 0 {
			return nil
		}
		return os.Chown(path, 12345, 12345)
	},
	"everybody's": func(path string) error { return os.Chmod(path, 0o666) },
}

func overwrite(path string, change func([]byte)) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	change(b)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(b, 0)
	return err
}

func flip(b []byte) {
	for range 200 {
		b[rand.IntN(len(b))] ^= 1 << rand.IntN(8)
	}
}

func replace(path string, by func() error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return by()
}

// TestSpoiledJournals: whatever happens to its journal, a program goes on, and ends as
// it wants to. What it records is exact; what it did not record is found at most once.
func TestSpoiledJournals(t *testing.T) {
	for name, spoil := range spoils {
		for i := range 2 * len(modes) {
			mode, closes := modes[i/2], i%2 == 0
			t.Run(fmt.Sprintf("%s, closes %v, %s", name, closes, mode), func(t *testing.T) {
				t.Parallel()
				p := program{Job: "spoiled", Close: closes, Mirror: filepath.Join(t.TempDir(), "usage.db"), URL: nowhere}
				mode.prepare(t, p.Mirror)
				p.runSpoiled(t, func(*os.Process) { must(t, spoil(p.Mirror+".journal-00")) })
				p.checkSpoiled(t, closes || name == "nothing")
			})
		}
	}
}

// TestNoJournalCanBeHad: a program goes on as without one.
func TestNoJournalCanBeHad(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, p *program){
		"pool used up": func(t *testing.T, p *program) {
			for i := range 256 {
				must(t, os.Mkdir(fmt.Sprintf("%s.journal-%02x", p.Mirror, i), 0o700))
			}
		},
		"limited files": func(t *testing.T, p *program) { p.Env = append(p.Env, limitEnv+"=300000") },
	} {
		for _, closes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, closes %v", name, closes), func(t *testing.T) {
				t.Parallel()
				p := program{Job: "spoiled", Close: closes, Mirror: filepath.Join(t.TempDir(), "usage.db"), URL: nowhere}
				prepare(t, &p)
				p.runSpoiled(t, func(*os.Process) {})
				p.checkSpoiled(t, closes)
			})
		}
	}
}

const limitEnv = "OTELUSAGE_TEST_FILE_LIMIT" // how long a file may be, in bytes

func init() {
	var n uint64
	if _, err := fmt.Sscan(os.Getenv(limitEnv), &n); err == nil {
		limit := syscall.Rlimit{Cur: n, Max: n}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			panic(err)
		}
	}
}

// runSpoiled runs the program, with something that happens after its first counts.
func (p program) runSpoiled(t *testing.T, spoil func(*os.Process)) {
	t.Helper()
	cmd := p.command(t)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	var trouble strings.Builder
	cmd.Stderr = &trouble
	must(t, cmd.Start())
	told := make(map[string]int)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch text := lines.Text(); {
		case text == "counted":
			spoil(cmd.Process)
			must(t, in.Close())
		case strings.HasPrefix(text, "error "):
			told[text]++
		}
	}
	_ = cmd.Wait() // its code says it
	want := 3
	if p.Close {
		want = 0
	}
	if code := cmd.ProcessState.ExitCode(); code != want || trouble.Len() > 0 {
		t.Errorf("it ended with %v, want %d: %s", cmd.ProcessState, want, trouble.String())
	}
	for text, n := range told {
		if n > 1 {
			t.Errorf("told %d times: %s", n, text)
		}
		t.Log(text)
	}
}

// checkSpoiled checks that the mirror has what was counted at least as often as it was
// recorded, and at most as often as it was counted.
func (p program) checkSpoiled(t *testing.T, all bool) {
	t.Helper()
	s, err := localstore.Open(p.Mirror, localstore.WithErrorHandler(func(err error) { t.Logf("recovery: %v", err) }))
	must(t, err)
	recorded, _ := inMirror(t, s)
	must(t, s.Close())
	least := counted("state 1st").plus(counted("state 2nd"))
	most := least.plus(counted("state 3rd"))
	if all && !recorded.equal(most) {
		t.Errorf("recorded %v, want %v", recorded, most)
	}
	for key, n := range recorded {
		low, high := min(least[key], most[key]), max(least[key], most[key])
		if n < low || n > high {
			t.Errorf("%s: %v is recorded, want %v to %v", key, n, low, high)
		}
	}
	for key := range least {
		if recorded[key] == 0 {
			t.Errorf("%s is not recorded", key)
		}
	}
}
