package localstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// TestWhatWasSetAsideIsFoundInAnyDirectory, whatever its name would mean as a
// pattern: Erase removes it, and a lost mirror waits for a decision.
func TestWhatWasSetAsideIsFoundInAnyDirectory(t *testing.T) {
	for _, name := range []string{"plain", "[games]", "[a", "a]b[", "{x}", "^~!"} {
		path := filepath.Join(t.TempDir(), name, name+".db")
		s := open(t, path, newClock())
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		closeStore(t, s)
		aside, err := place.SetAside(path, newClock().now())
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(filepath.Dir(path), "other.db.damaged-1"), nil)
		if !place.WasDamaged(path) {
			t.Errorf("%s: nothing was set aside", name)
		}
		s = open(t, path, newClock())
		if c := consentOf(t, s); c.Sending {
			t.Errorf("%s: consent is %+v", name, c)
		}
		h, err := s.Examine(t.Context(), nil)
		if err != nil || len(h.SetAside) != 1 || h.SetAside[0] != aside {
			t.Errorf("%s: set aside %v, %v", name, h.SetAside, err)
		}
		if err := s.Erase(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(aside); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: what was set aside is left: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "other.db.damaged-1")); err != nil {
			t.Error(err)
		}
	}
}
