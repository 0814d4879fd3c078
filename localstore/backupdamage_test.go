package localstore

import (
	"os"
	"path/filepath"
	"testing"
)

// TestABackupThatFindsDamageSetsItAside, as all that reads does: what the rest of
// the program counts goes on in a sound file.
func TestABackupThatFindsDamageSetsItAside(t *testing.T) {
	skipWhereOpenFilesStay(t)
	s, _ := fresh(t, WithErrorHandler(func(error) {}))
	execute(t, s, `CREATE TABLE stranger (x)`)
	execute(t, s, `INSERT INTO stranger VALUES (zeroblob(200000))`)
	execute(t, s, `INSERT INTO stranger VALUES (1), (2)`)
	execute(t, s, `PRAGMA wal_checkpoint(TRUNCATE)`)
	f, err := os.OpenFile(s.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var page, size int64
	s.db.Lock()
	page, _ = s.db.Conn.Find(`SELECT rootpage FROM sqlite_schema WHERE name = 'stranger'`)
	size, _ = s.db.Conn.Pragma("page_size")
	s.db.Unlock()
	if _, err := f.WriteAt([]byte("damage damage"), (page-1)*size); err != nil {
		t.Fatal(err)
	}
	execute(t, s, `PRAGMA shrink_memory`)
	_ = s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db"))
	if names := damagedFiles(t, s.Path()); len(names) != 1 {
		t.Errorf("set aside %v, want the damaged mirror", names)
	}
}
