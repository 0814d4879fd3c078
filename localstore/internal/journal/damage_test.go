package journal

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// fullJournal returns the bytes of a journal that counted, recorded and counted on.
func fullJournal(t testing.TB) (path string, b []byte, want map[string]journalfile.Difference) {
	t.Helper()
	path = mirrorPath(t)
	j := take(t, configOf(t, path))
	all := []*counter{
		keep(t, j, numberOf("n")), keep(t, j, floatOf("f")), keep(t, j, timesOf("t")), keep(t, j, stateOf("s")),
		keep(t, j, numberOf("n", attribute.String("k", "v"))),
	}
	changes := make([]Change, len(all))
	for i, c := range all {
		c.count("a")
		changes[i] = c.change()
	}
	if err := j.Begin(1, sharing, changes); err != nil {
		t.Fatal(err)
	}
	j.Settle(true)
	for i, c := range all {
		c.taken = c.v.Clone()
		c.count("b")
		changes[i] = c.change()
	}
	if err := j.Begin(2, sharing, changes[:3]); err != nil { // that comes to nothing
		t.Fatal(err)
	}
	for _, c := range all {
		c.count("c")
	}
	die(j)
	path = journalpool.Path(path, 0)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want = make(map[string]journalfile.Difference)
	for _, d := range contentOfBytes(t, b).Differences(1) {
		want[journalfile.KeyOf(d.Series)] = d
	}
	if len(want) != len(all) {
		t.Fatalf("%d differences", len(want))
	}
	return path, b, want
}

func contentOfBytes(t testing.TB, b []byte) *journalfile.Content {
	t.Helper()
	c, err := journalfile.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestABitThatFlips costs at most the series, or the recording, that it is part of.
// What is left is what was counted, and damage is reported.
func TestABitThatFlips(t *testing.T) {
	_, b, want := fullJournal(t)
	unnoticed, lost := 0, 0
	for at := 0; at < len(b); at++ {
		if at%509 > 0 && journalfile.IsZero(b[at:min(at+16, len(b))]) {
			continue // zeros behind the end are alike
		}
		b[at] ^= 1 << (at % 8)
		c, err := journalfile.Parse(b)
		b[at] ^= 1 << (at % 8)
		if err != nil {
			if !errors.Is(err, journalfile.ErrDamaged) && !errors.Is(err, journalfile.ErrNewerFormat) {
				t.Fatalf("byte %d: %v", at, err)
			}
			continue
		}
		seq, _, _, ok := c.Holding(1, true)
		if !ok {
			if len(c.Damage) == 0 {
				t.Errorf("byte %d: nothing holds and nothing is said", at)
			}
			continue
		}
		list := c.Differences(seq)
		for _, d := range list {
			w := want[journalfile.KeyOf(d.Series)]
			if seq == 1 && (!d.Delta.Nearly(w.Delta) || d.Moves != w.Moves || d.State != w.State) {
				t.Errorf("byte %d: %s is %v, want %v", at, d.Series.Metric.Name, d.Delta, w.Delta)
			}
		}
		if len(list) < len(want) && seq == 1 {
			lost++
			if len(c.Damage) == 0 {
				unnoticed++
				t.Errorf("byte %d: %d of %d series, and nothing is said", at, len(list), len(want))
			}
		}
	}
	if lost == 0 || unnoticed > 0 {
		t.Errorf("%d lost, %d of them unnoticed", lost, unnoticed)
	}
}

// TestACutFile loses what was cut off and nothing else.
func TestACutFile(t *testing.T) {
	_, b, want := fullJournal(t)
	for size := 0; size <= len(b); size += 512 {
		c, err := journalfile.Parse(b[:size])
		if err != nil {
			continue
		}
		for _, d := range c.Differences(1) {
			if w := want[journalfile.KeyOf(d.Series)]; !d.Delta.Nearly(w.Delta) || d.Moves != w.Moves {
				t.Errorf("cut at %d: %s is %v, want %v", size, d.Series.Metric.Name, d.Delta, w.Delta)
			}
		}
	}
}

// TestZeroedPages: each page of the file in turn.
func TestZeroedPages(t *testing.T) {
	_, b, want := fullJournal(t)
	for at := 0; at < len(b); at += journalfile.PageSize {
		bad := bytes.Clone(b)
		clear(bad[at : at+journalfile.PageSize])
		c, err := journalfile.Parse(bad)
		if at == 0 {
			if !errors.Is(err, journalfile.ErrDamaged) {
				t.Errorf("without a header: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		list := c.Differences(1)
		if len(list) < len(want) && len(c.Damage) == 0 {
			t.Errorf("page %d: %d series and nothing is said", at/journalfile.PageSize, len(list))
		}
		for _, d := range list {
			if w := want[journalfile.KeyOf(d.Series)]; !d.Delta.Nearly(w.Delta) {
				t.Errorf("page %d: %v, want %v", at/journalfile.PageSize, d.Delta, w.Delta)
			}
		}
	}
}

// TestOtherFiles in a journal's place are left alone, and the next name is taken.
func TestOtherFiles(t *testing.T) {
	_, full, _ := fullJournal(t)
	newer := bytes.Clone(full)
	newer[8] = journalfile.Version + 1
	fixPreamble(newer)
	for name, c := range map[string]struct {
		b        []byte
		standing journalpool.Standing
		err      error
	}{
		"of a dead process":      {full, journalpool.Dead, nil},
		"newer":                  {newer, journalpool.Newer, journalfile.ErrNewerFormat},
		"somebody's text":        {bytes.Repeat([]byte("text "), 2000), journalpool.Strange, journalfile.ErrDamaged},
		"a header that is gone":  {append(make([]byte, journalfile.HeaderSize), full[journalfile.HeaderSize:]...), journalpool.Strange, journalfile.ErrDamaged},
		"a header of one letter": {append([]byte("x"), make([]byte, journalfile.HeaderSize)...), journalpool.Strange, journalfile.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := mirrorPath(t)
			if err := os.WriteFile(journalpool.Path(path, 0), c.b, journalfile.OwnFile); err != nil {
				t.Fatal(err)
			}
			j := take(t, configOf(t, path))
			if j.Path() != journalpool.Path(path, 1) {
				t.Errorf("took %s", j.Path())
			}
			found := journalpool.List(path)[0]
			if found.Standing != c.standing || !errors.Is(found.Err, c.err) {
				t.Errorf("found %v, %v", found.Standing, found.Err)
			}
			claimed, err := Claim(journalpool.Path(path, 0))
			claimed.Release()
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("claimed with %v", err)
			}
			if got, _ := os.ReadFile(journalpool.Path(path, 0)); !bytes.Equal(got, c.b) {
				t.Error("it was changed")
			}
			if err := Discard(journalpool.Path(path, 0)); (err == nil) != errors.Is(c.err, journalfile.ErrDamaged) {
				t.Errorf("discarded with %v", err)
			}
			if _, err := Erase(path); err != nil {
				t.Fatal(err)
			}
			if found := journalpool.List(path)[0]; found.Standing != journalpool.Empty {
				t.Errorf("after an erasure it is %v, %v", found.Standing, found.Err)
			}
		})
	}
}

// TestAnInterruptedStart leaves a file that the next run takes.
func TestAnInterruptedStart(t *testing.T) {
	for name, b := range map[string][]byte{
		"made": nil, "short": make([]byte, 100), "zeros": make([]byte, journalfile.InitialSize),
		"marked": append(append(make([]byte, journalfile.MarkOffset), 1, 2, 3), make([]byte, 5000)...),
	} {
		t.Run(name, func(t *testing.T) {
			path := mirrorPath(t)
			if err := os.WriteFile(journalpool.Path(path, 0), b, journalfile.OwnFile); err != nil {
				t.Fatal(err)
			}
			j := take(t, configOf(t, path))
			if j.Path() != journalpool.Path(path, 0) || j.Superseded() != (name == "marked") {
				t.Errorf("took %s, superseded %v", j.Path(), j.Superseded())
			}
			keep(t, j, numberOf("n")).count("")
			die(j)
			if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 1 {
				t.Errorf("differences %v", d)
			}
		})
	}
}

// FuzzRead: whatever is written into a file, sealed as a journal seals it or not,
// reading it ends, and says nothing that cannot be.
func FuzzRead(f *testing.F) {
	_, whole, _ := fullJournal(f)
	blocks := blocksOf(f, whole)
	f.Add(uint32(0), []byte{}, int64(1), false)
	f.Add(uint32(journalfile.TagOffset+8), []byte{255, 255, 255, 255, 255, 255, 255, 255}, int64(2), true)
	for _, b := range blocks { // each is sealed with something else in it
		f.Add(uint32(b.from+journalfile.RecordHead), []byte{255, 255, 255, 255}, int64(1), true)
		f.Add(uint32(b.from+8), []byte{3, 0, 0, 0, 255, 0}, int64(0), true)
	}
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, row int64, seals bool) {
		b := bytes.Clone(whole)
		if int(at) < len(b) {
			copy(b[at:], patch)
		}
		nonce := journalfile.Order.Uint64(b[journalfile.RunOffset+8:])
		for _, block := range blocks {
			if seals {
				journalfile.Seal(nonce, int64(block.from), b[block.from:block.to])
			}
		}
		if len(patch)%2 == 1 {
			b = b[:min(len(b), int(at))]
		}
		c, err := journalfile.Parse(b)
		if err != nil {
			return
		}
		if seq, _, _, ok := c.Holding(row, row >= 0); ok {
			for _, d := range c.Differences(seq) {
				if d.Series.Metric == nil || d.Series.Metric.Scope == nil || d.Series.Resource == nil || d.Delta.IsZero() && d.Moves <= 0 {
					t.Errorf("difference %+v", d)
				}
			}
		}
		if len(c.Damage) > journalfile.MaxDamage {
			t.Errorf("%d lines of damage", len(c.Damage))
		}
	})
}

type block struct{ from, to int }

// blocksOf returns what is sealed in a sound journal.
func blocksOf(t testing.TB, b []byte) (list []block) {
	c := contentOfBytes(t, b)
	list = append(list, block{journalfile.RunOffset, journalfile.RunOffset + journalfile.RunSize}, block{journalfile.TagOffset, journalfile.TagOffset + journalfile.TagSize},
		block{journalfile.TagOffset + journalfile.TagStride, journalfile.TagOffset + journalfile.TagStride + journalfile.TagSize})
	for i := range c.Slots {
		p := c.Slots[i].Place
		list = append(list, block{int(p.Value), int(p.Value) + p.Shape.ValueSize()}, block{int(p.Base), int(p.Base) + p.Shape.BaseSize()})
	}
	for at := journalfile.HeaderSize; at+journalfile.RecordHead < len(b); at += 8 {
		if size := journalfile.Align(journalfile.RecordHead + int(journalfile.Order.Uint32(b[at+12:]))); journalfile.Order.Uint32(b[at+4:]) == journalfile.RecordMagic && journalfile.Sealed(c.Header.Run.Nonce, int64(at), b[at:at+size]) {
			list = append(list, block{at, at + size})
		}
	}
	return list
}
