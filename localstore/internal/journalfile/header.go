package journalfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Header is what the first page of a file says.
type Header struct {
	Zero   bool // nothing
	Run    Run
	Tags   [2]Tag
	Marked bool // superseded
	Damage []string
}

// headSize is how much of the first page is in use.
const headSize = TagOffset + 2*TagStride

// ReadHeader reads the first page. A file that was cut within it reads as one that
// goes on with zeros.
func ReadHeader(f File) (Header, error) {
	b := make([]byte, headSize)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return Header{}, fmt.Errorf("read header: %w", err)
	}
	return parseHeader(b)
}

// IsStill reports whether a file that was read is of the same run and has the same
// recordings as then.
func IsStill(f File, was []byte) (bool, error) {
	var now [headSize - RunOffset]byte
	n, err := f.ReadAt(now[:], RunOffset)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read header: %w", err)
	}
	return len(was) >= headSize && bytes.Equal(now[:n], was[RunOffset:headSize]), nil
}

func parseHeader(b []byte) (h Header, err error) {
	if len(b) < headSize || HoldsNothing(b[:headSize]) {
		h.Zero = true
		return h, nil
	}
	v, known := readPreamble(b)
	if known && v > Version {
		return h, fmt.Errorf("%w: %d, this program knows %d", ErrNewerFormat, v, Version)
	}
	h.Marked = isMarked(b)
	runBlock := b[RunOffset : RunOffset+RunSize]
	switch r, ok := decodeRun(runBlock); {
	case ok:
		h.Run = r
	case known && IsZero(runBlock): // emptied
	default:
		return h, fmt.Errorf("%w: nobody can tell who wrote it", ErrDamaged)
	}
	if !known {
		h.Damage = append(h.Damage, "preamble")
	}
	if h.Run.Nonce == 0 {
		return h, nil
	}
	for i := range h.Tags {
		at := TagOffset + int64(i)*TagStride
		t, damaged := decodeTag(h.Run.Nonce, at, b[at:at+TagSize])
		h.Tags[i] = t
		if damaged {
			h.Damage = append(h.Damage, fmt.Sprintf("tag %d", i))
		}
	}
	return h, nil
}

// HoldsNothing reports whether there is no byte but zero, apart from the mark, which
// is written into a file that is being made, too.
func HoldsNothing(b []byte) bool {
	return IsZero(b[:min(MarkOffset, len(b))]) && IsZero(b[min(RunOffset, len(b)):])
}

// isMarked: whatever stands there, somebody wanted the owner to stop.
func isMarked(b []byte) bool { return !IsZero(b[MarkOffset : MarkOffset+8]) }

// Holding returns the recording whose bases hold, given the number that the mirror
// has of this writer: that very one. Where a mirror is behind what the journal
// remembers, as one that was brought back from a backup, or the recording was made
// without the journal, it is the first one after it: the counts before that are
// not known here, and nothing is counted twice. Without a number in the mirror
// nothing was recorded, which the journal remembers as number 0, or the number was
// purged: the newest holds. ok is false where nothing can be told.
func (h *Header) Holding(row int64, known bool) (t Tag, ok bool) {
	for _, next := range h.Tags {
		switch {
		case !next.Ok:
		case !known && next.Seq == 0:
			return next, true
		case !known:
			if !ok || next.Seq > t.Seq {
				t, ok = next, true
			}
		case next.Seq >= row && (!ok || next.Seq < t.Seq):
			t, ok = next, true
		}
	}
	return t, ok
}
