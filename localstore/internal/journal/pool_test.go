package journal

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestALockIsThatOfAnOpenFile: who opens and closes the same file, in this process
// too, neither takes nor drops it.
func TestALockIsThatOfAnOpenFile(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	keep(t, j, numberOf("n")).count("")
	for range 3 {
		if found := journalpool.List(path); len(found) != 1 || found[0].Standing != journalpool.Living || len(found[0].Content.Differences(0)) != 1 {
			t.Fatalf("found %+v", found)
		}
		if _, err := Claim(journalpool.Path(path, 0)); !errors.Is(err, journalfile.ErrLiving) {
			t.Fatalf("claimed with %v", err)
		}
		if err := Discard(journalpool.Path(path, 0)); !errors.Is(err, journalfile.ErrLiving) {
			t.Fatalf("discarded with %v", err)
		}
	}
	die(j)
	c, err := Claim(journalpool.Path(path, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(journalpool.Path(path, 0)); !errors.Is(err, journalfile.ErrLiving) {
		t.Errorf("recovered twice at once: %v", err)
	}
	if found := journalpool.List(path); found[0].Standing != journalpool.Living {
		t.Errorf("while it is recovered it is %v", found[0].Standing)
	}
	c.Release()
	if found := journalpool.List(path); found[0].Standing != journalpool.Dead {
		t.Errorf("not recovered it is %v", found[0].Standing)
	}
}

// TestPoolUsedUp is an error, and each journal that is given back is taken again.
func TestPoolUsedUp(t *testing.T) {
	path := mirrorPath(t)
	all := make([]*Journal, 8)
	for i := range journalpool.Size {
		if i < len(all) {
			all[i] = take(t, configOf(t, path))
			keep(t, all[i], numberOf("n")).count("")
		} else if err := os.WriteFile(journalpool.Path(path, i), []byte("text"), journalfile.OwnFile); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Take(configOf(t, path)); !errors.Is(err, journalfile.ErrPoolUsedUp) {
		t.Errorf("took one more: %v", err)
	}
	die(all[4]) // holds a count
	if _, err := Take(configOf(t, path)); !errors.Is(err, journalfile.ErrPoolUsedUp) {
		t.Errorf("took what waits to be recovered: %v", err)
	}
	if err := all[7].Close(true); err != nil {
		t.Fatal(err)
	}
	if j := take(t, configOf(t, path)); j.Path() != journalpool.Path(path, 7) {
		t.Errorf("took %s", j.Path())
	}
	if journalpool.Path(path, 0) != path+".journal-00" || journalpool.Path(path, journalpool.Size-1) != path+".journal-ff" {
		t.Errorf("names %s to %s", journalpool.Path(path, 0), journalpool.Path(path, journalpool.Size-1))
	}
}

// TestLostFiles: the owner of a file that was removed, replaced, cut or overwritten
// goes on in a file that has everything since the latest recording.
func TestLostFiles(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) { remove(t, path) },
		"replaced": func(t *testing.T, path string) {
			remove(t, path)
			if err := os.WriteFile(path, []byte("another"), journalfile.OwnFile); err != nil {
				t.Fatal(err)
			}
		},
		"renamed": func(t *testing.T, path string) {
			if err := os.Rename(path, journalpool.Path(path[:len(path)-len(".journal-00")], 9)); err != nil {
				t.Skip(err)
			}
		},
		"cut":    func(t *testing.T, path string) { truncate(t, path, 5000) },
		"empty":  func(t *testing.T, path string) { truncate(t, path, 0) },
		"zeroed": func(t *testing.T, path string) { overwrite(t, path, make([]byte, journalfile.InitialSize)) },
		"text":   func(t *testing.T, path string) { overwrite(t, path, []byte("text, and nothing else")) },
	} {
		t.Run(name, func(t *testing.T) {
			path := mirrorPath(t)
			j := take(t, configOf(t, path))
			m := newMirror()
			all := []*counter{keep(t, j, numberOf("n")), keep(t, j, timesOf("t")), keep(t, j, stateOf("s"))}
			for seq := int64(1); seq < 4; seq++ {
				if seq == 2 {
					lose(t, journalpool.Path(path, 0))
				}
				var changes []Change
				for _, c := range all {
					c.count("on")
					changes = append(changes, c.change())
					c.taken = c.v.Clone()
				}
				all[0].count("")
				if err := j.Begin(seq, sharing, changes); err != nil {
					t.Fatal(err)
				}
				m.commit("writer-1", seq, changes)
				j.Settle(true)
				for _, c := range all {
					c.count("off")
				}
			}
			die(j)
			for i := range journalpool.Size { // what lies where the journal was may be no journal
				c, err := Claim(journalpool.Path(path, i))
				if err != nil {
					continue
				}
				if err := m.recoverOne(c); err != nil {
					t.Error(err)
				}
				c.Release()
			}
			for _, c := range all {
				m.check(t, c, c.v, c.v)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Skip(err) // an open file has to stay
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Skip(err)
	}
}

func overwrite(t *testing.T, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	_, werr := f.WriteAt(b, 0)
	if err := errors.Join(werr, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestALostFileThatCannotBeVoided keeps its owner from counting the same in another
// one, as long as it may be found.
func TestALostFileThatCannotBeVoided(t *testing.T) {
	path := mirrorPath(t)
	var broken atomic.Bool
	c := configOf(t, path)
	c.wrap = func(f *os.File) journalfile.File { return &breaking{File: f, broken: &broken} }
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	n.count("")
	if err := os.Rename(journalpool.Path(path, 0), journalpool.Path(path, 9)); err != nil {
		t.Skip(err)
	}
	broken.Store(true)
	if err := j.Begin(1, sharing, nil); !errors.Is(err, errBroken) {
		t.Errorf("began with %v", err)
	}
	j.Settle(false)
	if found := journalpool.List(path); len(found) != 1 || found[0].Standing != journalpool.Living {
		t.Errorf("found %+v", found)
	}
	broken.Store(false)
	n.count("")
	if err := j.Begin(1, sharing, nil); err != nil {
		t.Fatal(err)
	}
	die(j)
	if found := journalpool.List(path); len(found) != 2 || found[0].Standing != journalpool.Dead || found[1].Standing != journalpool.Empty ||
		found[0].Content.Differences(0)[0].Delta.Int64() != 2 {
		t.Errorf("found %+v", found)
	}
}

// TestTakenOver: an owner that was suspended while others took its file for a dead
// one's, as a lock over a network may end, touches what is theirs no more.
func TestTakenOver(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	n := keep(t, j, numberOf("n"))
	n.count("")
	// Another run starts in the same file.
	other := &Journal{config: j.config, pid: j.pid, reported: make(map[string]bool), kept: make(map[string]*Slot)}
	other.config.Writer = "writer-2"
	other.waiting.init(other)
	raw, err := journalfile.OpenFile(journalpool.Path(path, 0), true)
	if err != nil {
		t.Fatal(err)
	}
	other.file, other.raw, other.path = raw, raw, journalpool.Path(path, 0)
	if err := other.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { die(other) })
	m := keep(t, other, numberOf("m"))
	m.count("")
	if err := j.Begin(1, sharing, nil); err != nil {
		t.Fatal(err)
	}
	j.Settle(true)
	n.count("")
	if j.Path() != journalpool.Path(path, 1) {
		t.Errorf("goes on in %s", j.Path())
	}
	for i, want := range []struct {
		name  string
		count int64
	}{{"m", 1}, {"n", 2}} {
		d := contentOf(t, journalpool.Path(path, i)).Differences(1)
		if len(d) != 1 || d[0].Series.Metric.Name != want.name || d[0].Delta.Int64() != want.count {
			t.Errorf("journal %d: %v", i, d)
		}
	}
}

// TestSupersede reaches the living, the dead and the warm, and a mark is taken away
// by none but who acts on it.
func TestSupersede(t *testing.T) {
	path := mirrorPath(t)
	living, dead, warm := take(t, configOf(t, path)), take(t, configOf(t, path)), take(t, configOf(t, path))
	keep(t, dead, numberOf("n")).count("")
	die(dead)
	if err := errors.Join(warm.Close(true), Supersede(path)); err != nil {
		t.Fatal(err)
	}
	if err := living.Begin(1, sharing, nil); err != nil || !living.Superseded() {
		t.Errorf("the living one: %v, %v", living.Superseded(), err)
	}
	living.Settle(true)
	if c := contentOf(t, journalpool.Path(path, 1)); !c.Superseded || len(c.Differences(0)) != 1 {
		t.Errorf("the dead one: %+v", c)
	}
	warm = take(t, configOf(t, path))
	if warm.Path() != journalpool.Path(path, 2) || !warm.Superseded() {
		t.Errorf("the warm one at %s: %v", warm.Path(), warm.Superseded())
	}
	if err := warm.Close(true); err != nil {
		t.Fatal(err)
	}
	if warm = take(t, configOf(t, path)); !warm.Superseded() {
		t.Error("a run that did not act on the mark took it away")
	}
	if err := warm.Acknowledge(); err != nil || warm.Superseded() {
		t.Errorf("acknowledged: %v, %v", warm.Superseded(), err)
	}
}
