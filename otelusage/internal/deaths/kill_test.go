package deaths

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// atOnce is how many mirrors are filled at a time, and usual how many programs are
// killed where nobody asks for more.
const atOnce, usual = 4, 40

// TestKill: programs that count each kind and record are killed at any moment, also
// while they start or recover, one to eight at a time on one mirror. What that has in
// the end is what they counted, whether they recorded or never opened it: at ordinary rates all of it but for the count that was
// being made, in hot loops all but what waited for the flusher. Nothing is there twice.
func TestKill(t *testing.T) {
	var mu sync.Mutex
	var lags []time.Duration
	killed, lost := 0, uint64(0)
	for lane := range atOnce {
		t.Run(fmt.Sprint("mirror ", lane), func(t *testing.T) {
			t.Parallel()
			for round := range (rounds(usual) + atOnce - 1) / atOnce {
				r := &killing{mirror: filepath.Join(t.TempDir(), "usage.db"), job: "count", goroutines: 1, mode: modes[round/4%2]}
				if round%3 == 2 {
					r.job, r.goroutines = "race", 1+round/3%2
				}
				many := []int{1, 2, 1, 3, 1, 2, 8}[round%7]
				for range 1 + round%2 { // the second ones recover the first
					r.killPrograms(t, many, round%4 == 3)
				}
				r.recover(t, round%2 == 0)
				r.check(t)
				mu.Lock()
				lags, killed, lost = append(lags, r.lags...), killed+len(r.ledgers), lost+r.lost
				mu.Unlock()
				if t.Failed() {
					t.Fatalf("round %d: %+v", round, r.mirror)
				}
				must(t, os.RemoveAll(filepath.Dir(r.mirror))) // of thousands
			}
		})
	}
	t.Cleanup(func() {
		slices.Sort(lags)
		if n := len(lags); n > 0 {
			t.Logf("%d ledgers; %d counts of hot loops were lost, made in the last %v in the middle, %v for 99 of 100, %v at most",
				killed, lost, lags[n/2], lags[n*99/100], lags[n-1])
		}
	})
}

// killing is a round.
type killing struct {
	mirror, job string
	mode        mode
	goroutines  int
	ledgers     []string
	lags        []time.Duration // of the hot loops
	lost        uint64
}

func (r *killing) killPrograms(t *testing.T, many int, whileRecovering bool) {
	t.Helper()
	var all sync.WaitGroup
	every := 3 * time.Millisecond
	if r.mode == asleep { // and stays so until it is killed
		r.mode.prepare(t, r.mirror)
		every = 0
	}
	for range many {
		p := program{Job: r.job, Mirror: r.mirror, URL: nowhere, Every: every, Goroutines: r.goroutines,
			Ledger: fmt.Sprint(r.mirror, ".ledger-", len(r.ledgers))}
		for i := range r.goroutines {
			r.ledgers = append(r.ledgers, fmt.Sprint(p.Ledger, "-", i))
		}
		all.Go(func() { p.runAndKill(t, rand.N(40*time.Millisecond), rand.IntN(4) > 0) })
	}
	if whileRecovering {
		p := program{Job: "recover", Mirror: r.mirror}
		all.Go(func() { p.runAndKill(t, rand.N(40*time.Millisecond), true) })
	}
	all.Wait()
}

// recover lets several recover at once, one of which is killed.
func (r *killing) recover(t *testing.T, kills bool) {
	t.Helper()
	var all sync.WaitGroup
	if kills {
		p := program{Job: "recover", Mirror: r.mirror}
		all.Go(func() { p.runAndKill(t, rand.N(8*time.Millisecond), true) })
	}
	for range 2 {
		all.Go(func() { openAndClose(t, r.mirror) })
	}
	all.Wait()
	openAndClose(t, r.mirror) // what the others had no time for
}

func openAndClose(t *testing.T, path string) {
	t.Helper()
	s, err := localstore.Open(path, localstore.WithErrorHandler(func(err error) { t.Errorf("recovery: %v", err) }))
	if err != nil {
		t.Error(err)
		return
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// check compares the mirror with the ledgers.
func (r *killing) check(t *testing.T) {
	t.Helper()
	s, err := localstore.Open(r.mirror, localstore.ReadOnly())
	must(t, err)
	defer s.Close()
	recorded, pending := inMirror(t, s)
	if !recorded.equal(pending) {
		t.Errorf("recorded %v, to be sent %v", recorded, pending)
	}
	for i, kind := range kinds {
		found := 0.0
		for key, n := range recorded {
			if key == kind.prefix || strings.HasPrefix(key, kind.prefix+"{") {
				found += n
			}
		}
		found /= kind.each
		n, began, made := uint64(math.Round(found)), uint64(0), uint64(0)
		for _, path := range r.ledgers {
			p := readLedger(t, path)
			began, made = began+p.Counts[i].Began, made+p.Counts[i].Made
			if len(r.ledgers) == 1 && r.job == "race" {
				r.lags = append(r.lags, p.lag(i, n))
			}
		}
		if math.Abs(found-float64(n)) > 1e-6 || n > began || r.job == "count" && n < made {
			t.Errorf("%s: %v counts, %d were made and %d begun", kind.prefix, found, made, began)
		}
		if n < made {
			r.lost += made - n
		}
	}
}

// runAndKill kills a program some time after it began to count, or to start.
func (p program) runAndKill(t *testing.T, after time.Duration, begun bool) {
	t.Helper()
	cmd := p.command(t)
	out := &said{begun: make(chan struct{})}
	cmd.Stdout = out
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	if begun {
		select {
		case <-out.begun:
		case <-time.After(killedAfter):
			t.Errorf("a program did not begin: %s", out.text())
		}
	}
	<-time.After(after)
	_ = cmd.Process.Kill()
	if _, ok := cmd.Wait().(*exec.ExitError); !ok || trouble.Len() > 0 {
		t.Errorf("a program ended before it was killed, or said: %s", trouble.String())
	}
	for _, e := range errorsIn(out.text()) {
		if !strings.Contains(e, "busy") && !strings.Contains(e, "locked") { // what is tried again
			t.Errorf("a program said %s", e)
		}
	}
}

// said is what a program says.
type said struct {
	mu    sync.Mutex
	b     []byte
	begun chan struct{}
	once  sync.Once
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b = append(s.b, b...)
	if bytes.Contains(s.b, []byte("begin\n")) {
		s.once.Do(func() { close(s.begun) })
	}
	return len(b), nil
}

func (s *said) text() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.b)
}
