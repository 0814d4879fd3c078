package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const childEnv = "JOURNAL_CHILD" // what a child does: count, race or recover; its writer; its mirror

var childKinds = []string{"n", "f", "t", "s"}

func childSeries(name string) (of int, c func(t testing.TB, j *Journal) *counter) {
	switch name {
	case "f":
		return 1, func(t testing.TB, j *Journal) *counter { return keep(t, j, floatOf("f")) }
	case "t":
		return 2, func(t testing.TB, j *Journal) *counter { return keep(t, j, timesOf("t")) }
	case "s":
		return 3, func(t testing.TB, j *Journal) *counter { return keep(t, j, stateOf("s")) }
	}
	return 0, func(t testing.TB, j *Journal) *counter { return keep(t, j, numberOf("n")) }
}

// written is what the mirror of this test has of one writer: a file that is
// replaced as a whole, as a transaction replaces rows.
type written struct {
	Seq    int64
	Counts map[string]int64
	States map[string]string
}

func rowPath(path, writer string) string { return path + ".row-" + writer }

func readRow(path, writer string) (w written, known bool, err error) {
	b, err := os.ReadFile(rowPath(path, writer))
	if err == nil {
		err = json.Unmarshal(b, &w)
		return w, err == nil, err
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return written{Counts: make(map[string]int64), States: make(map[string]string)}, false, err
}

func (w *written) commit(path, writer string) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s.new-%d", rowPath(path, writer), os.Getpid())
	if err := os.WriteFile(name, b, ownFile); err != nil {
		return err
	}
	return os.Rename(name, rowPath(path, writer))
}

// countOf is how often a difference or a change says that something happened.
func (w *written) add(name string, d Value, k Kind) {
	switch k {
	case KindInt64:
		w.Counts[name] += d.Int
	case KindFloat64:
		w.Counts[name] += int64(d.Float*10 + 0.5) // each counts 0.1
	case KindHistogram:
		w.Counts[name] += int64(d.Count)
	case KindState:
		w.Counts[name] += d.Moves
		w.States[name] = d.State
	}
}

// recoverDead recovers every journal of a dead process.
func recoverDead(path string) error {
	for i := range PoolSize {
		c, err := Claim(Path(path, i))
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrEmpty) || errors.Is(err, ErrLiving) || errors.Is(err, ErrLost):
			continue
		case err != nil:
			return err
		}
		err = recoverRow(c, path)
		c.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func recoverRow(c *Claimed, path string) error {
	row, known, err := readRow(path, c.Writer)
	if err != nil {
		return err
	}
	held, _, _, ok := c.Holding(row.Seq, known)
	if !ok {
		return fmt.Errorf("%s: nothing holds for %d, %v", c.Path(), row.Seq, known)
	}
	list := c.Differences(held)
	if len(c.Damage) > 0 {
		return fmt.Errorf("%s: damage: %v", c.Path(), c.Damage)
	}
	if row.Seq, err = c.Begin(held); err != nil {
		return err
	}
	for _, d := range list {
		v := ValueOf(d.Delta)
		state := d.Moves > 0
		if state {
			v = Value{State: d.State, Moves: d.Moves}
		}
		sh, _ := shapeOf(d.Series.Metric, state)
		row.add(d.Series.Metric.Name, v, sh.kind)
	}
	if err := row.commit(path, c.Writer); err != nil {
		return err
	}
	return c.Empty()
}

// ledger is what a child says of its counts, in a file: for each kind how many it
// began and how many it made.
type ledger struct{ *os.File }

func ledgerPath(path, writer string) string { return path + ".ledger-" + writer }

func (l ledger) put(kind int, made bool, n int64) {
	at := int64(kind) * 16
	if made {
		at += 8
	}
	var b [8]byte
	order.PutUint64(b[:], uint64(n))
	_, _ = l.WriteAt(b[:], at)
}

func readLedger(path, writer string, kind int) (began, made int64) {
	b, _ := os.ReadFile(ledgerPath(path, writer))
	b = append(b, make([]byte, 64)...)
	return int64(order.Uint64(b[kind*16:])), int64(order.Uint64(b[kind*16+8:]))
}

// child is what runs until it is killed.
func child(t *testing.T, what string) {
	job, rest, _ := strings.Cut(what, " ")
	writer, path, _ := strings.Cut(rest, " ")
	if job == "recover" {
		fmt.Println("begin")
		if err := recoverDead(path); err != nil {
			fmt.Println("error", err)
		}
		return
	}
	if job == "short" {
		j, err := Take(Config{Path: path, Mirror: "m", Writer: writer, Observed: sharing})
		if err != nil {
			t.Fatal(err)
		}
		n := keep(t, j, numberOf("n"))
		for range 3 {
			n.count("")
		}
		fmt.Println("begin")
		os.Exit(0)
	}
	f, err := os.Create(ledgerPath(path, writer))
	if err != nil {
		t.Fatal(err)
	}
	j, err := Take(Config{Path: path, Mirror: "m", Writer: writer, Observed: sharing})
	if err != nil {
		t.Fatal(err)
	}
	cells := make([]*counter, len(childKinds))
	for _, name := range childKinds {
		i, add := childSeries(name)
		cells[i] = add(t, j)
	}
	fmt.Println("begin")
	record := func(seq int64) {
		row, _, err := readRow(path, writer)
		if err != nil {
			t.Fatal(err)
		}
		var changes []Change
		for _, c := range cells {
			d, _ := c.shape.minus(c.v, c.taken, false)
			changes = append(changes, c.change())
			row.add(c.series.Metric.Name, d, c.shape.kind)
			c.taken = c.v.clone()
		}
		if err := j.Begin(seq, sharing, changes); err != nil {
			fmt.Println("error", err)
		}
		row.Seq = seq
		if err := row.commit(path, writer); err != nil {
			fmt.Println("error", err)
		}
		j.Settle(true)
	}
	l := ledger{f}
	for n, seq := int64(1), int64(1); ; n++ {
		for i, c := range cells {
			l.put(i, false, n)
			c.count(fmt.Sprint("state ", n))
			l.put(i, true, n)
		}
		if n%7 == 0 && job == "count" || n%5000 == 0 {
			record(seq)
			seq++
		}
		if job == "count" {
			time.Sleep(time.Duration(rand.N(int64(2 * time.Millisecond)))) // an ordinary rate
		}
	}
}

// TestKill: children that count and record are killed at any moment, and so are
// those who recover. No count that returned is lost, none is there twice.
func TestKill(t *testing.T) {
	if what := os.Getenv(childEnv); what != "" {
		child(t, what)
		return
	}
	recovered := int64(0)
	for round := range rounds(12) {
		path := filepath.Join(t.TempDir(), "usage.db")
		writers := 1 + round%3
		job := "count"
		if round%4 == 3 {
			job = "race" // beyond the budget: the flusher's counts may be lost
		}
		var all []*process
		for i := range writers {
			all = append(all, start(t, fmt.Sprintf("%s w%d %s", job, i, path)))
		}
		for _, p := range all {
			p.kill(rand.N(25 * time.Millisecond))
		}
		if round%2 == 0 {
			start(t, "recover - "+path).kill(rand.N(3 * time.Millisecond))
		}
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := recoverDead(path); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if err := recoverDead(path); err != nil { // what the other one had
			t.Error(err)
		}
		for i := range writers {
			recovered += checkLedger(t, path, fmt.Sprint("w", i), job == "count")
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d counts", recovered)
}

// TestManyShortProcesses that end at once, by os.Exit, lose nothing.
func TestManyShortProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	processes := max(12, min(rounds(0), 200))
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=short w%d %s", childEnv, i, path), "GORACE=atexit_sleep_ms=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	if err := recoverDead(path); err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for i := range processes {
		row, _, err := readRow(path, fmt.Sprint("w", i))
		if err != nil {
			t.Error(err)
		}
		sum += row.Counts["n"]
	}
	if sum != int64(3*processes) {
		t.Errorf("%d of %d counts", sum, 3*processes)
	}
}

func checkLedger(t *testing.T, path, writer string, all bool) (counted int64) {
	t.Helper()
	row, _, err := readRow(path, writer)
	if err != nil {
		t.Error(err)
	}
	for _, name := range childKinds {
		i, _ := childSeries(name)
		began, made := readLedger(path, writer, i)
		got := row.Counts[name]
		if all && got < made || got > began {
			t.Errorf("%s of %s: %d counts, %d were made and %d begun", name, writer, got, made, began)
		}
		if want := fmt.Sprint("state ", got); name == "s" && got > 0 && row.States[name] != want {
			t.Errorf("%s is in %q, want %q", writer, row.States[name], want)
		}
		counted += got
	}
	return counted
}

// process is a child that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // what it said was read
}

// start runs a child until it says that it has begun.
func start(t *testing.T, what string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), childEnv+"="+what, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "begin" {
		t.Fatalf("the child said %q", lines.Text())
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		defer close(p.ended)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Errorf("a child: %s", lines.Text())
			}
		}
	}()
	return p
}

func (p *process) kill(after time.Duration) {
	<-time.After(after)
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
	_ = p.cmd.Wait()
}
