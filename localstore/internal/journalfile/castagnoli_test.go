package journalfile

import (
	"hash/crc32"
	"strings"
	"testing"
)

// FuzzChecksum: the checksums are those of package hash/crc32.
func FuzzChecksum(f *testing.F) {
	f.Add(uint32(0), []byte(nil))
	f.Add(uint32(0), []byte("123456789"))
	f.Add(uint32(1<<31), make([]byte, 257))
	f.Add(uint32(7), []byte(strings.Repeat("count", 300)))
	f.Fuzz(func(t *testing.T, start uint32, data []byte) {
		if got, want := update(start, data), crc32.Update(start, crc32.MakeTable(crc32.Castagnoli), data); got != want {
			t.Errorf("CRC-32C of %d bytes from %#x = %#x, want %#x", len(data), start, got, want)
		}
	})
}

// TestChecksum has the check value of the catalogue of parametrised CRC algorithms.
func TestChecksum(t *testing.T) {
	if got := Checksum([]byte("123456789")); got != 0xe3069283 {
		t.Errorf("CRC-32C of 123456789 = %#x, want 0xe3069283", got)
	}
}
