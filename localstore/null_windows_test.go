package localstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestNamesOfTheNullDevice(t *testing.T) {
	for path, want := range map[string]bool{
		"NUL": true, "nul": true, `C:\Users\bob\NUL`: true, `\\.\NUL`: true, `\??\nul`: true, "NUL:": true, "nul. ": true, "a/NUL": true,
		"": false, "NUL1": false, "null": false, `NUL\usage.db`: false, "usage.db": false, "NUL.db": false,
	} {
		if got := namesNull(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

// TestALinkToNulIsAnOptOut, for the file and for its directory.
func TestALinkToNulIsAnOptOut(t *testing.T) {
	link := filepath.Join(t.TempDir(), "usage.db")
	if err := os.Symlink("NUL", link); err != nil {
		t.Skip("links cannot be made:", err)
	}
	if _, err := os.Readlink(link); err != nil {
		t.Skip("links cannot be read:", err) // Wine makes them, and no more
	}
	for _, path := range []string{link, filepath.Join(link, "usage.db")} {
		if _, err := Open(path); !errors.Is(err, ErrOptedOut) || !errors.Is(err, ErrNotMirror) {
			t.Errorf("opened at %s: %v", path, err)
		}
	}
}
