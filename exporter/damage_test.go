package exporter

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// overwrite puts bytes in a file that others have open.
func overwrite(t *testing.T, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt(b, at)
	must(t, err)
	must(t, f.Close())
}

// TestDamageUnderThreeProcesses damages the mirror while three processes count
// on it. None of them fails; the next run opens at once; and what is in the
// file at the end is whole.
func TestDamageUnderThreeProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("runs processes")
	}
	for name, damage := range map[string]func(t *testing.T, path string, size int64){
		"cut in half":    func(t *testing.T, path string, size int64) { must(t, os.Truncate(path, size/2)) },
		"cut to nothing": func(t *testing.T, path string, _ int64) { must(t, os.Truncate(path, 0)) },
		"zeroed":         func(t *testing.T, path string, size int64) { overwrite(t, path, 0, make([]byte, size)) },
		"header":         func(t *testing.T, path string, _ int64) { overwrite(t, path, 0, []byte("no SQLite file")) },
		"schema":         func(t *testing.T, path string, _ int64) { overwrite(t, path, 100, bytes.Repeat([]byte{0xff}, 900)) },
		"pages": func(t *testing.T, path string, size int64) {
			for at := int64(4096); at < size; at += 4096 {
				overwrite(t, path, at, bytes.Repeat([]byte{0xa5}, 64))
			}
		},
		"half a log": func(t *testing.T, path string, _ int64) {
			info, err := os.Stat(path + "-wal")
			must(t, err)
			must(t, os.Truncate(path+"-wal", info.Size()/2))
		},
		"deleted": func(t *testing.T, path string, _ int64) {
			err := os.Remove(path)
			if runtime.GOOS == "windows" { // where an open file cannot be removed: they go on with it
				if err == nil {
					t.Error("an open mirror was removed")
				}
				return
			}
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := faulty.Start()
			t.Cleanup(receiver.Close)
			path := filepath.Join(t.TempDir(), "usage.db")
			const processes = 3
			together := countTogether(t, processes, path, receiver.URL)
			waitFor(t, func() bool { info, err := os.Stat(path + "-wal"); return err == nil && info.Size() > 100_000 })
			info, err := os.Stat(path)
			must(t, err)
			damage(t, path, info.Size())
			together.wait()

			began := time.Now()
			store, err := localstore.Open(path, localstore.WithErrorHandler(func(err error) { t.Log("next run:", err) }))
			must(t, err)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the next run took %v to open", took)
			}
			must(t, store.Close())
			r := setup{path: path, clock: &clock{t: time.Now()}}.start(t)
			defer r.end()
			r.balanced()
			n := r.statistic("n")
			aside, err := filepath.Glob(path + ".damaged-*")
			must(t, err)
			gone := len(aside) > 0 || name == "deleted" || name == "cut to nothing"
			for i := range processes {
				own := n.With(attribute.String("process", strconv.Itoa(i))).Value()
				if own > childAdds || own < childAdds && !gone {
					t.Errorf("process %d: the mirror holds %d of %d", i, own, childAdds)
				}
				t.Logf("process %d: %d in the file at the end", i, own)
			}
		})
	}
}

// waitFor waits for what another process does.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}
