package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

func init() { children["erase"] = eraseForever }

// eraseForever erases again and again, and says so before each time.
func eraseForever(path, _, _ string) error {
	for {
		store, err := localstore.Open(path)
		if err != nil {
			return err
		}
		fmt.Println()
		if err := errors.Join(store.Erase(context.Background()), store.Close()); err != nil {
			return err
		}
	}
}

// recordedIn returns how much of n the mirror holds; every balance must hold.
func recordedIn(t *testing.T, s *localstore.Store) (n int64) {
	t.Helper()
	list, err := s.Balance(t.Context())
	must(t, err)
	for _, b := range list {
		if b.Off != "" {
			t.Fatal(b.Off)
		}
		if b.Name == "n" {
			n += b.Recorded.Int64()
		}
	}
	return n
}

// forgotten fails the test where the files of a mirror hold one of the texts.
func forgotten(t *testing.T, path string, texts []string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	must(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		for _, text := range texts {
			if bytes.Contains(content, []byte(text)) {
				t.Errorf("%s still holds %s", filepath.Base(file), text)
			}
		}
	}
}

// TestEraseWhileOthersRecordAndSubmit, several times over.
func TestEraseWhileOthersRecordAndSubmit(t *testing.T) {
	if testing.Short() {
		t.Skip("runs processes")
	}
	receiver := faulty.Start()
	t.Cleanup(receiver.Close)
	path := filepath.Join(t.TempDir(), "usage.db")
	store, err := localstore.Open(path, localstore.WithBusyTimeout(30*time.Second))
	must(t, err)
	const processes = 2
	together := countTogether(t, processes, path, receiver.URL)
	var old []string
	for range 3 {
		for waiting := true; waiting && recordedIn(t, store) == 0; { // so that there is something to erase
			select {
			case <-together.ended:
				waiting = false
			default:
			}
		}
		old = append(old, store.InstallationID(), store.MirrorID())
		if err := store.Erase(t.Context()); err != nil && !errors.Is(err, localstore.ErrErasePending) {
			t.Fatal(err)
		}
	}
	together.wait()
	if n := recordedIn(t, store); n >= 2*processes*childAdds {
		t.Errorf("%d recorded, want what was counted since the last Erase", n)
	}
	must(t, store.Close())
	store, err = localstore.Open(path) // finishes what was left
	must(t, err)
	must(t, store.Close())
	forgotten(t, path, old)
}

// TestKilledInTheMiddleOfErase leaves everything or nothing, and a mirror that
// the next Open finishes.
func TestKilledInTheMiddleOfErase(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	for range 10 {
		path := filepath.Join(t.TempDir(), "usage.db")
		r := setup{path: path}.start(t)
		r.statistic("n").Add(7)
		r.end()
		store, err := localstore.Open(path)
		must(t, err)
		old := store.InstallationID()
		must(t, store.Close())
		cmd := command(t, "erase", path, "", "")
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		_, err = io.ReadFull(out, make([]byte, 1+rand.IntN(3)))
		must(t, err)
		for range rand.IntN(200_000) { // spend a while that differs
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		store, err = localstore.Open(path)
		must(t, err)
		same, n := store.InstallationID() == old, recordedIn(t, store)
		if same && n != 7 || !same && n != 0 {
			t.Errorf("id kept: %v, yet %d are recorded", same, n)
		}
		must(t, store.Close())
		if !same {
			forgotten(t, path, []string{old})
		}
	}
}
