package journal

import (
	"bytes"
	"os"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// leftOnes returns the journals that a start finds.
func leftOnes(t testing.TB, path string) (list []*journalpool.Found) {
	t.Helper()
	for _, found := range journalpool.ListShort(path) {
		if found.Standing == journalpool.Dead {
			list = append(list, &found)
		}
	}
	return list
}

// leave is a run that counts each of some series once, and ends well.
func leave(t testing.TB, c Config, of ...string) {
	t.Helper()
	c.Inherit = leftOnes(t, c.Path)
	j := take(t, c)
	for _, name := range of {
		keep(t, j, numberOf(name)).count("")
	}
	if !j.Leave() {
		t.Error("the journal is not left")
	}
	must(t, j.Close(false))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counts returns what all journals hold, by name.
func counts(t testing.TB, path string) map[string]int64 {
	t.Helper()
	all := make(map[string]int64)
	for _, found := range journalpool.List(path) {
		if found.Content == nil {
			continue
		}
		for _, d := range found.Content.Differences(0) {
			all[d.Series.Metric.Name] += d.Delta.Int64()
		}
	}
	return all
}

// TestRunsShareOneJournal, whatever each of them counts.
func TestRunsShareOneJournal(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	const runs = 300
	for i := range runs {
		names := []string{"each"}
		if i%7 == 0 {
			names = append(names, "seventh")
		}
		if i == 5 {
			names = []string{"once"}
		}
		leave(t, c, names...)
	}
	list := journalpool.List(path)
	if len(list) != 1 || list[0].Content.Header.Run.Heirs != runs-1 || list[0].Content.Count() != 3 {
		t.Fatalf("%d journals, the first is %+v", len(list), list[0].Content)
	}
	if got := counts(t, path); got["each"] != runs-1 || got["seventh"] != 43 || got["once"] != 1 {
		t.Errorf("they hold %v", got)
	}
}

// TestWhatIsNotInherited waits for a recovery as it is, and its process takes another file.
func TestWhatIsNotInherited(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, c *Config){
		"another mirror":      func(_ *testing.T, c *Config) { c.Mirror = "mirror-2" },
		"another observation": func(_ *testing.T, c *Config) { c.Observed.Epoch++ },
		"may not send":        func(_ *testing.T, c *Config) { c.Observed.MaySend = false },
		"a later recording":   func(_ *testing.T, c *Config) { c.Seq = 1 },
		"marked":              func(t *testing.T, c *Config) { must(t, Supersede(c.Path)) },
		"claimed": func(t *testing.T, c *Config) {
			claimed, err := Claim(journalpool.Path(c.Path, 0))
			must(t, err)
			t.Cleanup(claimed.Release)
		},
		"a recovery began": func(t *testing.T, c *Config) {
			claimed, err := Claim(journalpool.Path(c.Path, 0))
			must(t, err)
			defer claimed.Release()
			_, err = claimed.Begin(0)
			must(t, err)
		},
		"recovered": func(t *testing.T, c *Config) {
			claimed, err := Claim(journalpool.Path(c.Path, 0))
			must(t, err)
			defer claimed.Release()
			must(t, claimed.Empty())
		},
		"another heir was killed": func(t *testing.T, c *Config) {
			former := *c
			j := take(t, former)
			keep(t, j, numberOf("n")).count("")
			die(j)
		},
		"another heir ended": func(t *testing.T, c *Config) { leave(t, *c, "n") },
		"longer":             func(t *testing.T, c *Config) { must(t, os.Truncate(journalpool.Path(c.Path, 0), 40<<10)) },
		"damaged": func(t *testing.T, c *Config) {
			f, err := os.OpenFile(journalpool.Path(c.Path, 0), os.O_RDWR, 0)
			must(t, err)
			defer f.Close()
			_, err = f.WriteAt([]byte{0xff}, journalfile.HeaderSize+8)
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := configOf(t, mirrorPath(t))
			leave(t, c, "n", "other")
			c.Inherit = leftOnes(t, c.Path)
			change(t, &c)
			if name == "damaged" || name == "longer" { // before it was found
				c.Inherit = leftOnes(t, c.Path)
			}
			before, err := os.ReadFile(journalpool.Path(c.Path, 0))
			must(t, err)
			c.OnError = nil
			j := take(t, c)
			if j.Inherits() {
				t.Fatal("it is inherited")
			}
			if after, err := os.ReadFile(journalpool.Path(c.Path, 0)); err != nil || j.Path() != journalpool.Path(c.Path, 0) && string(after) != string(before) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

// TestMovesAreNotInherited: whose was the last a recovery tells by when each run began.
func TestMovesAreNotInherited(t *testing.T) {
	c := configOf(t, mirrorPath(t))
	leave(t, c, "n")
	c.Inherit = leftOnes(t, c.Path)
	began := c.Inherit[0].Content.Started
	j := take(t, c)
	if !j.Inherits() {
		t.Fatal("nothing is inherited")
	}
	if at := journalpool.List(c.Path)[0].Content.Started; !at.Equal(began) {
		t.Errorf("what was counted since %v is from %v", began, at)
	}
	keep(t, j, stateOf("s")).count("on")
	if at := journalpool.List(c.Path)[0].Content.Started; !at.After(began) {
		t.Errorf("a State was moved by a run that began at %v", at)
	}
	j.Leave()
	must(t, j.Close(false))
	c.Inherit = leftOnes(t, c.Path)
	if take(t, c).Inherits() {
		t.Error("a move is inherited")
	}
}

// TestAnHeirBeginsAnew under the id that it inherited, in its file or in another one: its
// recordings are signed with that.
func TestAnHeirBeginsAnew(t *testing.T) {
	for name, renew := range map[string]func(*Journal) error{
		"after an erasure": func(j *Journal) error { return j.Renew("mirror-1", journalfile.Observation{Epoch: 1, Erasures: 1}) },
		"in another file": func(j *Journal) error {
			if err := os.Remove(j.Path()); err != nil {
				return err
			}
			return j.Renew("mirror-1", sharing)
		},
	} {
		c := configOf(t, mirrorPath(t))
		leave(t, c, "n")
		c.Inherit, c.Writer = leftOnes(t, c.Path), "writer-2"
		j := take(t, c)
		if j.Writer() != "writer-1" {
			t.Errorf("%s: an heir signs as %q", name, j.Writer())
		}
		must(t, renew(j))
		if found := journalpool.List(c.Path); len(found) != 1 || found[0].Content.Writer != "writer-1" || j.Writer() != "writer-1" {
			t.Errorf("%s: %+v, signs as %q", name, found, j.Writer())
		}
	}
}

// TestAnHeirThatCannotWrite who it is takes another file, and leaves that one as it was.
func TestAnHeirThatCannotWrite(t *testing.T) {
	c := configOf(t, mirrorPath(t))
	leave(t, c, "n")
	c.Inherit, c.Writer = leftOnes(t, c.Path), "writer-2"
	files := 0
	c.wrap = func(f *os.File) journalfile.File {
		left := 1 << 20
		if files++; files == 1 {
			left = 1
		}
		return &dying{File: f, left: &left}
	}
	j := take(t, c)
	keep(t, j, numberOf("n")).count("")
	keep(t, j, timesOf("t")).count("")
	if j.Inherits() || j.Writer() != "writer-2" || files != 2 {
		t.Errorf("inherits: %v, signs as %q, tried %d files", j.Inherits(), j.Writer(), files)
	}
	if list := journalpool.List(c.Path); len(list) != 2 || list[0].Standing != journalpool.Dead || list[0].Content.Writer != "writer-1" {
		t.Errorf("the files are %+v", list)
	}
	if got := counts(t, c.Path); got["n"] != 2 {
		t.Errorf("they hold %v", got)
	}
}

// TestAnHeirKeepsTheBuckets of a Timer that it does not use, or has not used yet, also once it
// used another one.
func TestAnHeirKeepsTheBuckets(t *testing.T) {
	for _, declares := range []bool{false, true} {
		c := configOf(t, mirrorPath(t))
		former := take(t, c)
		of := keep(t, former, timesOf("former"))
		of.count("")
		of.count("")
		die(former)
		c.Inherit = leftOnes(t, c.Path)
		j := take(t, c)
		keep(t, j, timesOf("own")).count("")
		if declares {
			keep(t, j, timesOf("former"))
		}
		changes, _ := j.Inherited()
		must(t, j.Begin(1, sharing, changes))
		content := journalpool.List(c.Path)[0].Content
		if list := content.Differences(0); len(list) != 2 || len(content.Damage) > 0 {
			t.Errorf("declares %v: %d series, damage %v", declares, len(list), content.Damage)
		}
		for _, d := range content.Differences(0) {
			h := d.Delta.Histogram()
			if sum := h.Buckets[0] + h.Buckets[1] + h.Buckets[2] + h.Buckets[3]; sum != h.Count {
				t.Errorf("declares %v: %q has %d runs, in its buckets %d", declares, d.Series.Metric.Name, h.Count, sum)
			}
		}
		j.Settle(true)
		if list := journalpool.List(c.Path)[0].Content.Differences(1); len(list) != 1 || list[0].Series.Metric.Name != "own" {
			t.Errorf("declares %v: %d series are beyond the first recording", declares, len(list))
		}
	}
}

// TestADroppedJournalKeepsWhatWasInherited, and nothing of its last process.
func TestADroppedJournalKeepsWhatWasInherited(t *testing.T) {
	c := configOf(t, mirrorPath(t))
	leave(t, c, "n", "other")
	c.Inherit = leftOnes(t, c.Path)
	j := take(t, c)
	keep(t, j, numberOf("n")).count("")
	keep(t, j, numberOf("new")).count("")
	if got := counts(t, c.Path); got["n"] != 2 || got["other"] != 1 || got["new"] != 1 {
		t.Errorf("the journal holds %v", got)
	}
	must(t, j.Close(true))
	if got := counts(t, c.Path); got["n"] != 1 || got["other"] != 1 || got["new"] != 0 {
		t.Errorf("once it was dropped, it holds %v", got)
	}
}

// TestWhatLiesBehindIsOverwritten: an heir writes its series where a file that was left has
// bytes that nobody wrote.
func TestWhatLiesBehindIsOverwritten(t *testing.T) {
	c := configOf(t, mirrorPath(t))
	leave(t, c, "n")
	f, err := os.OpenFile(journalpool.Path(c.Path, 0), os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	for _, at := range []int64{journalfile.HeaderSize + 512, journalfile.HeaderSize + journalfile.FirstValues + 48} {
		_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 2048), at)
		must(t, err)
	}
	c.Inherit = leftOnes(t, c.Path)
	j := take(t, c)
	if !j.Inherits() {
		t.Fatal("nothing is inherited")
	}
	for _, name := range []string{"a", "b", "c"} {
		keep(t, j, numberOf(name)).count("")
	}
	if found := journalpool.List(c.Path)[0]; len(found.Content.Damage) > 0 {
		t.Error(found.Content.Damage)
	}
	if got := counts(t, c.Path); got["n"] != 1 || got["a"] != 1 || got["b"] != 1 || got["c"] != 1 {
		t.Errorf("the journal holds %v", got)
	}
}

// TestAStartThatCountsNothingWritesOnlyWhoItIs.
func TestAStartThatCountsNothingWritesOnlyWhoItIs(t *testing.T) {
	c := configOf(t, mirrorPath(t))
	leave(t, c, "n")
	c.Inherit = leftOnes(t, c.Path)
	writes := 1 << 20
	c.wrap = func(f *os.File) journalfile.File { return &dying{File: f, left: &writes} }
	j := take(t, c)
	keep(t, j, numberOf("n"))
	j.Leave()
	if n := 1<<20 - writes; n != 2 {
		t.Errorf("%d writes, want one of the owner and one that the journal is left", n)
	}
}
