package localstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// copiedFrom returns a copier of the files at a path.
func copiedFrom(t testing.TB, path string) *copier {
	t.Helper()
	dir := t.TempDir()
	return &copier{from: referenceOf(path), to: referenceOf(filepath.Join(dir, filepath.Base(path))), read: copyContent}
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
			path, _ := leftBehind(t, "hot-part")
			c, n := copiedFrom(t, path), 0
			c.read = func(to io.Writer, from *os.File) error {
				err := copyContent(to, from)
				if from.Name() == path && n < tt.writes {
					n++
					write(t, referenceOf(path).part, append(recordedFile(t, "usage.part.db"), byte(n)))
				}
				return err
			}
			if err := c.copy(); !errors.Is(err, tt.err) {
				t.Fatalf("copy = %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				return
			}
			for from, to := range map[string]string{c.from.master: c.to.master, c.from.part: c.to.part, c.from.part + place.JournalSuffix: c.to.part + place.JournalSuffix} {
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
	path, _ := leftBehind(t, "hot-part")
	c := copiedFrom(t, path)
	pages := 0
	c.read = func(to io.Writer, from *os.File) error {
		file := from.Name()
		if file != referenceOf(path).part {
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
			write(t, file, content)
		}
		_, err = to.Write(content[half:])
		return err
	}
	if err := c.copy(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(c.to.part)
	if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{0xa5}, len(got))) {
		t.Errorf("the copy is of two moments: %v", err)
	}
}

// TestNoCopyIsLeft when reading it fails.
func TestNoCopyIsLeft(t *testing.T) {
	path, _ := leftBehind(t, "hot-part")
	temp := temporary(t)
	content, err := os.ReadFile(referenceOf(path).part)
	if err != nil {
		t.Fatal(err)
	}
	for at := 1100; at < len(content); at += 512 {
		copy(content[at-100:], bytes.Repeat([]byte{0xa5}, 64))
	}
	write(t, referenceOf(path).part, content)
	before := originals(t, filepath.Dir(path))
	var told reports
	s := open(t, path, afterSample(), WithErrorHandler(told.handle))
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrReference) {
		t.Errorf("told %v", told.errs)
	}
	if names, err := os.ReadDir(temp); err != nil || len(names) > 0 {
		t.Errorf("left %v: %v", names, err)
	}
	if after := originals(t, filepath.Dir(path)); after != before {
		t.Error("the originals were changed")
	}
}

// TestACopyWithoutTemporaryFiles is made in the mirror's directory.
func TestACopyWithoutTemporaryFiles(t *testing.T) {
	path, want := leftBehind(t, "hot-part")
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "missing"))
	}
	before := originals(t, filepath.Dir(path))
	s := open(t, path, afterSample())
	declareAll(t, s, want.Declared)
	sameData(t, uploaded(t, s), want.Data)
	if after := originals(t, filepath.Dir(path)); after != before {
		t.Error("files are left")
	}
}

// TestJournalsWithoutTheirDatabase say nothing.
func TestJournalsWithoutTheirDatabase(t *testing.T) {
	path, _ := leftBehind(t, "hot-part")
	journal, err := os.ReadFile(referenceOf(path).part + place.JournalSuffix)
	if err != nil {
		t.Fatal(err)
	}
	for name, emptied := range map[string]bool{"no file": false, "an empty one": true} {
		t.Run(name, func(t *testing.T) {
			path, want := leftBehind(t, "first-run")
			write(t, path+place.JournalSuffix, journal)
			if !emptied {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			before := originals(t, filepath.Dir(path))
			s := open(t, path, afterSample())
			declareAll(t, s, want.Declared)
			sameData(t, uploaded(t, s), want.Data)
			if after := originals(t, filepath.Dir(path)); after != before {
				t.Errorf("was\n%s\nis\n%s", before, after)
			}
		})
	}
}

// TestATransactionOverBothFiles is rolled back in both while the file that ties
// their journals together is there, and in neither after that is gone.
func TestATransactionOverBothFiles(t *testing.T) {
	for name, tied := range map[string]bool{"under way": true, "committed": false} {
		t.Run(name, func(t *testing.T) {
			path, want := leftBehind(t, "hot-part")
			super := path + "-mj00123A9BC"
			part := referenceOf(path).part
			journal, err := os.ReadFile(part + place.JournalSuffix)
			if err != nil {
				t.Fatal(err)
			}
			db := openOriginal(t, part)
			mustExec(t, db, `INSERT INTO monsters VALUES ('user-1', 6, '03/02/2026 11:00:00')`)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			write(t, part+place.JournalSuffix, append(journal, superRecord(super)...)) // of before it
			if tied {
				write(t, super, []byte(part+place.JournalSuffix+"\x00"))
			}
			before := originals(t, filepath.Dir(path))
			s := open(t, path, afterSample())
			declareAll(t, s, want.Declared)
			if !tied {
				want.Data["monsters"] = 6.0
			}
			sameData(t, uploaded(t, s), want.Data)
			if after := originals(t, filepath.Dir(path)); after != before {
				t.Errorf("was\n%s\nis\n%s", before, after)
			}
		})
	}
}

// superRecord is what a journal ends with that is one of several.
func superRecord(name string) []byte {
	const pageSize, lockByte = 512, 0x40000000
	var sum uint32
	for _, b := range []byte(name) {
		sum += uint32(b)
	}
	b := binary.BigEndian.AppendUint32(nil, lockByte/pageSize+1)
	b = append(b, name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	b = binary.BigEndian.AppendUint32(b, sum)
	return append(b, 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7)
}

// TestLookingLeavesTheOriginals: who only reads a mirror rolls nothing back.
func TestLookingLeavesTheOriginals(t *testing.T) {
	for _, opt := range []Option{ReadOnly(), Existing()} {
		path, _ := leftBehind(t, "hot-master")
		before := originals(t, filepath.Dir(path))
		if s, err := Open(path, opt); err == nil {
			closeStore(t, s)
			t.Error("there is a mirror")
		}
		if after := originals(t, filepath.Dir(path)); after != before {
			t.Errorf("was\n%s\nis\n%s", before, after)
		}
	}
}
