package journal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestAFullDisk is met when a journal is made, or when it grows. What has its place
// is counted on.
func TestAFullDisk(t *testing.T) {
	for name, c := range map[string]struct {
		size string
		take bool
	}{"at start": {"size=16k", false}, "at growth": {"size=48k", true}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, c.size); err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
			path := filepath.Join(dir, "usage.db")
			config := configOf(t, path)
			var reports []error
			config.OnError = func(err error) { reports = append(reports, err) }
			j, err := Take(config)
			if !c.take {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("took one: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { die(j) })
			first := keep(t, j, numberOf("n"))
			first.count("")
			if err := os.WriteFile(filepath.Join(dir, "rest"), make([]byte, 1<<20), journalfile.OwnFile); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("the disk is not full: %v", err)
			}
			first.count("") // has its place
			if d := contentOf(t, journalpool.Path(path, 0)).Differences(0); len(d) != 1 || d[0].Delta.Int64() != 2 || len(reports) > 0 {
				t.Errorf("differences %v, reports %v", d, reports)
			}
			all := make([]*counter, 100)
			var changes []Change
			for i := range all {
				all[i] = keep(t, j, another(timesOf("t")))
				all[i].count("")
				changes = append(changes, all[i].change())
				all[i].taken = all[i].v.Clone()
			}
			if err := j.Begin(1, sharing, changes); err != nil { // the mirror is on another disk
				t.Fatal(err)
			}
			j.Settle(true)
			for _, c := range all {
				c.count("")
			}
			if len(reports) != 1 || !errors.Is(reports[0], syscall.ENOSPC) {
				t.Errorf("reports %v", reports)
			}
			if n := len(contentOf(t, journalpool.Path(path, 0)).Differences(1)); n < 2 || n > 99 {
				t.Errorf("%d of 100 have a place", n)
			}
			if err := os.Remove(filepath.Join(dir, "rest")); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m"); err != nil {
				t.Fatal(err)
			}
			if err := j.Begin(2, sharing, nil); err != nil {
				t.Fatal(err)
			}
			j.Settle(true)
			all[99].count("")
			m := newMirror()
			for _, d := range contentOf(t, journalpool.Path(path, 0)).Differences(2) {
				m.add(d.Series, journalfile.ValueOf(d.Delta), all[0].shape)
			}
			for i, c := range all {
				if got := m.totals[journalfile.KeyOf(c.series)].Count; got != c.v.Count-1 {
					t.Errorf("series %d: %d counts beyond the mirror, want %d", i, got, c.v.Count-1)
				}
			}
		})
	}
}
