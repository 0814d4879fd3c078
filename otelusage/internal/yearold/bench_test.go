package yearold

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// yearEnv names a mirror that [Make] made before, or a place for it: without it one is
// made in each run of the benchmarks.
const yearEnv = "OTELUSAGE_YEAR"

// mirrors returns a year-old mirror and a fresh one, whose last runs were made at end.
func mirrors(b *testing.B) (paths [2]string, end time.Time) {
	b.Helper()
	end = time.Now().Add(-time.Hour)
	year := os.Getenv(yearEnv)
	if year == "" {
		year = filepath.Join(b.TempDir(), "usage.db")
	}
	if _, err := os.Stat(year); err != nil {
		must(b, Make(year, Hours, end))
	}
	for i := range paths {
		paths[i] = filepath.Join(b.TempDir(), "usage.db")
	}
	must(b, copyFile(year, paths[0]))
	must(b, Make(paths[1], 1, end))
	return paths, end
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// BenchmarkPhases measures, in one process, what each part of a run takes in a year-old
// mirror and in a fresh one, in turn: the medians, and how many times the latter. Every
// day has eight runs, or one, which is then the first one of a day.
func BenchmarkPhases(b *testing.B) {
	for name, step := range map[string]time.Duration{"in a day": 3 * time.Hour, "first of a day": 24 * time.Hour} {
		b.Run(name, func(b *testing.B) {
			paths, at := mirrors(b)
			var took [2][len(phases)][]time.Duration
			for number := Hours; b.Loop(); number++ {
				at = at.Add(step)
				for i, path := range paths {
					for phase, d := range inPhases(b, path, number, at) {
						took[i][phase] = append(took[i][phase], d)
					}
				}
			}
			for phase, name := range phases {
				report(b, name, took[0][phase], took[1][phase])
			}
		})
	}
}

var phases = [...]string{"open", "record", "submit", "close"}

func inPhases(b *testing.B, path string, number int, at time.Time) (took [len(phases)]time.Duration) {
	b.Helper()
	var r *Run
	for phase, f := range [...]func() error{
		func() (err error) {
			if r, err = Start(path, number, at); err == nil {
				err = r.Count()
			}
			return err
		},
		func() error { return r.Record() }, func() error { return r.Submit() }, func() error { return r.Close() },
	} {
		start := time.Now()
		must(b, f())
		took[phase] = time.Since(start)
	}
	return took
}

func report(b *testing.B, name string, year, fresh []time.Duration) {
	slices.Sort(year)
	slices.Sort(fresh)
	of, to := year[len(year)/2], fresh[len(fresh)/2]
	b.ReportMetric(float64(of.Microseconds())/1e3, name+"-year-ms")
	b.ReportMetric(float64(to.Microseconds())/1e3, name+"-fresh-ms")
	b.ReportMetric(float64(of)/float64(to), name+"-times")
}

// BenchmarkYearOld runs whole processes that count, record and submit, on a year-old
// mirror and on a fresh one in turn, and measures what they take of the processor.
func BenchmarkYearOld(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "hourly")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./testdata/hourly").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	paths, _ := mirrors(b)
	var took [2][]time.Duration
	for b.Loop() {
		for i, path := range paths {
			cmd := exec.Command(binary, path)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			took[i] = append(took[i], cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
	}
	report(b, "process", took[0], took[1])
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
