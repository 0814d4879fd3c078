package deaths

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// runShortly counts three times and ends at once.
func runShortly(p program) {
	u, k := p.start()
	for range 3 {
		k.n.Inc()
	}
	if p.Close {
		began := time.Now()
		if err := u.Close(); err != nil {
			fmt.Println("error", err)
		}
		fmt.Println("took", int64(time.Since(began)))
	}
	os.Exit(0)
}

// TestManyShortPrograms start at once, count three times and end. None is without a
// count in the mirror, and none waits for the others at its end.
func TestManyShortPrograms(t *testing.T) {
	for _, tt := range []struct{ closes, fresh bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		t.Run(fmt.Sprintf("close %v, on a new mirror %v", tt.closes, tt.fresh), func(t *testing.T) {
			many := min(max(12, rounds(0)), 200)
			p := program{Job: "short", Close: tt.closes, Mirror: filepath.Join(t.TempDir(), "usage.db"), URL: nowhere}
			want := counts{}
			if !tt.fresh {
				isFound(t, p.Mirror, want, "new")
			}
			outputs := make([][]byte, many)
			var all sync.WaitGroup
			for i := range outputs {
				all.Go(func() {
					out, err := p.command(t).CombinedOutput()
					if err != nil {
						t.Error(err)
					}
					outputs[i] = out
				})
			}
			all.Wait()
			var took []time.Duration
			for _, out := range outputs {
				if list := errorsIn(out); len(list) > 0 {
					t.Logf("a program said %v", list) // as of a forwarder that a busy machine gives no time to end
				}
				var d time.Duration
				if _, text, ok := strings.Cut(string(out), "took "); ok {
					_, _ = fmt.Sscan(text, (*int64)(&d))
					took = append(took, d)
				}
			}
			want["n"] = float64(3 * many)
			if isFound(t, p.Mirror, want, "new") {
				t.Logf("%d of %d counts", 3*many, 3*many)
			}
			if len(took) > 0 {
				slices.Sort(took)
				t.Logf("Close took %v in the middle and %v at most", took[len(took)/2], took[len(took)-1])
			}
		})
	}
}
