//go:build unix

package deaths

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// sideLedger is what a program says of its counts, in memory that outlives it.
type sideLedger struct{ pages *ledgerPages }

func openLedger(path string) (sideLedger, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return sideLedger{}, err
	}
	defer f.Close()
	if err := f.Truncate(int64(unsafe.Sizeof(ledgerPages{}))); err != nil {
		return sideLedger{}, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(unsafe.Sizeof(ledgerPages{})), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return sideLedger{}, err
	}
	return sideLedger{(*ledgerPages)(unsafe.Pointer(&b[0]))}, nil
}

func (l sideLedger) store(p *uint64, n uint64) { atomic.StoreUint64(p, n) }
