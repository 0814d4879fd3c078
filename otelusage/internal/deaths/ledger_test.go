package deaths

import (
	"encoding/binary"
	"os"
	"testing"
	"time"
	"unsafe"
)

// kinds are what is counted, with what one count adds to the mirror under names that
// begin so.
var kinds = [...]struct {
	prefix string
	each   float64
}{{"n", 1}, {"f", 0.25}, {"runs of t", 1}, {"s.changes", 1}, {"q.checkpoints", 1}}

const samples = 2048

// ledgerPages are the ledger of one goroutine.
type ledgerPages struct {
	Counts  [len(kinds)]struct{ Began, Made uint64 }
	Next    uint64
	Samples [samples]struct {
		At   uint64 // in nanoseconds
		Made [len(kinds)]uint64
	}
}

// sample notes what was made by now, about once a millisecond.
func (l sideLedger) sample(now time.Time) {
	p := l.pages
	s := &p.Samples[p.Next%samples]
	at := uint64(now.UnixNano())
	if last := p.Samples[(p.Next+samples-1)%samples].At; at-last < uint64(time.Millisecond) && last != 0 {
		return
	}
	for i := range s.Made {
		l.store(&s.Made[i], p.Counts[i].Made)
	}
	l.store(&s.At, at)
	l.store(&p.Next, p.Next+1)
}

func readLedger(t testing.TB, path string) *ledgerPages {
	t.Helper()
	p := new(ledgerPages)
	b, err := os.ReadFile(path)
	if err != nil {
		return p // it was killed before it began
	}
	full := make([]byte, unsafe.Sizeof(*p))
	copy(full, b)
	_, err = binary.Decode(full, binary.NativeEndian, p)
	must(t, err)
	return p
}

// lag returns how long before its end a ledger had as much as was found of a kind.
func (p *ledgerPages) lag(kind int, found uint64) time.Duration {
	if p.Next == 0 || found >= p.Counts[kind].Made {
		return 0
	}
	last := p.Samples[(p.Next-1)%samples].At
	for i := range min(p.Next, samples) {
		s := &p.Samples[(p.Next-1-i)%samples]
		if s.Made[kind] <= found {
			return time.Duration(last - s.At)
		}
	}
	return time.Hour
}
