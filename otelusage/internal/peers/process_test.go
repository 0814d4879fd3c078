package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkProcess runs whole programs, which find what an earlier run left. idle
// links package standalone and does nothing; those after it start, count once and
// end, that of Prometheus without exporting.
func BenchmarkProcess(b *testing.B) {
	for _, program := range []string{"empty", "idle", "tool", "xtelemetry", "prometheus"} {
		b.Run(program, func(b *testing.B) { runProgram(b, program) })
	}
}

// runProgram reports the size of a program, and the processor's time, which
// depends less than the clock on what else the machine does.
func runProgram(b *testing.B, program string) {
	binary := filepath.Join(b.TempDir(), program)
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./"+program).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	run := func() time.Duration {
		cmd := exec.Command(binary, dir)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
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
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}
