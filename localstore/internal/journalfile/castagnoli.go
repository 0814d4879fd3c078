package journalfile

import (
	"hash/crc32"
	"sync"
)

// Checksum returns the CRC-32C of data.
func Checksum(data []byte) uint32 { return update(0, data) }

// castagnoli is made at its first use in 10 microseconds. The tables that package
// hash/crc32 makes for the processor's own instruction take 0.2 ms, which is more than
// everything else that a program of a few milliseconds does with a journal.
var castagnoli = sync.OnceValue(func() *[8][256]uint32 {
	var t [8][256]uint32
	for i := range t[0] {
		c := uint32(i)
		for range 8 {
			c = c>>1 ^ crc32.Castagnoli&-(c&1)
		}
		t[0][i] = c
	}
	for i := range t[0] {
		for k := 1; k < len(t); k++ {
			c := t[k-1][i]
			t[k][i] = t[0][byte(c)] ^ c>>8
		}
	}
	return &t
})

// update continues a CRC-32C, eight bytes at a time: "slicing-by-8", M. Kounavis and
// F. Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation".
func update(crc uint32, p []byte) uint32 {
	t := castagnoli()
	crc = ^crc
	for ; len(p) >= 8; p = p[8:] {
		a, b := crc^Order.Uint32(p), Order.Uint32(p[4:])
		crc = t[7][byte(a)] ^ t[6][byte(a>>8)] ^ t[5][byte(a>>16)] ^ t[4][a>>24] ^
			t[3][byte(b)] ^ t[2][byte(b>>8)] ^ t[1][byte(b>>16)] ^ t[0][b>>24]
	}
	for _, x := range p {
		crc = t[0][byte(crc)^x] ^ crc>>8
	}
	return ^crc
}
