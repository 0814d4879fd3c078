package warm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// readCache returns what a cache says.
func readCache(mirror string) (content []byte, nonce uint64, err error) {
	c, err := Open(mirror)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	return c.Content, c.Nonce, nil
}

// written returns a database with a cache that is valid.
func written(t *testing.T, content []byte) (mirror string, nonce uint64) {
	t.Helper()
	mirror = filepath.Join(t.TempDir(), "usage.db")
	must(t, os.WriteFile(mirror, []byte("a database"), 0o600))
	nonce, err := Write(mirror, content)
	must(t, err)
	if _, _, err := readCache(mirror); !errors.Is(err, ErrNone) {
		t.Errorf("without a stamp: %v, want ErrNone", err)
	}
	must(t, Stamp(mirror, nonce))
	return mirror, nonce
}

func TestACacheIsWhatWasWritten(t *testing.T) {
	for _, size := range []int{0, 1, 1000, MaxContent} {
		content := bytes.Repeat([]byte("x"), size)
		mirror, nonce := written(t, content)
		got, same, err := readCache(mirror)
		if err != nil || !bytes.Equal(got, content) || same != nonce || !IsCurrent(mirror, nonce) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		must(t, Retire(mirror, false))
		if _, _, err := readCache(mirror); !errors.Is(err, ErrNone) || IsCurrent(mirror, nonce) {
			t.Errorf("once retired: %v, want ErrNone", err)
		}
		must(t, Stamp(mirror, nonce)) // late
		if _, _, err := readCache(mirror); !errors.Is(err, ErrNone) {
			t.Errorf("stamped after that: %v, want ErrNone", err)
		}
		must(t, Retire(mirror, true))
		if b, err := os.ReadFile(Path(mirror)); err != nil || !bytes.Equal(b, make([]byte, len(b))) {
			t.Errorf("something is left: %v", err)
		}
	}
	if _, err := Write(filepath.Join(t.TempDir(), "usage.db"), make([]byte, MaxContent+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a longer one: %v, want ErrTooLarge", err)
	}
}

// TestAShorterCacheLeavesNothingOfALonger in the file.
func TestAShorterCacheLeavesNothingOfALonger(t *testing.T) {
	mirror, _ := written(t, bytes.Repeat([]byte("secret"), 100))
	nonce, err := Write(mirror, []byte("new"))
	must(t, err)
	must(t, Stamp(mirror, nonce))
	if b, err := os.ReadFile(Path(mirror)); err != nil || bytes.Contains(b, []byte("secret")) {
		t.Errorf("the former one can be read: %v", err)
	}
	if got, _, err := readCache(mirror); err != nil || string(got) != "new" {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestNoDamagedCacheIsRead, whichever byte is another one, and however short it is.
func TestNoDamagedCacheIsRead(t *testing.T) {
	mirror, _ := written(t, []byte("what is known"))
	whole, err := os.ReadFile(Path(mirror))
	must(t, err)
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1
		must(t, os.WriteFile(Path(mirror), b, 0o600))
		unused := i >= 32 && i < stampAt
		if got, _, err := readCache(mirror); !unused && !errors.Is(err, ErrNone) {
			t.Errorf("byte %d: %q, %v", i, got, err)
		}
		must(t, os.WriteFile(Path(mirror), whole[:i], 0o600))
		if got, _, err := readCache(mirror); !errors.Is(err, ErrNone) {
			t.Errorf("%d bytes: %q, %v", i, got, err)
		}
	}
}

// TestACacheIsForOneStateOfADatabase.
func TestACacheIsForOneStateOfADatabase(t *testing.T) {
	for name, change := range map[string]func(string) error{
		"longer":  func(mirror string) error { return os.WriteFile(mirror, []byte("a database that grew"), 0o600) },
		"changed": func(mirror string) error { return os.Chtimes(mirror, time.Time{}, time.Now().Add(-time.Minute)) },
		"another": func(mirror string) error {
			info, err := os.Stat(mirror)
			return errors.Join(err, os.Rename(mirror, mirror+".old"), os.WriteFile(mirror, []byte("a database"), 0o600),
				os.Chtimes(mirror, time.Time{}, info.ModTime()))
		},
		"with a log": func(mirror string) error { return os.WriteFile(mirror+"-wal", []byte("log"), 0o600) },
		"gone":       os.Remove,
	} {
		mirror, _ := written(t, []byte("what is known"))
		must(t, change(mirror))
		if got, _, err := readCache(mirror); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %q, %v, want ErrNone", name, got, err)
		}
	}
	mirror, _ := written(t, []byte("what is known"))
	must(t, os.WriteFile(mirror+"-wal", nil, 0o600)) // somebody opened it
	if _, _, err := readCache(mirror); err != nil {
		t.Errorf("with an empty log: %v", err)
	}
}
