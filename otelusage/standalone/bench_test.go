package standalone

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkProcess runs whole processes: one that starts, counts once and
// closes with nothing due, beside one that opens, commits once to and closes a
// bare database. Both find the file of an earlier run.
func BenchmarkProcess(b *testing.B) {
	for _, program := range []string{"bare", "tool"} {
		b.Run(program, func(b *testing.B) {
			binary := filepath.Join(b.TempDir(), program)
			if out, err := exec.Command("go", "build", "-o", binary, "./testdata/"+program).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			file := filepath.Join(b.TempDir(), "usage.db")
			run := func() {
				if out, err := exec.Command(binary, file).CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
			run()
			for b.Loop() {
				run()
			}
		})
	}
}
