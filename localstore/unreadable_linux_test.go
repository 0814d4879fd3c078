package localstore

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// asNobody runs the test that calls it again as a user to whom permissions
// apply, and reports whether this process runs as one.
func asNobody(t *testing.T) bool {
	t.Helper()
	const nobody = 65534
	if os.Geteuid() != 0 {
		return true
	}
	dir := t.TempDir()
	program, temp := filepath.Join(dir, "test"), filepath.Join(dir, "temp")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Mkdir(temp, 0o700), os.Chown(temp, nobody, nobody),
		copyProgram(program)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = temp
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	testdata, err := filepath.Abs("testdata")
	if err == nil {
		err = os.CopyFS(filepath.Join(temp, "testdata", "reference"), os.DirFS(filepath.Join(testdata, "reference")))
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil:
		t.Skipf("there is no other user here: %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func copyProgram(to string) error {
	from, err := os.Open(os.Args[0])
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

// TestUnreadableOriginals: what this user may not read is reported and tried
// again, and counting goes on meanwhile.
func TestUnreadableOriginals(t *testing.T) {
	if !asNobody(t) {
		return
	}
	for name, files := range map[string]func(reference) []string{
		"master": func(r reference) []string { return []string{r.master} },
		"part":   func(r reference) []string { return []string{r.part} },
		"both":   func(r reference) []string { return []string{r.master, r.part} },
	} {
		t.Run(name, func(t *testing.T) {
			path := referenceFiles(t)
			change := func(mode os.FileMode) {
				t.Helper()
				for _, file := range files(referenceOf(path)) {
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
			if _, err := s.Begin(t.Context(), request(Cumulative)); !errors.Is(err, ErrReference) {
				t.Errorf("Begin = %v", err)
			}
			if len(told.errs) != 1 || !errors.Is(told.errs[0], ErrReference) {
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
			c.add(importInterval)
			record(t, w, add(statistic(r, "quests_complete"), 1))
			checkBalance(t, s, "quests_complete{}", wants{recorded: 46, accepted: 43, pending: 3})
		})
	}
}

// TestAnUnreadableMirrorIsNotLeftForAnother: what shows that it is one stays
// where it is.
func TestAnUnreadableMirrorIsNotLeftForAnother(t *testing.T) {
	if !asNobody(t) {
		return
	}
	s, c := fresh(t)
	path := s.Path()
	if err := s.SetMode(t.Context(), ModeLocal); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(path, WithClock(c.now)); !errors.Is(err, os.ErrPermission) {
		t.Errorf("Open = %v, %v", s, err)
	}
}
