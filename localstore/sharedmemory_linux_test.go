package localstore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

func TestAMirrorWithoutSharedMemory(t *testing.T) {
	if !asChild(t, nil) {
		return
	}
	withoutSharedMemory(t)
	if sqlitedb.MapsShared(t.TempDir()) {
		t.Fatal("files can be mapped")
	}
	for _, existing := range []bool{false, true} {
		path := newPath(t)
		if existing { // an empty file is filled in place
			mkdir(t, filepath.Dir(path))
			write(t, path, nil)
		}
		stores := openTogether(t, path, 4, 5)
		checkBalance(t, open(t, path, newClock(), ReadOnly()), "n{}", wants{recorded: 20, pending: 20})
		expect(t, stores[0], "delete", `PRAGMA journal_mode`)
		expect(t, stores[0], "2", `PRAGMA synchronous`)
		for _, s := range stores {
			closeStore(t, s)
		}
		if got := listing(t, filepath.Dir(path)); got != "-rw------- usage.db  0s" {
			t.Errorf("left:\n%s", got)
		}
	}
}

// TestALogWhereNoneCanBe is what a mirror has that was made on another file
// system. The counts in its log are kept.
func TestALogWhereNoneCanBe(t *testing.T) {
	const env = "LOCALSTORE_MIRROR"
	path := os.Getenv(env)
	if path == "" {
		s, _ := fresh(t)
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		path = filepath.Join(t.TempDir(), "usage.db")
		for _, suffix := range []string{"", "-wal"} { // as a copy of a running one
			content, err := os.ReadFile(s.Path() + suffix)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path+suffix, content)
		}
		t.Setenv(env, path)
	}
	if !asChild(t, nil) {
		s := open(t, path, newClock())
		expect(t, s, "wal", `PRAGMA journal_mode`) // where there can be one again
		checkBalance(t, s, "n{}", wants{recorded: 11, pending: 11})
		return
	}
	withoutSharedMemory(t)
	if _, err := Open(path, ReadOnly()); err == nil || !strings.Contains(err.Error(), "no memory for a write-ahead log") {
		t.Errorf("Open for reading = %v", err)
	}
	s := open(t, path, newClock(), Existing())
	expect(t, s, "delete", `PRAGMA journal_mode`)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 10))
	checkBalance(t, s, "n{}", wants{recorded: 11, pending: 11})
}
