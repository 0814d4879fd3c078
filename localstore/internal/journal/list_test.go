package journal

import (
	"os"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestReadingWhileOneRecords reads again what a recording changed meanwhile.
func TestReadingWhileOneRecords(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	n := keep(t, j, numberOf("n"))
	record := func(seq int64) {
		n.count("")
		changes := []Change{n.change()}
		n.taken = n.v
		if err := j.Begin(seq, sharing, changes); err != nil {
			t.Error(err)
		}
		j.Settle(true)
	}
	record(1)
	raw, err := os.Open(journalpool.Path(path, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	f := &slow{File: raw, between: func() { record(2); record(3); n.count("") }}
	c, err := journalpool.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, exact, ok := c.Holding(3, true); !exact || !ok {
		t.Errorf("holding %v, %v", exact, ok)
	}
	if d := c.Differences(3); len(d) != 1 || d[0].Delta.Int64() != 1 || len(c.Damage) > 0 {
		t.Errorf("differences %v, %v", d, c.Damage)
	}
}

// slow does something between the first page and the others.
type slow struct {
	*os.File
	between func()
}

func (s *slow) ReadAt(b []byte, offset int64) (int, error) {
	if len(b) <= journalfile.PageSize || s.between == nil {
		return s.File.ReadAt(b, offset)
	}
	n, err := s.File.ReadAt(b[:journalfile.PageSize], offset)
	if err != nil {
		return n, err
	}
	s.between()
	s.between = nil
	more, err := s.File.ReadAt(b[journalfile.PageSize:], offset+journalfile.PageSize)
	return n + more, err
}

// contentOf is what a journal holds that can be read.
func contentOf(t *testing.T, path string) *journalfile.Content {
	t.Helper()
	found, ok := journalpool.Look(path)
	if !ok || found.Content == nil {
		t.Fatalf("%s: %+v", path, found)
	}
	return found.Content
}
