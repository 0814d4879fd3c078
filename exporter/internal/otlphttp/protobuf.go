package otlphttp

import "encoding/binary"

// The kinds of protobuf's encoding that OTLP uses.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

const maxFieldNumber = 1<<29 - 1

// field is one field of a message in protobuf's encoding.
type field struct {
	number uint64
	kind   uint64
	varint uint64 // of wireVarint
	bytes  []byte // of wireBytes
}

// eachField calls read with each field of a message, until it returns false. It
// reports whether the whole was read. It stands in for package protobuf, which
// adds 2 MB to a program and 0.3 ms to its start.
func eachField(message []byte, read func(field) bool) bool {
	for len(message) > 0 {
		f, rest, ok := nextField(message)
		if !ok || !read(f) {
			return false
		}
		message = rest
	}
	return true
}

func nextField(b []byte) (f field, rest []byte, ok bool) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return field{}, nil, false
	}
	b = b[n:]
	f = field{number: tag >> 3, kind: tag & 7}
	if f.number < 1 || f.number > maxFieldNumber {
		return field{}, nil, false
	}
	switch f.kind {
	case wireVarint:
		f.varint, n = binary.Uvarint(b)
		return f, b[max(n, 0):], n > 0
	case wire64:
		return skip(f, b, 8)
	case wire32:
		return skip(f, b, 4)
	case wireBytes:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return field{}, nil, false
		}
		b = b[n:]
		f.bytes = b[:size]
		return f, b[size:], true
	}
	return field{}, nil, false // a group, which OTLP has none of
}

func skip(f field, b []byte, size int) (field, []byte, bool) {
	if len(b) < size {
		return field{}, nil, false
	}
	return f, b[size:], true
}
