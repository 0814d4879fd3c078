package linking

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

func simulated(t *testing.T, c Config) *Result {
	t.Helper()
	c.Until, c.Erasing = time.Date(2026, 11, 28, 15, 0, 0, 0, time.UTC), 0.3
	r, err := Run(t.Context(), t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSumsAreExact over erasures, changes of ids, upgrades and lost answers: what an
// archive keeps is what was counted, and each installation is in its state.
func TestSumsAreExact(t *testing.T) {
	for name, c := range map[string]Config{"id": {}, "rotation": {Rotation: 3 * 24 * time.Hour}, "unlinkable": {Unlinkable: true}} {
		t.Run(name, func(t *testing.T) {
			c.Installations, c.Days, c.Seed, c.Lost = 8, 12, 5, 0.15
			r := simulated(t, c)
			got, err := r.Kept()
			if err != nil {
				t.Fatal(err)
			}
			if want := r.Truth.Archived(); !maps.Equal(got, want) {
				t.Errorf("arrived %v, want %v", got, want)
			}
			all, err := r.Arrived()
			if err != nil || all["searches"] <= got["searches"] {
				t.Errorf("arrived %v, %v: nothing was erased or sent again, the test shows little", all, err)
			}
			if asked := r.Truth.Erased > 0; asked == c.Unlinkable {
				t.Errorf("%d requests for deletion", r.Truth.Erased)
			}
		})
	}
}

// TestUnlinkableIsUnlinkable: what is in the requests besides the values is worth no
// more than a guess, and with the values no more than the values alone. With an id
// the same attacker is right.
func TestUnlinkableIsUnlinkable(t *testing.T) {
	const deviations = 5 // of a share by chance
	found := make(map[bool]Found)
	for _, unlinkable := range []bool{false, true} {
		f, err := Attack(simulated(t, Config{Installations: 12, Days: 16, Seed: 2, Lost: 0.05, Unlinkable: unlinkable}))
		if err != nil {
			t.Fatal(err)
		}
		found[unlinkable] = f
	}
	with, without := found[false].All, found[true].All
	for clue, than := range map[string]string{IDs: Nothing, Intervals: Nothing, Order: Nothing, Requests: Values} {
		h, limit := without[clue], without[than]
		if h.Batches < 50 || h.Share() > limit.Share()+deviations*limit.Deviation() {
			t.Errorf("unlinkable, by %s: %.1f %% of %d are linked, by %s %.1f %%", clue, 100*h.Share(), h.Batches, than, 100*limit.Share())
		}
	}
	for _, clue := range []string{IDs, Intervals, Requests, All} {
		if h := with[clue]; h.Share() < 0.9 {
			t.Errorf("with an id, by %s: only %.1f %% are linked: the attacker is no good", clue, 100*h.Share())
		}
	}
	var table bytes.Buffer
	if err := WriteTable(&table, []string{"id", "unlinkable"}, []map[string]Hits{with, without}); err != nil {
		t.Fatal(err)
	}
	if strings.Count(table.String(), "\n") != 2+len(Clues()) || !strings.Contains(table.String(), fmt.Sprintf("of %d batches", with[IDs].Batches)) {
		t.Errorf("the table is\n%s", &table)
	}
	t.Logf("\n%s", &table)
}
