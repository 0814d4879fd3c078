package journal

import (
	"errors"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestCloseLeavesWhatIsNotRecorded to be recovered, and nothing else.
func TestCloseLeavesWhatIsNotRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(t *testing.T, j *Journal, n, f *counter)
		drop bool
		left int
	}{
		"nothing counted": {func(*testing.T, *Journal, *counter, *counter) {}, false, 0},
		"not recorded":    {func(_ *testing.T, _ *Journal, n, _ *counter) { n.count("") }, false, 1},
		"to be dropped":   {func(_ *testing.T, _ *Journal, n, _ *counter) { n.count("") }, true, 0},
		"all recorded": {func(t *testing.T, j *Journal, n, f *counter) {
			for seq := range int64(3) {
				n.count("")
				f.count("")
				changes := []Change{n.change(), f.change()}
				n.taken, f.taken = n.v, f.v
				if err := j.Begin(seq+1, sharing, changes); err != nil {
					t.Fatal(err)
				}
				j.Settle(true)
			}
		}, false, 0},
		"outcome not known": {func(t *testing.T, j *Journal, n, f *counter) {
			f.count("")
			if err := j.Begin(1, sharing, []Change{f.change()}); err != nil {
				t.Fatal(err)
			}
			f.v = journalfile.Value{} // is the base again, unless the recording is in the mirror
			f.changed()
		}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := mirrorPath(t)
			j := take(t, configOf(t, path))
			n, f := keep(t, j, numberOf("n")), keep(t, j, floatOf("f"))
			c.end(t, j, n, f)
			if err := errors.Join(j.Close(c.drop), j.Close(c.drop)); err != nil {
				t.Fatal(err)
			}
			n.count("") // too late, and harmless
			if n.flag.Armed() {
				t.Error("a count of a closed journal acts")
			}
			left := 0
			if found := journalpool.List(path)[0]; found.Standing == journalpool.Dead {
				left = 1
			}
			if left != c.left {
				t.Errorf("%d journals are left, want %d", left, c.left)
			}
			if _, err := j.Add(Kept{numberOf("late"), false, new(Flag), func(*journalfile.Value) {}, journalfile.Value{}}); !errors.Is(err, journalfile.ErrClosed) {
				t.Errorf("added to a closed journal: %v", err)
			}
		})
	}
}
