package journalfile

import (
	"hash/crc32"
	"sync"
)

// Checksum returns the CRC-32C of data.
func Checksum(data []byte) uint32 { return update(0, data) }

// The tables are made at their first use, the one for what is short in 2 microseconds and
// the others in 10. Those that package hash/crc32 makes for the processor's own instruction
// take 0.2 ms, which is more than everything else that a program of a few milliseconds does
// with a journal.
var (
	bytewise = sync.OnceValue(func() *[256]uint32 {
		var t [256]uint32
		for i := range t {
			c := uint32(i)
			for range 8 {
				c = c>>1 ^ crc32.Castagnoli&-(c&1)
			}
			t[i] = c
		}
		return &t
	})
	eightwise = sync.OnceValue(func() *[8][256]uint32 {
		t := [8][256]uint32{*bytewise()}
		for i := range t[0] {
			for k := 1; k < len(t); k++ {
				c := t[k-1][i]
				t[k][i] = t[0][byte(c)] ^ c>>8
			}
		}
		return &t
	})
)

// long is from where on the larger tables are worth it.
const long = 1 << 10

// update continues a CRC-32C, eight bytes at a time where there are many: "slicing-by-8",
// M. Kounavis and F. Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC
// Generation".
func update(crc uint32, p []byte) uint32 {
	crc = ^crc
	if len(p) >= long {
		t := eightwise()
		for ; len(p) >= 8; p = p[8:] {
			a, b := crc^Order.Uint32(p), Order.Uint32(p[4:])
			crc = t[7][byte(a)] ^ t[6][byte(a>>8)] ^ t[5][byte(a>>16)] ^ t[4][a>>24] ^
				t[3][byte(b)] ^ t[2][byte(b>>8)] ^ t[1][byte(b>>16)] ^ t[0][b>>24]
		}
	}
	t := bytewise()
	for _, x := range p {
		crc = t[byte(crc)^x] ^ crc>>8
	}
	return ^crc
}
