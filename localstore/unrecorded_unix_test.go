//go:build unix

package localstore

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestNoJournalInAJournalsPlace: what is none is not read, is not waited for, and is
// listed. A journal behind it is read all the same.
func TestNoJournalInAJournalsPlace(t *testing.T) {
	for name, lay := range map[string]func(path, victim string) error{
		"a link":            func(path, victim string) error { return os.Symlink(victim, path) },
		"a link to nothing": func(path, victim string) error { return os.Symlink(victim+"-none", path) },
		"a second name":     func(path, victim string) error { return os.Link(victim, path) },
		"a pipe":            func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory":       func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"a device":          func(path, _ string) error { return os.Symlink("/dev/zero", path) },
		"of another user": func(path, victim string) error {
			b, err := os.ReadFile(victim)
			return errors.Join(err, os.WriteFile(path, b, 0o600), os.Chown(path, 12345, 12345))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			p, other := counting(t, open(t, s.Path(), c), true), counting(t, open(t, s.Path(), c), true)
			p.count(t)
			p.die(t, p.remains(t))
			other.count(t)
			path := journalpool.Path(s.Path(), 0)
			victim := path + "-victim"
			if err := os.Rename(path, victim); err != nil {
				t.Fatal(err)
			}
			if err := lay(path, victim); err != nil {
				t.Skip(err)
			}
			viewer := open(t, s.Path(), c, ReadOnly())
			if counted, _ := shown(lookAt(t, viewer)); !counted.equal(other.counted()) {
				t.Errorf("counted %v, want %v", counted, other.counted())
			}
			if _, err := viewer.Revision(t.Context()); err != nil {
				t.Error(err)
			}
			h, err := viewer.Examine(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(h.Journals) != 2 || h.Journals[0].Standing != journalpool.Strange || !errors.Is(h.Journals[0].Err, journalfile.ErrNotJournal) || h.Journals[1].Standing != journalpool.Living {
				t.Errorf("journals %+v", h.Journals)
			}
		})
	}
}
