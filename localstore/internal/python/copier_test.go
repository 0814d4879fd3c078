package python

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// leftOver returns the path of files as a killed program leaves them. What is in
// them does not matter here.
func leftOver(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "usage.db")
	for _, suffix := range []string{".db", ".part.db", ".part.db" + place.JournalSuffix} {
		overwrite(t, strings.TrimSuffix(path, ".db")+suffix, bytes.Repeat([]byte(suffix), 1000))
	}
	return path
}

func overwrite(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// copiedFrom returns a copier of the files at a path.
func copiedFrom(t testing.TB, path string) *copier {
	t.Helper()
	dir := t.TempDir()
	return &copier{from: FilesOf(path), to: FilesOf(filepath.Join(dir, filepath.Base(path))), read: copyContent}
}

// TestACopyIsOfOneMoment: a database that is written while it is copied is
// copied anew, and given up for now if that goes on.
func TestACopyIsOfOneMoment(t *testing.T) {
	for _, tt := range []struct {
		name   string
		writes int // how often one of the files changes after it was read
		err    error
	}{{"quiet", 0, nil}, {"once", 1, nil}, {"all the time", 100, errBeingWritten}} {
		t.Run(tt.name, func(t *testing.T) {
			path := leftOver(t)
			c, n := copiedFrom(t, path), 0
			c.read = func(to io.Writer, from *os.File) error {
				err := copyContent(to, from)
				if from.Name() == path && n < tt.writes {
					n++
					overwrite(t, FilesOf(path).Part, []byte{byte(n)})
				}
				return err
			}
			if err := c.copy(); !errors.Is(err, tt.err) {
				t.Fatalf("copy = %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				return
			}
			for from, to := range map[string]string{c.from.Master: c.to.Master, c.from.Part: c.to.Part, c.from.Part + place.JournalSuffix: c.to.Part + place.JournalSuffix} {
				want, err := os.ReadFile(from)
				got, copyErr := os.ReadFile(to)
				if err != nil || copyErr != nil || !bytes.Equal(got, want) {
					t.Errorf("the copy of %s differs: %v, %v", from, err, copyErr)
				}
			}
		})
	}
}

// TestAWriterInTheMiddleIsWaitedFor: the copy is never of a database half
// written, and the import is tried again.
func TestAWriterInTheMiddleIsWaitedFor(t *testing.T) {
	path := leftOver(t)
	c := copiedFrom(t, path)
	pages := 0
	c.read = func(to io.Writer, from *os.File) error {
		file := from.Name()
		if file != FilesOf(path).Part {
			return copyContent(to, from)
		}
		// Another program recovers the file and goes on between two pages.
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pages++
		half := len(content) / 2
		if _, err := to.Write(content[:half]); err != nil {
			return err
		}
		if pages == 1 {
			content = bytes.Repeat([]byte{0xa5}, len(content))
			overwrite(t, file, content)
		}
		_, err = to.Write(content[half:])
		return err
	}
	if err := c.copy(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(c.to.Part)
	if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{0xa5}, len(got))) {
		t.Errorf("the copy is of two moments: %v", err)
	}
}
