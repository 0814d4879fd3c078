package journal

import (
	"errors"
	"fmt"
	"io"
)

// header is what the first page of a file says.
type header struct {
	zero   bool // nothing
	run    run
	tags   [2]tag
	marked bool // superseded
	damage []string
}

// readHeader reads the first page. A file that was cut within it reads as one that
// goes on with zeros.
func readHeader(f io.ReaderAt) (header, error) {
	b := make([]byte, headerSize)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return header{}, fmt.Errorf("read header: %w", err)
	}
	return parseHeader(b)
}

func parseHeader(b []byte) (h header, err error) {
	if len(b) < headerSize || holdsNothing(b[:headerSize]) {
		h.zero = true
		return h, nil
	}
	v, known := readPreamble(b)
	if known && v > version {
		return h, fmt.Errorf("%w: %d, this program knows %d", ErrNewerFormat, v, version)
	}
	h.marked = isMarked(b)
	runBlock := b[runOffset : runOffset+runSize]
	switch r, ok := decodeRun(runBlock); {
	case ok:
		h.run = r
	case known && isZero(runBlock): // emptied
	default:
		return h, fmt.Errorf("%w: nobody can tell who wrote it", ErrDamaged)
	}
	if !known {
		h.damage = append(h.damage, "preamble")
	}
	if h.run.nonce == 0 {
		return h, nil
	}
	for i := range h.tags {
		at := tagOffset + int64(i)*tagStride
		t, damaged := decodeTag(h.run.nonce, at, b[at:at+tagSize])
		h.tags[i] = t
		if damaged {
			h.damage = append(h.damage, fmt.Sprintf("tag %d", i))
		}
	}
	return h, nil
}

// holdsNothing reports whether there is no byte but zero, apart from the mark, which
// is written into a file that is being made, too.
func holdsNothing(b []byte) bool {
	return isZero(b[:min(markOffset, len(b))]) && isZero(b[min(runOffset, len(b)):])
}

// isMarked: whatever stands there, somebody wanted the owner to stop.
func isMarked(b []byte) bool { return !isZero(b[markOffset : markOffset+8]) }

// holding returns the recording whose bases hold, given the number that the mirror
// has of this writer: that very one. Where a mirror is behind what the journal
// remembers, as one that was brought back from a backup, or the recording was made
// without the journal, it is the first one after it: the counts before that are
// not known here, and nothing is counted twice. Without a number in the mirror
// nothing was recorded, which the journal remembers as number 0, or the number was
// purged: the newest holds. ok is false where nothing can be told.
func (h *header) holding(row int64, known bool) (t tag, ok bool) {
	for _, next := range h.tags {
		switch {
		case !next.ok:
		case !known && next.seq == 0:
			return next, true
		case !known:
			if !ok || next.seq > t.seq {
				t, ok = next, true
			}
		case next.seq >= row && (!ok || next.seq < t.seq):
			t, ok = next, true
		}
	}
	return t, ok
}
