package journalpool

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestPresent: what may be there is found, whatever case or form the file system gives
// the mirror's name, and everything where the directory does not tell.
func TestPresent(t *testing.T) {
	for name, tt := range map[string]struct {
		files []string
		more  int
		want  []int // nil for all
	}{
		"none":              {files: []string{"usage.db", "usage.db-wal", "usage.db.journal", "usage.db.journal-0", "usage.db.journal-0g", "x.journal-000"}, want: []int{}},
		"some":              {files: []string{"usage.db.journal-00", "usage.db.journal-1f", "usage.db.journal-ff"}, want: []int{0, 31, 255}},
		"another spelling":  {files: []string{"USAGE.DB.JOURNAL-0A"}, want: []int{10}},
		"too many to read":  {more: mostEntries + 1},
		"as many as can be": {files: []string{"usage.db.journal-07"}, more: mostEntries - 1, want: []int{7}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for i := range tt.more {
				tt.files = append(tt.files, fmt.Sprintf("other%d", i))
			}
			for _, f := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			checkPresent(t, filepath.Join(dir, "usage.db"), tt.want)
		})
	}
	checkPresent(t, filepath.Join(t.TempDir(), "absent", "usage.db"), nil)
}

func checkPresent(t *testing.T, mirror string, want []int) {
	t.Helper()
	var wanted [Size]bool
	for i := range wanted {
		wanted[i] = want == nil
	}
	for _, i := range want {
		wanted[i] = true
	}
	if got := Present(mirror); got != wanted {
		t.Errorf("present: %v", got)
	}
}
