package localstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
)

// TestNoCopyIsLeft when reading it fails.
func TestNoCopyIsLeft(t *testing.T) {
	path, _ := leftBehind(t, "hot-part")
	temp := temporary(t)
	content, err := os.ReadFile(python.FilesOf(path).Part)
	if err != nil {
		t.Fatal(err)
	}
	for at := 1100; at < len(content); at += 512 {
		copy(content[at-100:], bytes.Repeat([]byte{0xa5}, 64))
	}
	write(t, python.FilesOf(path).Part, content)
	before := originals(t, filepath.Dir(path))
	var told reports
	s := open(t, path, afterSample(), WithErrorHandler(told.handle))
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrOriginal) {
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
	journal, err := os.ReadFile(python.FilesOf(path).Part + place.JournalSuffix)
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
			part := python.FilesOf(path).Part
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
