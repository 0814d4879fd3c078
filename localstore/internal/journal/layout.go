package journal

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// The format is described in the package's documentation.
const (
	fileMagic   = "OTUjrnl\n"
	version     = 1
	pageSize    = 4096
	headerSize  = pageSize
	markOffset  = 64
	runOffset   = 128
	runSize     = 192
	tagOffset   = 512 // of the first; the second lies tagStride behind it
	tagStride   = 64
	tagSize     = 56
	cellHead    = 8  // checksum, length
	baseHead    = 16 // checksum, length, sequence number
	recordHead  = 24
	recordMagic = 0x7255544f // "OTUr"
	chunkMagic  = 0x6355544f // "OTUc"
	chunkHead   = 32
	maxChunk    = 1 << 20 // the longest identity is a little shorter
)

// The first extent of each kind is small, so that the journal of an ordinary
// program has 32 KiB; further ones are grownSize.
const (
	firstIdentities = 4 * pageSize
	firstValues     = pageSize
	firstBases      = 2 * pageSize
	grownSize       = 16 * pageSize
	warmSize        = 64 * pageSize // a longer file is cut when it is emptied
)

var (
	order = binary.LittleEndian
	table = crc32.MakeTable(crc32.Castagnoli)
)

// checksum covers the bytes with the run that wrote them and where they lie, so
// that what an earlier run left, or was copied, is never taken for this run's. It
// is the CRC-32C of the bytes that begins with a hash of the other two.
func checksum(nonce uint64, offset int64, data []byte) uint32 {
	x := nonce + uint64(offset)*0x9e3779b97f4a7c15
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return crc32.Update(uint32(x), table, data)
}

// seal writes the checksum of b[4:] into b.
func seal(nonce uint64, offset int64, b []byte) {
	order.PutUint32(b, checksum(nonce, offset, b[4:]))
}

func sealed(nonce uint64, offset int64, b []byte) bool {
	return order.Uint32(b) == checksum(nonce, offset, b[4:])
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// Observation is what a writer saw of the mirror's decisions.
type Observation struct {
	Epoch, Erasures int64
	Decided         int64 // when the decision beside the mirror was written, 0 without one
	MaySend, Off    bool
}

// tag says that the bases of one recording are complete.
type tag struct {
	ok       bool
	seq      int64
	observed Observation
	records  int // of identities, written by then
}

const (
	flagMaySend = 1 << iota
	flagOff
)

func tagAt(seq int64) int64 { return tagOffset + seq&1*tagStride }

func (t tag) encode(nonce uint64) []byte {
	b := make([]byte, tagSize)
	order.PutUint32(b[4:], 1)
	order.PutUint64(b[8:], uint64(t.seq))
	order.PutUint64(b[16:], uint64(t.observed.Epoch))
	order.PutUint64(b[24:], uint64(t.observed.Erasures))
	var flags uint64
	if t.observed.MaySend {
		flags |= flagMaySend
	}
	if t.observed.Off {
		flags |= flagOff
	}
	order.PutUint64(b[32:], flags)
	order.PutUint64(b[40:], uint64(t.records))
	order.PutUint64(b[48:], uint64(t.observed.Decided))
	seal(nonce, tagAt(t.seq), b)
	return b
}

// decodeTag reads a tag. One that is all zero was taken back; damaged says that
// there is something else.
func decodeTag(nonce uint64, offset int64, b []byte) (t tag, damaged bool) {
	if !sealed(nonce, offset, b) {
		return tag{}, !isZero(b)
	}
	flags := order.Uint64(b[32:])
	t = tag{ok: true, seq: int64(order.Uint64(b[8:])), observed: Observation{
		Epoch: int64(order.Uint64(b[16:])), Erasures: int64(order.Uint64(b[24:])), Decided: int64(order.Uint64(b[48:])),
		MaySend: flags&flagMaySend != 0, Off: flags&flagOff != 0,
	}, records: int(order.Uint64(b[40:]) & (1<<31 - 1))}
	if t.seq < 0 || tagAt(t.seq) != offset {
		return tag{}, true
	}
	return t, false
}

func preamble() []byte {
	b := make([]byte, markOffset)
	copy(b, fileMagic)
	order.PutUint32(b[8:], version)
	order.PutUint32(b[12:], crc32.Checksum(b[:12], table))
	return b
}

// readPreamble returns the version of a file; ok is false where the file does not
// say.
func readPreamble(b []byte) (v uint32, ok bool) {
	if string(b[:8]) != fileMagic || order.Uint32(b[12:]) != crc32.Checksum(b[:12], table) {
		return 0, false
	}
	return order.Uint32(b[8:]), true
}

// run is who wrote the content of a file. Without a nonce the file is empty.
type run struct {
	nonce          uint64
	mirror, writer string
	pid            int64
	started        int64 // nanoseconds since 1970
}

// MaxID is the most bytes that the id of a mirror or a writer has.
const MaxID = 64

func (r run) encode() []byte {
	b := make([]byte, runSize)
	order.PutUint64(b[8:], r.nonce)
	order.PutUint64(b[16:], uint64(r.pid))
	order.PutUint64(b[24:], uint64(r.started))
	b[32], b[33] = byte(len(r.mirror)), byte(len(r.writer))
	copy(b[40:40+MaxID], r.mirror)
	copy(b[40+MaxID:40+2*MaxID], r.writer)
	seal(r.nonce, runOffset, b)
	return b
}

func decodeRun(b []byte) (r run, ok bool) {
	nonce := order.Uint64(b[8:])
	if !sealed(nonce, runOffset, b) || b[32] > MaxID || b[33] > MaxID {
		return run{}, false
	}
	return run{
		nonce: nonce, pid: int64(order.Uint64(b[16:])), started: int64(order.Uint64(b[24:])),
		mirror: string(b[40 : 40+int(b[32])]), writer: string(b[40+MaxID : 40+MaxID+int(b[33])]),
	}, true
}

func putFloat(b []byte, f float64) { order.PutUint64(b, math.Float64bits(f)) }

func getFloat(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }

func align(n int) int { return (n + 7) &^ 7 }
