//go:build unix

package setup

import (
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestAPipeInAFilesPlaceIsNotWaitedFor, also when it was a file when it was
// looked at.
func TestAPipeInAFilesPlaceIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.ini")
	must(t, syscall.Mkfifo(path, 0o600))
	for name, read := range map[string]func(string) ([]byte, error){"looked at": readFile, "swapped": readRegular} {
		done := make(chan error, 1)
		go func() { _, err := read(path); done <- err }()
		select {
		case err := <-done:
			if !errors.Is(err, ErrNotFile) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it waits", name)
		}
	}
}

// TestASocketInAFilesPlaceIsNotOpened: it is known for what it is before.
func TestASocketInAFilesPlaceIsNotOpened(t *testing.T) {
	t.Chdir(t.TempDir()) // a socket's path must be short
	l, err := net.Listen("unix", "usage.ini")
	must(t, err)
	defer l.Close()
	if _, err := readFile("usage.ini"); !errors.Is(err, ErrNotFile) {
		t.Error(err)
	}
}
