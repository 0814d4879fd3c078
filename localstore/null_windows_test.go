package localstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

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
