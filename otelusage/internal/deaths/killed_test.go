package deaths

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// killedAfter is when a program ends that nobody kills, because its parent failed.
const killedAfter = 30 * time.Second

// runUntilKilled counts at an ordinary rate, or as fast as it can.
func runUntilKilled(p program) {
	u, k := p.start()
	for u.Store() == nil { // the start is tried again: until then it has no journal
		time.Sleep(time.Millisecond)
	}
	fmt.Println("begin")
	var all sync.WaitGroup
	for i := range max(p.Goroutines, 1) {
		all.Go(func() {
			l, err := openLedger(fmt.Sprint(p.Ledger, "-", i))
			if err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			k.countUntilKilled(l, p.Job == "count")
		})
	}
	all.Wait()
}

func (k *tracked) countUntilKilled(l sideLedger, ordinary bool) {
	ended := time.Now().Add(killedAfter)
	for n := uint64(1); ; n++ {
		for kind := range kinds {
			of := &l.pages.Counts[kind]
			l.store(&of.Began, n)
			k.countOne(kind, n)
			l.store(&of.Made, n)
		}
		if n%16 != 0 && !ordinary {
			continue
		}
		now := time.Now()
		if now.After(ended) {
			return
		}
		l.sample(now)
		if ordinary {
			time.Sleep(rand.N(2 * time.Millisecond))
		}
	}
}

// countOne counts once; each hit of the Sequence is one.
func (k *tracked) countOne(kind int, n uint64) {
	switch kind {
	case 0:
		k.n.Inc()
	case 1:
		k.f.Add(0.25)
	case 2:
		k.t.Record(context.Background(), 3*time.Millisecond)
	case 3:
		k.s.Set(stateAfter(n))
	case 4:
		k.q.Hit([]string{"open", "save"}[n%2])
	}
}

// stateAfter is what a program enters as its nth state, which it never is in already:
// that would be no entry.
func stateAfter(n uint64) string { return fmt.Sprint("state ", n%4, " of ", os.Getpid()) }

// recoverForEver opens the mirror again and again: each time it recovers.
func recoverForEver(p program) {
	fmt.Println("begin")
	for ended := time.Now().Add(killedAfter); time.Now().Before(ended); {
		s, err := localstore.Open(p.Mirror, localstore.WithErrorHandler(func(err error) { fmt.Println("error", err) }))
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			fmt.Println("error", err)
		}
	}
}
