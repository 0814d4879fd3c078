package peers

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/telemetry/counter"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// tracker records into a mirror with a journal, as it is by default.
var tracker *otelusage.Tracker

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	counter.OpenDir(filepath.Join(dir, "telemetry"))
	tracker = new(otelusage.Tracker)
	usage, err := standalone.Start(context.Background(), standalone.Config{
		FilePath: filepath.Join(dir, "usage.db"), ApplicationName: "peers", Tracker: tracker,
	})
	if err != nil {
		return 0, err
	}
	defer usage.Close()
	return m.Run(), nil
}

// batch is how many in a row best-ns/op is of.
const batch = 1000

// each benchmarks the ways to do one thing. Beside the mean it reports that of the
// fastest batch: what else the machine does only adds to a time.
func each(b *testing.B, ways ...way) {
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			best := time.Duration(math.MaxInt64)
			for left := b.N; left > 0; left -= batch {
				begun := time.Now()
				for range min(left, batch) {
					w.do()
				}
				if left >= batch {
					best = min(best, time.Since(begun))
				}
			}
			if b.N >= batch {
				b.ReportMetric(float64(best.Nanoseconds())/batch, "best-ns/op")
			}
		})
	}
}

type way struct {
	name string
	do   func()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
