//go:build unix

package deaths

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestASuspendedOwner wakes after everything was erased: with its next recording what
// it counted before is gone, from its journal too. What it counts then is kept.
func TestASuspendedOwner(t *testing.T) {
	for _, closes := range []bool{true, false} {
		p := program{Job: "spoiled", Close: closes, Mirror: filepath.Join(t.TempDir(), "usage.db"), URL: nowhere}
		p.runSpoiled(t, func(owner *os.Process) {
			must(t, owner.Signal(syscall.SIGSTOP))
			s, err := localstore.Open(p.Mirror, localstore.Existing())
			must(t, err)
			began := time.Now()
			if err := s.Erase(t.Context()); !errors.Is(err, localstore.ErrErasePending) {
				t.Errorf("Erase beside a suspended owner = %v, want ErrErasePending", err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it waited for %v", took)
			}
			must(t, s.Close())
			must(t, owner.Signal(syscall.SIGCONT))
		})
		s, err := localstore.Open(p.Mirror)
		must(t, err)
		recorded, _ := inMirror(t, s)
		must(t, s.Close())
		if want := counted("state 3rd"); !recorded.equal(want) {
			t.Errorf("recorded %v, want %v", recorded, want)
		}
		files, err := filepath.Glob(p.Mirror + "*")
		must(t, err)
		for _, path := range files {
			b, err := os.ReadFile(path)
			must(t, err)
			for _, text := range []string{"state 1st", "state 2nd"} {
				if bytes.Contains(b, []byte(text)) {
					t.Errorf("%s has %q still", filepath.Base(path), text)
				}
			}
		}
	}
}

// TestAnotherVersionWithOtherKinds recovers what the former one counted, under that
// one's kinds.
func TestAnotherVersionWithOtherKinds(t *testing.T) {
	p := program{Job: "end", End: "os.Exit", Mirror: filepath.Join(t.TempDir(), "usage.db"), URL: nowhere, State: "left"}
	_, err := p.runAndSignal(t, nil)
	must(t, err)
	u := startHere(t, p.Mirror)
	var failed [3]error
	_, failed[0] = u.Tracker().Timer("n")
	_, failed[1] = u.Tracker().Statistic("t")
	_, failed[2] = u.Tracker().Statistic("s")
	for _, err := range failed {
		if err != nil && !errors.Is(err, otelusage.ErrConflict) {
			t.Error(err)
		}
	}
	recorded, pending := inMirror(t, u.Store())
	must(t, u.Close())
	if want := counted("left"); !recorded.equal(want) || !pending.equal(want) {
		t.Errorf("recorded %v, to be sent %v, want %v", recorded, pending, want)
	}
}
