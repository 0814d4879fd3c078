package journalfile

import (
	"encoding/binary"
	"math"
)

// The format is described in the package's documentation.
const (
	fileMagic   = "OTUjrnl\n"
	Version     = 1
	PageSize    = 4096
	HeaderSize  = PageSize
	MarkOffset  = 64
	RunOffset   = 128
	RunSize     = 192
	TagOffset   = 512 // of the first; the second lies tagStride behind it
	TagStride   = 64
	TagSize     = 56
	CellHead    = 8  // checksum, length
	baseHead    = 16 // checksum, length, sequence number
	RecordHead  = 24
	RecordMagic = 0x7255544f // "OTUr"
	ChunkMagic  = 0x6355544f // "OTUc"
	ChunkHead   = 32
	maxChunk    = 1 << 20 // the longest identity is a little shorter
)

// The first extent of each kind is small, so that the journal of an ordinary
// program has 32 KiB; further ones are grownSize.
const (
	FirstIdentities = 4 * PageSize
	FirstValues     = PageSize
	FirstBases      = 2 * PageSize
	GrownSize       = 16 * PageSize
	WarmSize        = 64 * PageSize // a longer file is cut when it is emptied
)

// InitialSize is that of a journal with one extent of each kind, which lie in this order.
const (
	valuesAt     = HeaderSize
	basesAt      = valuesAt + FirstValues
	identitiesAt = basesAt + FirstBases
	InitialSize  = identitiesAt + FirstIdentities
)

// Order is that of the bytes of numbers.
var Order = binary.LittleEndian

// checksum covers the bytes with the run that wrote them and where they lie, so
// that what an earlier run left, or was copied, is never taken for this run's. It
// is the CRC-32C of the bytes that begins with a hash of the other two.
func checksum(nonce uint64, offset int64, data []byte) uint32 {
	x := nonce + uint64(offset)*0x9e3779b97f4a7c15
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return update(uint32(x), data)
}

// Seal writes the checksum of b[4:] into b.
func Seal(nonce uint64, offset int64, b []byte) {
	Order.PutUint32(b, checksum(nonce, offset, b[4:]))
}

func Sealed(nonce uint64, offset int64, b []byte) bool {
	return Order.Uint32(b) == checksum(nonce, offset, b[4:])
}

func IsZero(b []byte) bool { return withoutZeros(b) == 0 }

// withoutZeros returns how long b is without the zeros that it ends with.
func withoutZeros(b []byte) int {
	n := len(b)
	for n >= 8 && Order.Uint64(b[n-8:]) == 0 {
		n -= 8
	}
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}

// Observation is what a writer saw of the mirror's decisions.
type Observation struct {
	Epoch, Erasures int64
	Decided         int64 // when the decision beside the mirror was written, 0 without one
	MaySend, Off    bool
}

// Tag says that the bases of one recording are complete.
type Tag struct {
	Ok       bool
	Seq      int64
	Observed Observation
	Records  int // of identities, written by then

	// Left says that the writer ended well, and left what it counted to the next
	// process that records.
	Left bool
}

const (
	flagMaySend = 1 << iota
	flagOff
	flagLeft
)

func TagAt(seq int64) int64 { return TagOffset + seq&1*TagStride }

func (t Tag) Encode(nonce uint64) []byte {
	b := make([]byte, TagSize)
	Order.PutUint32(b[4:], 1)
	Order.PutUint64(b[8:], uint64(t.Seq))
	Order.PutUint64(b[16:], uint64(t.Observed.Epoch))
	Order.PutUint64(b[24:], uint64(t.Observed.Erasures))
	var flags uint64
	if t.Observed.MaySend {
		flags |= flagMaySend
	}
	if t.Observed.Off {
		flags |= flagOff
	}
	if t.Left {
		flags |= flagLeft
	}
	Order.PutUint64(b[32:], flags)
	Order.PutUint64(b[40:], uint64(t.Records))
	Order.PutUint64(b[48:], uint64(t.Observed.Decided))
	Seal(nonce, TagAt(t.Seq), b)
	return b
}

// decodeTag reads a tag. One that is all zero was taken back; damaged says that
// there is something else.
func decodeTag(nonce uint64, offset int64, b []byte) (t Tag, damaged bool) {
	if !Sealed(nonce, offset, b) {
		return Tag{}, !IsZero(b)
	}
	flags := Order.Uint64(b[32:])
	t = Tag{Ok: true, Seq: int64(Order.Uint64(b[8:])), Observed: Observation{
		Epoch: int64(Order.Uint64(b[16:])), Erasures: int64(Order.Uint64(b[24:])), Decided: int64(Order.Uint64(b[48:])),
		MaySend: flags&flagMaySend != 0, Off: flags&flagOff != 0,
	}, Records: int(Order.Uint64(b[40:]) & (1<<31 - 1)), Left: flags&flagLeft != 0}
	if t.Seq < 0 || TagAt(t.Seq) != offset {
		return Tag{}, true
	}
	return t, false
}

func Preamble() []byte {
	b := make([]byte, MarkOffset)
	copy(b, fileMagic)
	Order.PutUint32(b[8:], Version)
	Order.PutUint32(b[12:], Checksum(b[:12]))
	return b
}

// readPreamble returns the version of a file; ok is false where the file does not
// say.
func readPreamble(b []byte) (v uint32, ok bool) {
	if string(b[:8]) != fileMagic || Order.Uint32(b[12:]) != Checksum(b[:12]) {
		return 0, false
	}
	return Order.Uint32(b[8:]), true
}

// Run is who wrote the content of a file. Without a nonce the file is empty.
type Run struct {
	Nonce          uint64
	Mirror, Writer string
	Pid            int64
	Started        int64  // nanoseconds since 1970
	Heirs          uint32 // how many processes went on with it
}

// MaxID is the most bytes that the id of a mirror or a writer has.
const MaxID = 64

func (r Run) Encode() []byte {
	b := make([]byte, RunSize)
	Order.PutUint64(b[8:], r.Nonce)
	Order.PutUint64(b[16:], uint64(r.Pid))
	Order.PutUint64(b[24:], uint64(r.Started))
	b[32], b[33] = byte(len(r.Mirror)), byte(len(r.Writer))
	Order.PutUint32(b[36:], r.Heirs)
	copy(b[40:40+MaxID], r.Mirror)
	copy(b[40+MaxID:40+2*MaxID], r.Writer)
	Seal(r.Nonce, RunOffset, b)
	return b
}

func decodeRun(b []byte) (r Run, ok bool) {
	nonce := Order.Uint64(b[8:])
	if !Sealed(nonce, RunOffset, b) || b[32] > MaxID || b[33] > MaxID {
		return Run{}, false
	}
	return Run{
		Nonce: nonce, Pid: int64(Order.Uint64(b[16:])), Started: int64(Order.Uint64(b[24:])),
		Mirror: string(b[40 : 40+int(b[32])]), Writer: string(b[40+MaxID : 40+MaxID+int(b[33])]),
		Heirs: Order.Uint32(b[36:]),
	}, true
}

func putFloat(b []byte, f float64) { Order.PutUint64(b, math.Float64bits(f)) }

func getFloat(b []byte) float64 { return math.Float64frombits(Order.Uint64(b)) }

func Align(n int) int { return (n + 7) &^ 7 }
