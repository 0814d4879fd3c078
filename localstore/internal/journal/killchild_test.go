package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
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
	journalfile.Order.PutUint64(b[:], uint64(n))
	_, _ = l.WriteAt(b[:], at)
}

func readLedger(path, writer string, kind int) (began, made int64) {
	b, _ := os.ReadFile(ledgerPath(path, writer))
	b = append(b, make([]byte, 64)...)
	return int64(journalfile.Order.Uint64(b[kind*16:])), int64(journalfile.Order.Uint64(b[kind*16+8:]))
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
			d, _ := c.shape.Minus(c.v, c.taken, false)
			changes = append(changes, c.change())
			row.add(c.series.Metric.Name, d, c.shape.Kind)
			c.taken = c.v.Clone()
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
