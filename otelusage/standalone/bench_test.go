package standalone

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkProcess runs whole processes: one that starts, counts once and
// closes with nothing due, beside one that opens, commits once to and closes a
// bare database. Both find the file of an earlier run.
func BenchmarkProcess(b *testing.B) {
	for _, program := range []string{"bare", "tool"} {
		b.Run(program, func(b *testing.B) { runProgram(b, program) })
	}
}

// BenchmarkProgram runs the smallest programs that import each package, and
// reports the sizes of their binaries: what each package adds to a command-line
// tool. Those from tool on start standalone, count once and close. Nothing is
// sent. One that has the commands of package inspect does not run them.
func BenchmarkProgram(b *testing.B) {
	b.Setenv("DO_NOT_TRACK", "1")
	for _, program := range []string{"empty", "otelusage", "tool", "hq", "light", "otlp", "inspect"} {
		b.Run(program, func(b *testing.B) {
			binary := runProgram(b, program)
			info, err := os.Stat(binary)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB")
		})
	}
}

// runProgram measures a program below testdata and returns its binary. The time
// of the processor depends less on what else the machine does.
func runProgram(b *testing.B, program string) (binary string) {
	binary = filepath.Join(b.TempDir(), program)
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./testdata/"+program).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(b.TempDir(), "usage.db")
	run := func() time.Duration {
		cmd := exec.Command(binary, file)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	run()
	var cpu time.Duration
	for b.Loop() {
		cpu += run()
	}
	b.ReportMetric(float64(cpu.Microseconds())/1e3/float64(b.N), "cpu-ms/op")
	return binary
}
