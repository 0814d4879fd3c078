package standalone

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkProcess runs whole processes, in turn, so that what else the machine does
// meets all of them: an empty program; one that links usage tracking and starts nothing;
// one that opens, commits once to and closes a bare database; and one that starts,
// counts once and closes. That one finds nothing due and opens no database (warm),
// opens it (due), or makes it (cold). Reported are the medians, and how many times what
// the idle one takes each takes.
func BenchmarkProcess(b *testing.B) {
	build := func(program string) string { return buildProgram(b, program) }
	tool, dir := build("tool"), b.TempDir()
	file := func(name string) string { return filepath.Join(dir, name, "usage.db") }
	runs := []*wholeRun{
		{name: "empty", binary: build("empty")},
		{name: "idle", binary: build("idle")},
		{name: "bare", binary: build("bare"), file: file("bare")},
		{name: "warm", binary: tool, file: file("warm")},
		{name: "due", binary: tool, file: file("due"), before: func(path string) error { return os.RemoveAll(path + ".warm") }},
		{name: "cold", binary: tool, file: file("cold"), before: func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(path)), os.Mkdir(filepath.Dir(path), 0o700))
		}},
	}
	for _, r := range runs {
		if err := os.MkdirAll(filepath.Dir(file(r.name)), 0o700); err != nil {
			b.Fatal(err)
		}
		r.once(b)
		r.took = nil
	}
	for b.Loop() {
		for _, r := range runs {
			r.once(b)
		}
	}
	idle := runs[1].median()
	for _, r := range runs {
		b.ReportMetric(float64(r.median().Microseconds())/1e3, r.name+"-ms")
		b.ReportMetric(float64(r.median())/float64(idle), r.name+"/idle")
	}
}

// wholeRun is a program that is run again and again.
type wholeRun struct {
	name, binary, file string
	before             func(path string) error
	took               []time.Duration // of the processor, which depends less on what else the machine does
}

func (r *wholeRun) once(b *testing.B) {
	b.Helper()
	if r.before != nil {
		if err := r.before(r.file); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command(r.binary, r.file)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	r.took = append(r.took, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
}

func (r *wholeRun) median() time.Duration {
	slices.Sort(r.took)
	return r.took[len(r.took)/2]
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

// BenchmarkLinked runs whole programs that link one dependency each and start nothing, in
// turn with an empty one: what of the start of a program is theirs.
func BenchmarkLinked(b *testing.B) {
	var runs []*wholeRun
	for _, program := range []string{"empty", "linked/http", "linked/api", "linked/sdk", "linked/sqlite", "idle"} {
		runs = append(runs, &wholeRun{name: filepath.Base(program), binary: buildProgram(b, program)})
	}
	for b.Loop() {
		for _, r := range runs {
			r.once(b)
		}
	}
	for _, r := range runs {
		info, err := os.Stat(r.binary)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.median().Microseconds())/1e3, r.name+"-ms")
		b.ReportMetric(float64(info.Size())/1e6, r.name+"-MB")
	}
}

// runProgram measures a program below testdata and returns its binary. The time
// of the processor depends less on what else the machine does.
func runProgram(b *testing.B, program string) (binary string) {
	binary = buildProgram(b, program)
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

func buildProgram(b *testing.B, program string) (binary string) {
	binary = filepath.Join(b.TempDir(), filepath.Base(program))
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./testdata/"+program).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return binary
}
