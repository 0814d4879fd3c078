package localstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/importer"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

// withoutRights runs the test that calls it again as a user to whom permissions
// apply, and returns a directory of that user's; "" in the process that is done.
func withoutRights(t *testing.T) (dir string) {
	t.Helper()
	switch {
	case os.Geteuid() != 0:
		return t.TempDir()
	case !asChild(t, nil):
		return ""
	}
	return asNobody(t, func(string) {})
}

// TestUnreadableOriginals: what this user may not read is reported and tried
// again, and counting goes on meanwhile.
func TestUnreadableOriginals(t *testing.T) {
	recorded := map[string][]byte{"usage.db": recordedFile(t, "usage.db"), "usage.part.db": recordedFile(t, "usage.part.db")}
	dir := withoutRights(t)
	if dir == "" {
		return
	}
	for name, files := range map[string]func(python.Files) []string{
		"master": func(r python.Files) []string { return []string{r.Master} },
		"part":   func(r python.Files) []string { return []string{r.Part} },
		"both":   func(r python.Files) []string { return []string{r.Master, r.Part} },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name, "usage.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			for file, content := range recorded {
				write(t, filepath.Join(filepath.Dir(path), file), content)
			}
			change := func(mode os.FileMode) {
				t.Helper()
				for _, file := range files(python.FilesOf(path)) {
					if err := os.Chmod(file, mode); err != nil {
						t.Fatal(err)
					}
				}
			}
			change(0)
			var told reports
			c := afterSample()
			s := open(t, path, c, WithErrorHandler(told.handle))
			w, r := newWriter(t, s), version("1.0")
			record(t, w, add(statistic(r, "quests_complete"), 2))
			if _, err := s.Outbox().Begin(t.Context(), request(outbox.Cumulative)); !errors.Is(err, ErrOriginal) {
				t.Errorf("Begin = %v", err)
			}
			if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrOriginal) {
				t.Errorf("told %v", told.errs)
			}
			checkBalance(t, s, "quests_complete{}", wants{recorded: 2, pending: 2})
			closeStore(t, s)
			s = open(t, path, c, WithErrorHandler(told.handle)) // the next run finds it so, too
			if reader := open(t, path, c, ReadOnly()); reader.Path() != s.Path() {
				t.Errorf("for reading the mirror lies at %s", reader.Path())
			}
			w = newWriter(t, s)
			change(0o600)
			c.add(importer.ImportInterval)
			record(t, w, add(statistic(r, "quests_complete"), 1))
			checkBalance(t, s, "quests_complete{}", wants{recorded: 46, accepted: 43, pending: 3})
		})
	}
}

// TestAnUnreadableMirrorIsNotLeftForAnother, in which decisions would not hold
// for it.
func TestAnUnreadableMirrorIsNotLeftForAnother(t *testing.T) {
	dir := withoutRights(t)
	if dir == "" {
		return
	}
	c := newClock()
	s := open(t, filepath.Join(dir, "usage.db"), c)
	path := s.Path()
	closeStore(t, s)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(path, WithClock(c.now)); !errors.Is(err, os.ErrPermission) {
		t.Errorf("Open = %v, %v", s, err)
	}
}
