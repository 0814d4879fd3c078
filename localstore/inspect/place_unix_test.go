//go:build unix

package inspect

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWhatIsNoMirrorOpensAtOnce, to be refused: a pipe is not waited for.
func TestWhatIsNoMirrorOpensAtOnce(t *testing.T) {
	dir := t.TempDir()
	pipe, dangling, shared := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "shared", "usage.db")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(shared), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(finished(t), shared); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(shared), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		code int
		says string
	}{
		{pipe, exitNotMirror, "it is a named pipe"},
		{dangling, exitNotMirror, "it is a link to nothing"},
		{shared, exitPermission, "every user can write in the directory"},
	} {
		for _, args := range [][]string{{"show"}, {"doctor"}, {"export", "json"}, {"consent"}, {"consent", "off"}} {
			done := make(chan result, 1)
			go func() { done <- runWith(t.Context(), Options{File: tt.path}, args...) }()
			select {
			case got := <-done:
				if got.code != tt.code || !strings.Contains(got.errors, tt.says) {
					t.Errorf("%s, %v: code %d, %q", tt.path, args, got.code, got.errors)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s, %v: it waits", tt.path, args)
			}
		}
	}
}
