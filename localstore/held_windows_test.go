package localstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// TestAnOpenMirrorStays, whatever is tried.
func TestAnOpenMirrorStays(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		path := s.Path() + suffix
		other := filepath.Join(t.TempDir(), "other.db")
		write(t, other, []byte("another file"))
		for what, err := range map[string]error{
			"removed": os.Remove(path), "renamed": os.Rename(path, other), "replaced": os.Rename(other, path),
		} {
			if !place.IsHeld(err) {
				t.Errorf("%s: %s was %s: %v", suffix, path, what, err)
			}
		}
	}
	record(t, w, add(n, 10))
	checkBalance(t, s, "n{}", wants{recorded: 11, pending: 11})
}

// TestDamageWaitsForWhoeverHasTheMirrorOpen: they close it with their next call,
// the last one sets it aside, and nothing that was counted is lost.
func TestDamageWaitsForWhoeverHasTheMirrorOpen(t *testing.T) {
	unreadable := func(t *testing.T, stores ...*Store) {
		t.Helper()
		execute(t, stores[0], `UPDATE totals SET recorded = 'no number' WHERE series_id IN
			(SELECT s.id FROM series s JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'n')`)
	}
	for name, spoil := range map[string]func(*testing.T, ...*Store){"pages": damage, "a value": unreadable} {
		t.Run(name, func(t *testing.T) {
			var told reports
			c, path := newClock(), newPath(t)
			a := open(t, path, c, WithErrorHandler(told.handle))
			b := open(t, path, c, WithErrorHandler(told.handle))
			page := open(t, path, c, ReadOnly())
			wa, wb := newWriter(t, a), newWriter(t, b)
			n, other := statistic(version("1"), "n"), statistic(version("1"), "other")
			record(t, wa, add(n, 1))
			record(t, wb, add(other, 1))
			spoil(t, a, b)

			carried := recordOrCarry(t, wa, n, 10)
			carried = recordOrCarry(t, wa, n, 10+carried) // it waits, however often it tries
			if !a.db.IsNoted() || a.db.Conn != nil || len(damagedFiles(t, path)) > 0 {
				t.Fatalf("noted: %v, still open: %v, set aside: %v", a.db.IsNoted(), a.db.Conn != nil, damagedFiles(t, path))
			}
			if _, err := Open(path, Existing()); !errors.Is(err, ErrDamaged) {
				t.Errorf("whoever would keep it open longer: %v", err)
			}
			_ = page.Path() // any call
			if page.db.Conn != nil {
				t.Error("a reader keeps the file open")
			}
			record(t, wb, add(other, 100)) // which reads nothing of the damage
			record(t, wa, add(n, 1000+carried))
			checkBalance(t, a, "n{}", wants{recorded: 1020, pending: 1020})
			checkBalance(t, b, "other{}", wants{recorded: 100, pending: 100})
			balanced(t, page)
			names := damagedFiles(t, path)
			if len(names) != 1 || len(told.errs) != 2 || !strings.Contains(errors.Join(told.errs...).Error(), names[0]) {
				t.Errorf("set aside %v, told %v, want one report by each", names, told.errs)
			}
			if files, _ := filepath.Glob(path + ".*"); len(files) != len(names) {
				t.Errorf("left: %v", files)
			}
		})
	}
}

// TestANoteAboutAnotherFile, which its process did not live to remove, harms no
// sound mirror.
func TestANoteAboutAnotherFile(t *testing.T) {
	var own string
	for name, text := range map[string]func(path string) string{
		"another file": func(string) string { return mirrordb.Note("1-2-3", true) },
		"half of one":  func(string) string { return "unrea" },
		"repaired":     func(path string) string { return mirrordb.Note(place.FileID(path), false) },
		"no file id":   func(string) string { return mirrordb.Note("", true) },
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
			own = s.MirrorID()
			write(t, s.Path()+mirrordb.NoteSuffix, []byte(text(s.Path())))
			record(t, writerOf(t, s), add(statistic(version("1"), "n"), 1))
			if s.db.IsNoted() || s.MirrorID() != own {
				t.Errorf("noted: %v, another mirror: %v", s.db.IsNoted(), s.MirrorID() != own)
			}
			closeStore(t, s)
			write(t, s.Path()+mirrordb.NoteSuffix, []byte(text(s.Path())))
			s = open(t, s.Path(), c)
			checkBalance(t, s, "n{}", wants{recorded: 2, pending: 2})
			if s.db.IsNoted() {
				t.Error("the note stays")
			}
		})
	}
}

// TestANoteThatStays, because somebody reads it, is heeded once.
func TestANoteThatStays(t *testing.T) {
	s, _ := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	write(t, s.Path()+mirrordb.NoteSuffix, []byte(mirrordb.Note(place.FileID(s.Path()), false)))
	held, err := os.Open(s.Path() + mirrordb.NoteSuffix)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	record(t, w, add(n, 10))
	conn := s.db.Conn
	record(t, w, add(n, 100))
	if _, err := os.Stat(s.Path() + mirrordb.NoteSuffix); err != nil || conn == nil || s.db.Conn != conn {
		t.Errorf("the note: %v, opened anew: %v", err, s.db.Conn != conn)
	}
	checkBalance(t, s, "n{}", wants{recorded: 111, pending: 111})
}

// TestANoteOutlivesItsProcess: whoever starts next sets the file aside, also
// where no check finds the damage.
func TestANoteOutlivesItsProcess(t *testing.T) {
	var told reports
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	closeStore(t, s)
	write(t, s.Path()+mirrordb.NoteSuffix, []byte(mirrordb.Note(place.FileID(s.Path()), true)))
	s = open(t, s.Path(), c, WithErrorHandler(told.handle))
	if names := damagedFiles(t, s.Path()); len(names) != 1 || len(told.errs) != 1 || s.db.IsNoted() {
		t.Errorf("set aside %v, told %v, noted %v", names, told.errs, s.db.IsNoted())
	}
}

// TestAMirrorThatWasReplacedWhileItWasClosed for being damaged, by a person, is
// taken as it is.
func TestAMirrorThatWasReplacedWhileItWasClosed(t *testing.T) {
	for _, replaced := range []bool{true, false} {
		s, c := fresh(t)
		b := open(t, s.Path(), c)
		w, n := newWriter(t, s), statistic(version("1"), "n")
		record(t, w, add(n, 1))
		damage(t, s, b)
		carried := recordOrCarry(t, w, n, 10)
		b.db.Lock()
		b.db.Leave()
		if err := b.db.Close(); err != nil {
			t.Fatal(err)
		}
		b.db.Unlock()
		if err := place.RemoveAll(s.Path()); err != nil {
			t.Fatal(err)
		}
		want := int64(10)
		if replaced {
			other := open(t, newPath(t), c)
			record(t, newWriter(t, other), add(statistic(version("1"), "n"), 70))
			closeStore(t, other)
			if err := os.Rename(other.Path(), s.Path()); err != nil {
				t.Fatal(err)
			}
			want += 70
		}
		record(t, w, add(n, carried))
		checkBalance(t, s, "n{}", wants{recorded: want, pending: want})
		if s.db.IsNoted() {
			t.Error("the note stays")
		}
	}
}

// TestWhoOnlyLooksRests: a page that nobody looks at keeps nothing open.
func TestWhoOnlyLooksRests(t *testing.T) {
	for name, opt := range map[string]Option{"a reader": ReadOnly(), "who changes on request": Existing()} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
			closeStore(t, s)
			viewer := open(t, s.Path(), c, opt)
			balanced(t, viewer)
			if !viewer.db.IsOpen() || !viewer.db.IsResting() {
				t.Fatal("it is not open, or will be for good")
			}
			viewer.db.Lock()
			viewer.db.Rest()
			viewer.db.Unlock()
			moved := s.Path() + ".moved"
			if err := errors.Join(os.Rename(s.Path(), moved), os.Rename(moved, s.Path())); err != nil {
				t.Error(err)
			}
			checkBalance(t, viewer, "n{}", wants{recorded: 1, pending: 1})
		})
	}
}
