package localstore

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

const killedEnv = "OTELUSAGE_TEST_KILLED" // what a child does: count, race or recover; its ledger; its mirror

// killedKinds are what children count, with what each count adds to counts.
var killedKinds = []struct {
	prefix string
	each   float64
}{{"n{", 1}, {"f{", 0.1}, {"t{", 1000.5}, {"s.changes{", 1}}

// killedStates is how many states a child's State goes through, in turn.
const killedStates = 5

// sideLedger is what a child says of its counts, in a file of its own: of each kind
// how many it began and how many it made.
type sideLedger struct{ *os.File }

func (l sideLedger) put(kind int, made bool, n int64) {
	at := int64(kind) * 16
	if made {
		at += 8
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	_, _ = l.WriteAt(b[:], at)
}

func readSideLedger(path string, kind int) (began, made int64) {
	b, _ := os.ReadFile(path)
	b = append(b, make([]byte, 16*len(killedKinds))...)
	return int64(binary.LittleEndian.Uint64(b[kind*16:])), int64(binary.LittleEndian.Uint64(b[kind*16+8:]))
}

// killedAfter is when a child ends that nobody kills, because its parent failed.
const killedAfter = 30 * time.Second

// killedChild runs until it is killed.
func killedChild(t *testing.T, what string) {
	parts := strings.SplitN(what, " ", 3)
	job, path := parts[0], parts[2]
	s, err := Open(path, WithErrorHandler(func(err error) { fmt.Println("error", err) }))
	if err != nil {
		t.Fatal(err)
	}
	if job == "recover" {
		fmt.Println("begin")
		for ended := time.Now().Add(killedAfter); time.Now().Before(ended); {
			recoverNow(s)
		}
		return
	}
	f, err := os.Create(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	l, p := sideLedger{f}, counting(t, s, true)
	fmt.Println("begin")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until all of them are there
	ended := time.Now().Add(killedAfter)
	for n := int64(1); time.Now().Before(ended); n++ {
		for kind := range killedKinds {
			l.put(kind, false, n)
			p.countKilled(t, kind, n)
			l.put(kind, true, n)
		}
		if n%3 == 0 && job == "count" || n%5000 == 0 {
			if err := p.record(t.Context()); err != nil && !errors.Is(err, ErrBusy) {
				fmt.Println("error", err)
			}
		}
		if job == "count" {
			time.Sleep(rand.N(4 * time.Millisecond)) // an ordinary rate
		}
	}
}

func (p *mortal) countKilled(t testing.TB, kind int, n int64) {
	t.Helper()
	switch kind {
	case 0:
		p.countNumber(t)
	case 1:
		p.countFloat(t)
	case 2:
		p.countTime(t)
	case 3:
		p.enter(t, fmt.Sprint("state ", n%killedStates))
	}
}

// TestKilled: children that count and record are killed at any moment, also while
// others recover, and those who recover are killed, too. What is recorded in the end
// is what the children counted: at ordinary rates all of it, in hot loops all but
// what waited for the flusher. Nothing is there twice.
func TestKilled(t *testing.T) {
	if what := os.Getenv(killedEnv); what != "" {
		killedChild(t, what)
		return
	}
	for round := range kills(20) {
		path := filepath.Join(t.TempDir(), "usage.db")
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		job := "count"
		if round%4 == 3 {
			job = "race"
		}
		var ledgers []string
		var children []*child
		for i := range []int{1, 2, 1, 2, 8}[round%5] {
			ledger := fmt.Sprint(path, ".ledger-", i)
			ledgers = append(ledgers, ledger)
			children = append(children, startChild(t, fmt.Sprint(job, " ", ledger, " ", path)))
		}
		if round%3 == 1 { // beside the living, and after them
			children = append(children, startChild(t, "recover - "+path))
		}
		var killed sync.WaitGroup
		for _, c := range children {
			killed.Go(func() {
				c.goOn()
				c.kill(rand.N(50 * time.Millisecond))
			})
		}
		killed.Wait()
		if round%2 == 0 {
			startChild(t, "recover - "+path).kill(rand.N(5 * time.Millisecond))
		}
		recoverTogether(t, path)
		recoverNow(s) // what the others had no time for
		checkLedgers(t, s, ledgers, job == "count")
		closeStore(t, s)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// recoverTogether recovers in this process, twice at once, and in another one.
func recoverTogether(t *testing.T, path string) {
	t.Helper()
	other := startChild(t, "recover - "+path)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			s, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			recoverNow(s)
			closeStore(t, s)
		})
	}
	both.Wait()
	other.kill(0)
}

func checkLedgers(t *testing.T, s *Store, ledgers []string, all bool) {
	t.Helper()
	for _, found := range journalpool.List(s.Path()) {
		if found.Standing != journalpool.Empty {
			t.Errorf("%s is %v: %v", found.Path, found.Standing, found.Err)
		}
	}
	recorded, pending := recordedIn(t, s)
	if !recorded.equal(pending) {
		t.Errorf("recorded %v, pending %v", recorded, pending)
	}
	for i, kind := range killedKinds {
		got := 0.0
		for key, n := range recorded {
			if strings.HasPrefix(key, kind.prefix) {
				got += n
			}
		}
		got /= kind.each
		began, made := int64(0), int64(0)
		for _, path := range ledgers {
			b, m := readSideLedger(path, i)
			began, made = began+b, made+m
		}
		n := int64(math.Round(got))
		if math.Abs(got-float64(n)) > 1e-6 || n > began || all && n < made {
			t.Errorf("%s: %v counts, %d were made and %d begun", kind.prefix, got, made, began)
		}
		if kind.prefix != "s.changes{" || len(ledgers) > 1 || !all || n == 0 {
			continue
		}
		state, last, before := stateOfMirror(t, s), fmt.Sprint("state ", n%killedStates), fmt.Sprint("state ", (n-1)%killedStates)
		if state != last && (n == made || state != before) && n > 1 {
			t.Errorf("the state is %q after %d entries", state, n)
		}
	}
}

// child is a process that a test started.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{} // what it said was read
}

// startChild starts one, and returns when it says that it has begun.
func startChild(t *testing.T, what string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), killedEnv+"="+what, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "begin" {
		t.Errorf("a child said before it began: %s", lines.Text())
	}
	c := &child{cmd, in, make(chan struct{})}
	go func() {
		defer close(c.ended)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Errorf("a child: %s", lines.Text())
			}
		}
	}()
	return c
}

// goOn lets one begin that waits for the others.
func (c *child) goOn() { _ = c.in.Close() }

func (c *child) kill(after time.Duration) {
	<-time.After(after)
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.ended
	_ = c.cmd.Wait()
}
