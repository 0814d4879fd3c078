package inspect

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestBackup writes a mirror that can be shown, and overwrites nothing.
func TestBackup(t *testing.T) {
	path, to := finished(t), filepath.Join(t.TempDir(), "copy.db")
	if got := runWith(t.Context(), Options{File: path}, "backup"); got.code != exitUsage {
		t.Errorf("backup to nothing: code %d, %q", got.code, got.errors)
	}
	if got := runWith(t.Context(), Options{File: path}, "backup", to); got.code != exitDone {
		t.Fatalf("backup: code %d, %q", got.code, got.errors)
	}
	if got := runWith(t.Context(), Options{File: to}, "show"); got.code != exitDone {
		t.Errorf("show of the copy: code %d, %q", got.code, got.errors)
	}
	if got := runWith(t.Context(), Options{File: path}, "backup", to); got.code != exitFailed {
		t.Errorf("backup again: code %d, %q", got.code, got.errors)
	}
	nowhere := filepath.Join(t.TempDir(), "none", "copy.db")
	if got := runWith(t.Context(), Options{File: path}, "backup", nowhere); got.code != exitFailed || strings.Contains(got.errors, "There is no mirror") {
		t.Errorf("backup to a directory that is not there: code %d, %q", got.code, got.errors)
	}
	if got := runWith(t.Context(), Options{File: nowhere}, "backup", to); got.code != exitNoMirror {
		t.Errorf("backup of no mirror: code %d, %q", got.code, got.errors)
	}
}
