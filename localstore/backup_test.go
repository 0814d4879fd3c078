package localstore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestBackup(t *testing.T) {
	s, c := fresh(t)
	w := newWriter(t, s)
	record(t, w, add(statistic(version("1"), "a_name_that_is_erased"), 1))
	erase(t, s)
	record(t, w) // what may have been collected before the erasure is dropped
	if err := w.Observe(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	record(t, w, add(statistic(version("1"), "n"), 7))
	path := filepath.Join(t.TempDir(), "copy's.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || bytes.Contains(content, []byte("a_name_that_is_erased")) {
		t.Errorf("read copy: %v, or it holds what was erased", err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("copy %v, %v", info.Mode(), err)
	}
	record(t, w, add(statistic(version("1"), "n"), 1))
	checkBalance(t, open(t, path, c, ReadOnly()), "n{}", wants{recorded: 7, pending: 7})

	if err := s.Backup(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second backup = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(ctx, path+"2"); !errors.Is(err, context.Canceled) {
		t.Errorf("backup with an ended context = %v", err)
	}
	if _, err := os.Stat(path + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}
