package localstore

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// soundMirror returns the bytes of a mirror with something in it.
func soundMirror(f *testing.F) []byte {
	path := filepath.Join(f.TempDir(), "usage.db")
	s, err := Open(path)
	if err != nil {
		f.Fatal(err)
	}
	w, err := s.Writer(true)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 20 {
		err := w.Record(f.Context(), recording.Recording{MaySend: true, Changes: []recording.Change{add(statistic(version("1"), "n"), int64(i))}})
		if err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// FuzzOpenDamaged opens mirrors with damage in them: each 5 bytes of the input
// are a place and what is written over it, the first 3 where the file is cut.
// Whatever the damage, opening ends soon, and a Store that opened counts on, in
// that file or in a fresh one.
func FuzzOpenDamaged(f *testing.F) {
	sound := soundMirror(f)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0})                            // empty
	f.Add([]byte{0, 16, 0})                           // one page
	f.Add([]byte{0, 0, 1, 0, 0, 0, 0, 0xff})          // magic
	f.Add([]byte{0xff, 0xff, 0xff, 0, 0, 0, 16, 9})   // page size
	f.Add([]byte{0xff, 0xff, 0xff, 0, 0, 0, 60, 99})  // schema version
	f.Add([]byte{0xff, 0xff, 0xff, 0, 0, 0, 68, 99})  // application id
	f.Add([]byte{0xff, 0xff, 0xff, 0, 0, 0, 100, 99}) // first b-tree
	f.Add([]byte{0xff, 0xff, 0xff, 0, 0, 16, 0, 99, 0, 0, 32, 0, 99, 0, 0, 64, 0, 99})
	f.Fuzz(func(t *testing.T, damage []byte) {
		b := append([]byte(nil), sound...)
		if len(damage) >= 3 {
			cut := int(damage[0])<<16 | int(damage[1])<<8 | int(damage[2])
			b = b[:min(cut, len(b))]
			damage = damage[3:]
		}
		for ; len(damage) >= 5; damage = damage[5:] {
			if at := binary.BigEndian.Uint32(damage); int64(at) < int64(len(b)) {
				b[at] = damage[4]
			}
		}
		path := filepath.Join(t.TempDir(), "usage.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s, err := Open(path, WithErrorHandler(func(error) {}))
		if err != nil {
			if !errors.Is(err, ErrNotMirror) && !errors.Is(err, ErrNewerSchema) {
				t.Errorf("open: %v", err)
			}
			return
		}
		defer s.Close()
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("open took %v", took)
		}
		w, err := s.Writer(true)
		if err != nil {
			return // damage found by the first read: the next one finds a fresh file
		}
		n := statistic(version("1"), "n")
		for range 3 {
			if err = w.Record(t.Context(), recording.Recording{MaySend: true, Changes: []recording.Change{add(n, 1)}}); err == nil {
				return
			}
		}
		t.Errorf("record: %v", err)
	})
}
